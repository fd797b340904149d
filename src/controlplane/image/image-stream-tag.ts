/** ImageStreamTag `<stream>:<tag>`: a tag with its image, computed from the stream; writing one writes the stream. */
import { latestEvent, pullSpecOf } from '../../api/image-tags.ts';
import { equalJson } from '../../api/json.ts';
import { images, imageStreams, imageStreamTags, type Image, type ImageStream, type ImageStreamTag, type TagReference } from '../../api/kinds/image.ts';
import type { KubeObject } from '../../api/meta.ts';
import { agoOf } from '../../api/relative-time.ts';
import { alreadyExists, badRequest, invalid, invalidValue, notFound } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import type { RequestContext, VirtualKind } from '../kernel/apiserver/kind.ts';
import type { Authorizer } from '../kernel/apiserver/ports.ts';
import type { LateClient } from '../kernel/boot/late-client.ts';
import { pullErrors } from './tag-access.ts';
import { historyOf } from './tag-history.ts';
import { tagErrors } from './tag-rules.ts';
import { checkVersion, deleteTag, putTag, splitName, streamOf } from './tag-writes.ts';

export function imageStreamTagKind(late: LateClient, authorize: Authorizer): VirtualKind<ImageStreamTag> {
  const view = imageStreamTags;

  /** The tag as it is written, or what is wrong with it. */
  async function read(context: RequestContext, object: ImageStreamTag): Promise<TagReference | undefined> {
    const { name, annotations } = object.metadata;
    const { stream, tag } = splitName(view, name);
    if (context.dryRun) throw badRequest('a tag cannot be written in a dry run; patch the image stream itself');
    if (!object.tag) return undefined;
    const reference = { ...object.tag, name: tag, annotations: annotations ?? null };
    const given = object.tag.annotations;
    const errors = [
      ...(object.tag.name && object.tag.name !== tag ? [invalidValue('tag.name', object.tag.name, `must be "${tag}" or empty`)] : []),
      ...(given && !equalJson(given, annotations ?? {}) ? [invalidValue('tag.annotations', '<map>', 'tag annotations must not be provided or must be equal to the object meta annotations')] : []),
      ...tagErrors(reference, 'tag'),
      ...(await pullErrors(context.user, { namespace: context.namespace ?? '', name: stream }, reference, 'tag', authorize)),
    ];
    if (errors.length > 0) throw invalid(view, name, errors);
    return reference;
  }

  return {
    type: 'virtual',
    resource: view,
    columns: [
      { name: 'Name', type: 'string', format: 'name', cell: (tag) => tag.metadata.name },
      { name: 'Image Reference', type: 'string', description: 'DockerImageReference is the string that can be used to pull this image.', cell: (tag) => tag.image.dockerImageReference ?? '' },
      { name: 'Updated', type: 'string', description: 'Last update time.', cell: (tag, now) => agoOf(tag.metadata.creationTimestamp, now) },
      { name: 'Image Name', type: 'string', priority: 1, description: 'image associated with the ImageStream and tag.', cell: (tag) => tag.image.metadata.name },
    ],
    async get({ namespace }, name) {
      const { tag } = splitName(view, name);
      const stream = await streamOf(late.get(), view, namespace, name);
      const event = latestEvent(stream, tag);
      if (!event?.image) throw notFound(view, name);
      return toTag(stream, tag, await late.get().get(images, { name: event.image }));
    },
    async list({ namespace }) {
      const streams = await late.get().list(imageStreams, { namespace });
      const items = streams.items.flatMap((stream) => (stream.status?.tags ?? []).filter(({ items }) => items?.[0]?.image).map(({ tag }) => toTag(stream, tag, undefined)));
      return { apiVersion: 'image.openshift.io/v1', kind: 'ImageStreamTagList', metadata: { ...(streams.metadata.resourceVersion && { resourceVersion: streams.metadata.resourceVersion }) }, items };
    },
    async create(context, object) {
      const { name } = object.metadata;
      const at = splitName(view, name);
      const reference = await read(context, object);
      const stream = await putTag(late.get(), { namespace: context.namespace, ...at }, (existing) => {
        if (existing.spec.tags?.some((one) => one.name === at.tag)) throw alreadyExists(view, name);
        return reference;
      });
      return toTag(stream, at.tag, await imageUnder(late.get(), stream, at.tag));
    },
    async update(context, object) {
      const { name, resourceVersion, annotations } = object.metadata;
      const at = splitName(view, name);
      const reference = await read(context, object);
      const stream = await putTag(late.get(), { namespace: context.namespace, ...at }, (existing) => {
        checkVersion(view, name, resourceVersion, existing);
        const before = existing.spec.tags?.find((one) => one.name === at.tag);
        if (!before && !reference) throw badRequest(`imagestreamtag ${at.tag} is not a spec tag in imagestream ${context.namespace}/${at.stream}, cannot be updated`);
        return reference ?? (before && { ...before, annotations: annotations ?? null });
      });
      return toTag(stream, at.tag, await imageUnder(late.get(), stream, at.tag));
    },
    async delete({ namespace, dryRun }, name) {
      if (dryRun) await streamOf(late.get(), view, namespace, name);
      else await deleteTag(late.get(), view, namespace, name);
      return { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Success' } as unknown as KubeObject;
    },
  };
}

function toTag(stream: ImageStream, tag: string, image: Image | undefined): ImageStreamTag {
  const event = latestEvent(stream, tag);
  const reference = stream.spec.tags?.find((one) => one.name === tag);
  const conditions = historyOf(stream, tag)?.conditions;
  const { namespace, name, labels, resourceVersion, uid, creationTimestamp } = stream.metadata;
  const annotations = reference?.annotations ?? undefined;
  return {
    apiVersion: 'image.openshift.io/v1',
    kind: 'ImageStreamTag',
    metadata: {
      name: `${name}:${tag}`,
      ...(namespace && { namespace }),
      ...(uid && { uid }),
      ...(resourceVersion && { resourceVersion }),
      ...((event?.created ?? creationTimestamp) && { creationTimestamp: event?.created ?? creationTimestamp }),
      ...(labels && { labels }),
      ...(annotations && { annotations }),
    } as ImageStreamTag['metadata'],
    tag: reference ?? null,
    generation: event?.generation ?? 0,
    lookupPolicy: stream.spec.lookupPolicy ?? { local: false },
    ...(conditions && { conditions }),
    image: withReference(image ?? { apiVersion: 'image.openshift.io/v1', kind: 'Image', metadata: { name: event?.image ?? '' } }, event && pullSpecOf(stream, tag, event), annotations),
  };
}

/** The image as a stream shows it: without the documents it was made from. */
export function withReference(image: Image, dockerImageReference: string | undefined, annotations?: Record<string, string>): Image {
  const { dockerImageManifest: _manifest, dockerImageConfig: _config, ...shown } = image;
  const metadata = annotations ? { ...image.metadata, annotations: { ...image.metadata.annotations, ...annotations } } : image.metadata;
  return { ...shown, metadata, ...(dockerImageReference !== undefined && { dockerImageReference }) };
}

export async function imageUnder(client: Client, stream: ImageStream, tag: string): Promise<Image | undefined> {
  const name = latestEvent(stream, tag)?.image;
  return name ? client.get(images, { name }).catch(() => undefined) : undefined;
}
