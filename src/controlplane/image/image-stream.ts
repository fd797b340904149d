/** ImageStream: tags of a project's images, with their history. Its status follows its spec within the same write. */
import { imageStreams, registryHost, type ImageStream } from '../../api/kinds/image.ts';
import { duplicateValue, invalid, invalidValue, required, type FieldError } from '../../api/status.ts';
import { isTag, parseReference } from '../../oci/reference.ts';
import { ifFound } from '../../client/if-found.ts';
import type { RequestContext, StoredKind } from '../kernel/apiserver/kind.ts';
import type { Authorizer } from '../kernel/apiserver/ports.ts';
import { layersSubresource, secretsSubresource } from './image-stream-parts.ts';
import type { LateClient } from '../kernel/boot/late-client.ts';
import { agoOf } from '../../api/relative-time.ts';
import { referenceErrors } from './import-request.ts';
import { streamNameErrors } from './stream-name.ts';
import { pullErrors } from './tag-access.ts';
import { fillTag, tagErrors } from './tag-rules.ts';
import { changedTags, resolveTags, setGenerations, sourcesOf } from './tags-plan.ts';

export interface ImageStreamRules {
  client: LateClient;
  authorize: Authorizer;
  /** Host under which the registry is reached from outside, if it is. */
  publicHost: () => string | undefined;
}

export function imageStreamKind(rules: ImageStreamRules): StoredKind<ImageStream> {
  return {
    type: 'stored',
    resource: imageStreams,
    statusSubresource: true,
    nameRule: 'path',
    defaults: fillIn,
    prepareCreate: (stream, context) => prepare(stream, undefined, context, rules),
    prepareUpdate: (stream, old, context) => prepare(stream, old, context, rules),
    validate,
    subresources: { layers: layersSubresource(rules.client), secrets: secretsSubresource(rules.client) },
    columns: [
      { name: 'Name', type: 'string', format: 'name', cell: (stream) => stream.metadata.name },
      {
        name: 'Image Repository', type: 'string', description: 'DockerImageRepository represents the effective location this stream may be accessed at.',
        cell: (stream) => stream.status?.publicDockerImageRepository || stream.spec.dockerImageRepository || stream.status?.dockerImageRepository || '',
      },
      { name: 'Tags', type: 'string', description: 'Human readable list of tags.', cell: tagsCell },
      { name: 'Updated', type: 'string', description: 'Last update time.', cell: (stream, now) => agoOf(newestFirst(stream)[0]?.created, now) },
    ],
  };
}

function fillIn(stream: ImageStream): void {
  stream.spec ??= {};
  stream.spec.lookupPolicy ??= { local: false };
  for (const reference of stream.spec.tags ?? []) fillTag(reference);
}

async function prepare(stream: ImageStream, old: ImageStream | undefined, context: RequestContext, rules: ImageStreamRules): Promise<void> {
  const { namespace = '', name } = stream.metadata;
  // As OpenShift shows them, whatever the order they came in.
  stream.spec.tags?.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const publicHost = rules.publicHost();
  const { tags, ...status } = structuredClone(stream.status) ?? {};
  stream.status = {
    ...status,
    // A tag that has neither images nor a reason why not says nothing.
    ...(tags && { tags: tags.filter(({ items, conditions }) => items?.length || conditions?.length) }),
    dockerImageRepository: `${registryHost}/${namespace}/${name}`,
    ...(publicHost && { publicDockerImageRepository: `${publicHost}/${namespace}/${name}` }),
  };
  const changed = changedTags(old, stream);
  setGenerations(old, stream);
  const streams = new Map<string, ImageStream>();
  const errors: FieldError[] = [];
  for (const reference of changed) errors.push(...(await pullErrors(context.user, { namespace, name }, reference, `spec.tags[${reference.name}]`, rules.authorize)));
  if (errors.length > 0) throw invalid(imageStreams, name, errors);
  for (const source of sourcesOf(stream, changed)) {
    const found = await ifFound(rules.client.get().get(imageStreams, source));
    if (found) streams.set(`${source.namespace}/${source.name}`, found);
  }
  errors.push(...resolveTags(stream, changed, (at, of) => streams.get(`${at}/${of}`), context.now));
  if (errors.length > 0) throw invalid(imageStreams, name, errors);
}

function validate(stream: ImageStream): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  errors.push(...streamNameErrors(stream.metadata.name));
  if (`${stream.metadata.namespace}/${stream.metadata.name}`.length > 255) errors.push(invalidValue('metadata.name', stream.metadata.name, "'namespace/name' cannot be longer than 255 characters"));
  errors.push(...repositoryErrors(stream.spec.dockerImageRepository));
  (stream.spec.tags ?? []).forEach((reference, index) => {
    const field = `spec.tags[${reference.name || index}]`;
    if (!reference.name) errors.push(required(`${field}.name`));
    else if (!isTag(reference.name)) errors.push(invalidValue(`${field}.name`, reference.name, 'must be a tag: letters, digits, "_", "." and "-", at most 128'));
    else if (seen.has(reference.name)) errors.push(duplicateValue(`${field}.name`, reference.name));
    seen.add(reference.name);
    errors.push(...tagErrors(reference, field));
  });
  return errors;
}

function repositoryErrors(repository: string | undefined): FieldError[] {
  const field = 'spec.dockerImageRepository';
  if (!repository) return [];
  const errors = referenceErrors(repository, field);
  if (errors.length > 0) return errors;
  const { tag, digest } = parseReference(repository);
  return [
    ...(tag === undefined ? [] : [invalidValue(field, repository, 'the repository name may not contain a tag')]),
    ...(digest === undefined ? [] : [invalidValue(field, repository, 'the repository name may not contain an ID')]),
  ];
}

function newestFirst(stream: ImageStream): { tag: string; created: string }[] {
  const tags = (stream.status?.tags ?? []).map(({ tag, items }) => ({ tag, created: items?.[0]?.created ?? '' }));
  return tags.sort((a, b) => (a.created === b.created ? (a.tag < b.tag ? -1 : 1) : a.created > b.created ? -1 : 1));
}

const tagsWidth = 40;

/** As many tags as fit into 40 characters, a quarter more or less; at least one. */
function tagsCell(stream: ImageStream): string {
  const all = newestFirst(stream).map(({ tag }) => tag);
  let left = tagsWidth;
  let shown = all;
  for (const [index, tag] of all.entries()) {
    left -= tag.length + 1;
    if (left >= 0) continue;
    const margin = tagsWidth / 4;
    if (index > 0 && margin < left + tag.length && margin >= -left) continue;
    shown = all.slice(0, Math.max(1, index));
    break;
  }
  return shown.length < all.length ? `${shown.join(',')} + ${all.length - shown.length} more...` : shown.join(',');
}
