/** ImageStream: tags of a project's images, with their history. Its status follows its spec within the same write. */
import { imageStreams, registryHost, type ImageStream, type TagReference } from '../../api/kinds/image.ts';
import { duplicateValue, forbiddenField, invalid, invalidValue, isStatusError, notSupported, required, type FieldError } from '../../api/status.ts';
import { isTag, parseReference } from '../../oci/reference.ts';
import type { RequestContext, StoredKind, UserInfo } from '../kernel/apiserver/kind.ts';
import type { Authorizer } from '../kernel/apiserver/ports.ts';
import { layersSubresource, secretsSubresource } from './image-stream-parts.ts';
import type { LateClient } from '../kernel/boot/late-client.ts';
import { agoOf } from '../../api/relative-time.ts';
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
  for (const reference of stream.spec.tags ?? []) {
    if (reference.annotations === undefined) reference.annotations = null;
    reference.importPolicy ??= {};
    if (reference.from?.kind === 'DockerImage') reference.importPolicy.importMode ||= 'Legacy';
    reference.referencePolicy ??= { type: 'Source' };
    reference.referencePolicy.type ||= 'Source';
  }
}

async function prepare(stream: ImageStream, old: ImageStream | undefined, context: RequestContext, rules: ImageStreamRules): Promise<void> {
  const { namespace, name } = stream.metadata;
  const publicHost = rules.publicHost();
  stream.status = {
    ...structuredClone(stream.status),
    dockerImageRepository: `${registryHost}/${namespace}/${name}`,
    ...(publicHost && { publicDockerImageRepository: `${publicHost}/${namespace}/${name}` }),
  };
  const changed = changedTags(old, stream);
  setGenerations(old, stream);
  const streams = new Map<string, ImageStream>();
  const errors: FieldError[] = [];
  for (const source of sourcesOf(stream, changed)) {
    if (source.namespace !== namespace && !(await mayPull(context.user, source, rules.authorize))) {
      errors.push(forbiddenField(`spec.tags[${source.tag}].from`, `${source.namespace}/${source.name}`));
      continue;
    }
    const found = await rules.client.get().get(imageStreams, source).catch((error: unknown) => {
      if (!isStatusError(error, 'NotFound')) throw error;
    });
    if (found) streams.set(`${source.namespace}/${source.name}`, found);
  }
  if (errors.length === 0) errors.push(...resolveTags(stream, changed, (at, of) => streams.get(`${at}/${of}`), context.now));
  if (errors.length > 0) throw invalid(imageStreams, name, errors);
}

async function mayPull(user: UserInfo, { namespace, name }: { namespace: string; name: string }, authorize: Authorizer): Promise<boolean> {
  if (user.groups.includes('system:masters')) return true;
  return (await authorize(user, { verb: 'get', group: imageStreams.group, version: imageStreams.version, resource: imageStreams.plural, subresource: 'layers', namespace, name })).allowed;
}

function validate(stream: ImageStream): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  if (`${stream.metadata.namespace}/${stream.metadata.name}`.length > 255) errors.push(invalidValue('metadata.name', stream.metadata.name, "'namespace/name' cannot be longer than 255 characters"));
  (stream.spec.tags ?? []).forEach((reference, index) => {
    const field = `spec.tags[${index}]`;
    if (!reference.name) errors.push(required(`${field}.name`));
    else if (!isTag(reference.name)) errors.push(invalidValue(`${field}.name`, reference.name, 'must be a tag: letters, digits, "_", "." and "-", at most 128'));
    else if (seen.has(reference.name)) errors.push(duplicateValue(`${field}.name`, reference.name));
    seen.add(reference.name);
    errors.push(...sourceErrors(reference, `${field}.from`));
  });
  return errors;
}

const kinds = ['DockerImage', 'ImageStreamImage', 'ImageStreamTag'];

function sourceErrors({ from, importPolicy, referencePolicy }: TagReference, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (referencePolicy && !['Source', 'Local'].includes(referencePolicy.type)) errors.push(notSupported(field.replace(/from$/, 'referencePolicy.type'), referencePolicy.type, ['Local', 'Source']));
  if (importPolicy?.scheduled && from?.kind !== 'DockerImage') errors.push(invalidValue(field.replace(/from$/, 'importPolicy'), importPolicy, 'only tags pointing to Docker repositories may be scheduled for background import'));
  if (!from) return errors;
  if (!from.name) errors.push(required(`${field}.name`));
  if (!kinds.includes(from.kind ?? '')) errors.push(notSupported(`${field}.kind`, from.kind ?? '', kinds));
  else if (from.kind === 'DockerImage' && from.name) {
    try {
      parseReference(from.name);
    } catch (error) {
      errors.push(invalidValue(`${field}.name`, from.name, (error as Error).message));
    }
  }
  return errors;
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
