/** ImageStreamMapping: how the registry, and builds elsewhere, put an image under a tag. */
import { images, imageStreamMappings, type ImageStreamMapping } from '../../api/kinds/image.ts';
import { toTime, type KubeObject } from '../../api/meta.ts';
import { invalid, invalidValue, isStatusError, required, type FieldError } from '../../api/status.ts';
import { isDigest } from '../../oci/digest.ts';
import { isTag } from '../../oci/reference.ts';
import type { VirtualKind } from '../kernel/apiserver/kind.ts';
import type { LateClient } from '../kernel/boot/late-client.ts';
import { changeStream } from './stream-writes.ts';
import { addTagEvent, updateFollowers } from './tag-history.ts';

export function imageStreamMappingKind(late: LateClient): VirtualKind<ImageStreamMapping> {
  return {
    type: 'virtual',
    resource: imageStreamMappings,
    async create({ namespace, now }, mapping) {
      const tag = mapping.tag || 'latest';
      const { image } = mapping;
      const errors = check(mapping, tag);
      if (errors.length > 0) throw invalid(imageStreamMappings, mapping.metadata.name, errors);
      const client = late.get();
      await client.create(images, { ...image, apiVersion: 'image.openshift.io/v1', kind: 'Image' }).catch((error: unknown) => {
        // The same digest is the same image, whoever pushed it first.
        if (!isStatusError(error, 'AlreadyExists')) throw error;
      });
      await changeStream(client, { namespace, name: mapping.metadata.name, subresource: 'status' }, (stream) => {
        const event = { created: toTime(now), dockerImageReference: image.dockerImageReference ?? '', image: image.metadata.name, generation: stream.metadata.generation ?? 1 };
        if (!addTagEvent(stream, tag, event)) return undefined;
        updateFollowers(stream, tag);
        return stream;
      });
      return { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Success' } as unknown as KubeObject;
    },
  };
}

function check({ metadata, image }: ImageStreamMapping, tag: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!metadata.name) errors.push(required('metadata.name', 'the image stream'));
  if (!isTag(tag)) errors.push(invalidValue('tag', tag, 'must be a tag: letters, digits, "_", "." and "-", at most 128'));
  if (!image?.metadata?.name) errors.push(required('image.metadata.name'));
  else if (!isDigest(image.metadata.name)) errors.push(invalidValue('image.metadata.name', image.metadata.name, 'must be the digest of the manifest'));
  if (!image?.dockerImageReference) errors.push(required('image.dockerImageReference'));
  return errors;
}
