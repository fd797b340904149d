/** ImageStreamTag `<stream>:<tag>`: a tag with its image, computed from the stream; writing one writes the stream. */
import { images, imageStreams, imageStreamTags, type Image, type ImageStream, type ImageStreamTag, type TagReference } from '../../api/kinds/image.ts';
import type { KubeObject } from '../../api/meta.ts';
import { alreadyExists, badRequest, conflict, invalid, invalidValue, isStatusError, notFound } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { internalReference } from '../../oci/reference.ts';
import type { VirtualKind } from '../kernel/apiserver/kind.ts';
import type { LateClient } from '../kernel/boot/late-client.ts';
import { agoOf } from '../../api/relative-time.ts';
import { changeStream } from './stream-writes.ts';
import { historyOf, latestOf } from './tag-history.ts';

export function imageStreamTagKind(late: LateClient): VirtualKind<ImageStreamTag> {
  return {
    type: 'virtual',
    resource: imageStreamTags,
    columns: [
      { name: 'Name', type: 'string', format: 'name', cell: (tag) => tag.metadata.name },
      { name: 'Image Reference', type: 'string', description: 'DockerImageReference is the string that can be used to pull this image.', cell: (tag) => tag.image.dockerImageReference ?? '' },
      { name: 'Updated', type: 'string', description: 'Last update time.', cell: (tag, now) => agoOf(tag.metadata.creationTimestamp, now) },
      { name: 'Image Name', type: 'string', priority: 1, description: 'image associated with the ImageStream and tag.', cell: (tag) => tag.image.metadata.name },
    ],
    async get({ namespace }, name) {
      const { stream: streamName, tag } = split(name);
      const stream = await streamOf(late.get(), namespace, streamName, name);
      const event = latestOf(stream, tag);
      if (!event?.image) throw notFound(imageStreamTags, name);
      return toTag(stream, tag, await late.get().get(images, { name: event.image }));
    },
    async list({ namespace }) {
      const streams = await late.get().list(imageStreams, { namespace });
      const items = streams.items.flatMap((stream) => (stream.status?.tags ?? []).filter(({ items }) => items?.[0]?.image).map(({ tag }) => toTag(stream, tag, undefined)));
      return { apiVersion: 'image.openshift.io/v1', kind: 'ImageStreamTagList', metadata: { ...(streams.metadata.resourceVersion && { resourceVersion: streams.metadata.resourceVersion }) }, items };
    },
    async create({ namespace }, object) {
      const { stream: name, tag } = split(object.metadata.name);
      const reference = checked(object, tag);
      const stream = await writeTag(late.get(), namespace, name, (existing) => {
        if (existing.spec.tags?.some((one) => one.name === tag)) throw alreadyExists(imageStreamTags, object.metadata.name);
        return reference;
      });
      return toTag(stream, tag, await imageOf(late.get(), stream, tag));
    },
    async update({ namespace }, object) {
      const { stream: name, tag } = split(object.metadata.name);
      const stream = await writeTag(late.get(), namespace, name, (existing) => {
        const version = object.metadata.resourceVersion;
        if (version && existing.metadata.resourceVersion !== version) throw conflict(imageStreamTags, object.metadata.name, `another caller has updated the resource version to ${existing.metadata.resourceVersion}`);
        const before = existing.spec.tags?.find((one) => one.name === tag);
        if (!before && !object.tag) throw badRequest(`imagestreamtag ${tag} is not a spec tag in imagestream ${namespace}/${name}, cannot be updated`);
        return { ...before, ...checked(object, tag), name: tag, annotations: object.metadata.annotations ?? object.tag?.annotations ?? null };
      });
      return toTag(stream, tag, await imageOf(late.get(), stream, tag));
    },
    async delete({ namespace }, name) {
      await deleteTag(late.get(), namespace, name);
      return { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Success' } as unknown as KubeObject;
    },
  };
}

/** Removes a tag and its history; the image stays. */
async function deleteTag(client: Client, namespace: string | undefined, name: string): Promise<void> {
  const { stream, tag } = split(name);
  let found = false;
  // Status last: as long as the spec names a source, history would come back.
  for (const subresource of [undefined, 'status'] as const) {
    await changeStream(client, { namespace, name: stream, ...(subresource && { subresource }) }, (current) => {
      const part = subresource ? current.status : current.spec;
      const all = (subresource ? current.status?.tags : current.spec.tags) ?? [];
      const kept = (all as readonly { tag?: string; name?: string }[]).filter((one) => (one.tag ?? one.name) !== tag);
      if (!part || kept.length === all.length) return undefined;
      found = true;
      (part as { tags?: unknown }).tags = kept;
      return current;
    }).catch((error: unknown) => {
      throw isStatusError(error, 'NotFound') ? notFound(imageStreamTags, name) : error;
    });
  }
  if (!found) throw notFound(imageStreamTags, name);
}

/** Puts a tag into the stream, which is made if it is missing. */
async function writeTag(client: Client, namespace: string | undefined, name: string, make: (existing: ImageStream) => TagReference | undefined): Promise<ImageStream> {
  const put = (stream: ImageStream): ImageStream => {
    const reference = make(stream);
    if (!reference) return stream;
    const others = (stream.spec.tags ?? []).filter((one) => one.name !== reference.name);
    return { ...stream, spec: { ...stream.spec, tags: [...others, reference] } };
  };
  try {
    return await changeStream(client, { namespace, name }, put);
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
  const empty: ImageStream = { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name, ...(namespace && { namespace }) }, spec: {} };
  try {
    return await client.create(imageStreams, put(empty), { namespace });
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
    return changeStream(client, { namespace, name }, put);
  }
}

function toTag(stream: ImageStream, tag: string, image: Image | undefined): ImageStreamTag {
  const event = latestOf(stream, tag);
  const reference = stream.spec.tags?.find((one) => one.name === tag);
  const conditions = historyOf(stream, tag)?.conditions;
  const { namespace, name, labels, resourceVersion, uid, creationTimestamp } = stream.metadata;
  const annotations = reference?.annotations ?? undefined;
  const local = reference?.referencePolicy?.type === 'Local' && event?.image;
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
    image: withReference(image ?? { apiVersion: 'image.openshift.io/v1', kind: 'Image', metadata: { name: event?.image ?? '' } }, local ? internalReference(namespace ?? '', name, { digest: event.image }) : event?.dockerImageReference, annotations),
  };
}

/** The image as a stream shows it: without the documents it was made from. */
export function withReference(image: Image, dockerImageReference: string | undefined, annotations?: Record<string, string>): Image {
  const { dockerImageManifest: _manifest, dockerImageConfig: _config, ...shown } = image;
  const metadata = annotations ? { ...image.metadata, annotations: { ...image.metadata.annotations, ...annotations } } : image.metadata;
  return { ...shown, metadata, ...(dockerImageReference !== undefined && { dockerImageReference }) };
}

function split(name: string): { stream: string; tag: string } {
  const [stream, tag, ...more] = name.split(':');
  if (!stream || !tag || more.length > 0) throw badRequest('ImageStreamTags must be retrieved with <name>:<tag>');
  return { stream, tag };
}

async function streamOf(client: Client, namespace: string | undefined, stream: string, name: string): Promise<ImageStream> {
  return client.get(imageStreams, { namespace, name: stream }).catch((error: unknown) => {
    throw isStatusError(error, 'NotFound') ? notFound(imageStreamTags, name) : error;
  });
}

async function imageOf(client: Client, stream: ImageStream, tag: string): Promise<Image | undefined> {
  const name = latestOf(stream, tag)?.image;
  return name ? client.get(images, { name }).catch(() => undefined) : undefined;
}

function checked(object: ImageStreamTag, tag: string): TagReference | undefined {
  if (!object.tag) return undefined;
  if (object.tag.name && object.tag.name !== tag) throw invalid(imageStreamTags, object.metadata.name, [invalidValue('tag.name', object.tag.name, `must be "${tag}" or empty`)]);
  return { ...object.tag, name: tag };
}
