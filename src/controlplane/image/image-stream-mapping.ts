/** ImageStreamMapping: how the registry, and builds elsewhere, put an image under a tag. */
import { images, imageStreamMappings, type Image, type ImageStreamMapping } from '../../api/kinds/image.ts';
import { toTime, type KubeObject } from '../../api/meta.ts';
import { badRequest, forbidden, invalid, invalidValue, isStatusError, required, type FieldError } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { isDigest } from '../../oci/digest.ts';
import { internalReference, isInternal, isTag, parseReference } from '../../oci/reference.ts';
import type { RequestContext, UserInfo, VirtualKind } from '../kernel/apiserver/kind.ts';
import type { Authorizer } from '../kernel/apiserver/ports.ts';
import type { LateClient } from '../kernel/boot/late-client.ts';
import { referenceErrors } from './import-request.ts';
import { changeStream } from './stream-writes.ts';
import { pullErrors } from './tag-access.ts';
import { addTagEvent, updateFollowers } from './tag-history.ts';

const managed = 'openshift.io/image.managed';

export function imageStreamMappingKind(late: LateClient, authorize: Authorizer): VirtualKind<ImageStreamMapping> {
  return {
    type: 'virtual',
    resource: imageStreamMappings,
    async create({ user, namespace = '', now, dryRun }: RequestContext, mapping) {
      const tag = mapping.tag || 'latest';
      const { image, metadata: { name } } = mapping;
      const errors = check(mapping, tag);
      if (errors.length > 0) throw invalid(imageStreamMappings, name, errors);
      if (dryRun) throw badRequest('an image cannot be mapped in a dry run');
      const client = late.get();
      const known = await keep(client, { ...image, apiVersion: 'image.openshift.io/v1', kind: 'Image' });
      if (known) await requirePull(user, namespace, name, known, authorize);
      // An image that was pushed elsewhere is pulled from here, too.
      const reference = known?.metadata.annotations?.[managed] === 'true' ? internalReference(namespace, name, { digest: image.metadata.name }) : (image.dockerImageReference ?? '');
      await changeStream(client, { namespace, name, subresource: 'status' }, (stream) => {
        const event = { created: toTime(now), dockerImageReference: reference, image: image.metadata.name, generation: stream.metadata.generation ?? 1 };
        if (!addTagEvent(stream, tag, event)) return undefined;
        updateFollowers(stream, tag);
        return stream;
      });
      return { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Success' } as unknown as KubeObject;
    },
  };
}

/** Makes the image. The same digest is the same image, whoever pushed it first: then it is given back as it is known. */
async function keep(client: Client, image: Image): Promise<Image | undefined> {
  try {
    await client.create(images, image);
    return undefined;
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
    return client.get(images, { name: image.metadata.name });
  }
}

/** Who names the digest of an image in the platform's registry gets to pull it, so must be able to already. */
async function requirePull(user: UserInfo, namespace: string, name: string, known: Image, authorize: Authorizer): Promise<void> {
  if (user.groups.includes('system:masters') || known.metadata.annotations?.[managed] !== 'true' || !known.dockerImageReference) return;
  const reference = parseReference(known.dockerImageReference);
  const [from = '', stream = ''] = reference.path.split('/');
  if (!isInternal(reference)) return;
  const source = { name: 'image', from: { kind: 'ImageStreamImage', namespace: from, name: `${stream}@${known.metadata.name}` } };
  const [refused] = await pullErrors(user, { namespace, name }, source, 'image', authorize);
  if (refused) throw forbidden(imageStreamMappings, name, `user "${user.username}" may not pull image ${known.metadata.name}, which is in another project`);
}

function check({ metadata, image }: ImageStreamMapping, tag: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!metadata.name) errors.push(required('metadata.name', 'the image stream'));
  if (!isTag(tag)) errors.push(invalidValue('tag', tag, 'must be a tag: letters, digits, "_", "." and "-", at most 128'));
  if (!image?.metadata?.name) errors.push(required('image.metadata.name'));
  else if (!isDigest(image.metadata.name)) errors.push(invalidValue('image.metadata.name', image.metadata.name, 'must be the digest of the manifest'));
  if (!image?.dockerImageReference) errors.push(required('image.dockerImageReference'));
  else errors.push(...referenceErrors(image.dockerImageReference, 'image.dockerImageReference'));
  return errors;
}
