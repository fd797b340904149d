/** ImageTag `<stream>:<tag>`: spec, history and image of one tag; unlike an ImageStreamTag it is there before it has an image. Writing one writes the stream. */
import { latestEvent, pullSpecOf } from '../../api/image-tags.ts';
import { equalJson } from '../../api/json.ts';
import { imageStreams, imageTags, type Image, type ImageStream, type ImageTag } from '../../api/kinds/image.ts';
import type { KubeObject } from '../../api/meta.ts';
import { agoOf } from '../../api/relative-time.ts';
import { alreadyExists, badRequest, invalid, invalidValue, notFound, required } from '../../api/status.ts';
import type { RequestContext, VirtualKind } from '../kernel/apiserver/kind.ts';
import type { Authorizer } from '../kernel/apiserver/ports.ts';
import type { LateClient } from '../kernel/boot/late-client.ts';
import { imageUnder, withReference } from './image-stream-tag.ts';
import { pullErrors } from './tag-access.ts';
import { historyOf } from './tag-history.ts';
import { tagErrors } from './tag-rules.ts';
import { checkVersion, deleteTag, putTag, splitName, streamOf } from './tag-writes.ts';

export function imageTagKind(late: LateClient, authorize: Authorizer): VirtualKind<ImageTag> {
  const view = imageTags;

  async function check({ user, namespace = '', dryRun }: RequestContext, object: ImageTag, needed: boolean): Promise<void> {
    const { name } = object.metadata;
    const { stream, tag } = splitName(view, name);
    if (dryRun) throw badRequest('a tag cannot be written in a dry run; patch the image stream itself');
    const { spec } = object;
    const errors = spec
      ? [
          ...(spec.name === tag ? [] : [invalidValue('spec.name', spec.name ?? '', 'must match image tag name')]),
          ...tagErrors(spec, 'spec'),
          ...(await pullErrors(user, { namespace, name: stream }, spec, 'spec', authorize)),
        ]
      : needed
        ? [required('spec', 'spec is a required field during creation')]
        : [];
    if (errors.length > 0) throw invalid(view, name, errors);
  }

  return {
    type: 'virtual',
    resource: view,
    columns: [
      { name: 'Name', type: 'string', format: 'name', cell: (tag) => tag.metadata.name },
      { name: 'Spec', type: 'string', description: 'The source the tag takes its image from.', cell: ({ spec }) => specCell(spec) },
      { name: 'Image', type: 'string', description: 'The image the tag stands for.', cell: ({ image, status }) => image?.metadata.name ?? status?.items?.[0]?.image ?? '' },
      { name: 'Updated', type: 'string', description: 'Last update time.', cell: ({ status }, now) => agoOf(status?.items?.[0]?.created, now) },
    ],
    async get({ namespace }, name) {
      const { tag } = splitName(view, name);
      const stream = await streamOf(late.get(), view, namespace, name);
      const found = toTag(stream, tag, await imageUnder(late.get(), stream, tag));
      if (!found.spec && !found.status) throw notFound(view, name);
      return found;
    },
    async list({ namespace }) {
      const streams = await late.get().list(imageStreams, { namespace });
      const items = streams.items.flatMap((stream) => {
        const names = new Set([...(stream.spec.tags ?? []).map(({ name }) => name), ...(stream.status?.tags ?? []).map(({ tag }) => tag)]);
        return [...names].sort().map((tag) => toTag(stream, tag, undefined));
      });
      return { apiVersion: 'image.openshift.io/v1', kind: 'ImageTagList', metadata: { ...(streams.metadata.resourceVersion && { resourceVersion: streams.metadata.resourceVersion }) }, items };
    },
    async create(context, object) {
      const { name } = object.metadata;
      const at = splitName(view, name);
      await check(context, object, true);
      const stream = await putTag(late.get(), { namespace: context.namespace, ...at }, (existing) => {
        if (existing.spec.tags?.some((one) => one.name === at.tag)) throw alreadyExists(view, name);
        return object.spec;
      });
      return toTag(stream, at.tag, await imageUnder(late.get(), stream, at.tag));
    },
    async update(context, object) {
      const { name, resourceVersion } = object.metadata;
      const at = splitName(view, name);
      await check(context, object, false);
      const stream = await putTag(late.get(), { namespace: context.namespace, ...at }, (existing) => {
        checkVersion(view, name, resourceVersion, existing);
        if (!existing.metadata.resourceVersion && !object.spec) throw invalid(view, name, [required('spec', 'spec is a required field during creation')]);
        if (object.status && existing.metadata.resourceVersion && !equalJson(object.status, historyOf(existing, at.tag) ?? null)) throw invalid(view, name, [invalidValue('status', '', 'may not update fields other than spec')]);
        return object.spec ?? null;
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

function toTag(stream: ImageStream, tag: string, image: Image | undefined): ImageTag {
  const { managedFields: _managed, ...metadata } = stream.metadata;
  const event = latestEvent(stream, tag);
  return {
    apiVersion: 'image.openshift.io/v1',
    kind: 'ImageTag',
    metadata: { ...metadata, name: `${stream.metadata.name}:${tag}` },
    spec: stream.spec.tags?.find(({ name }) => name === tag) ?? null,
    status: historyOf(stream, tag) ?? null,
    image: image && event ? withReference(image, pullSpecOf(stream, tag, event)) : null,
  };
}

function specCell(spec: ImageTag['spec']): string {
  if (!spec) return 'Push';
  const { from, reference, importPolicy } = spec;
  if (!from) return 'Push';
  const what = `${from.kind === 'DockerImage' ? '' : `${from.kind === 'ImageStreamTag' ? 'istag' : 'isimage'}/`}${from.namespace ? `${from.namespace}/` : ''}${from.name ?? ''}`;
  return `${reference ? 'Reference ' : importPolicy?.scheduled ? 'Scheduled ' : ''}${what}`;
}
