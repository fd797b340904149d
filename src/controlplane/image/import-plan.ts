/** Which tags of a stream ask for an image of another registry, and what the stream says once it was looked up. Pure. */
import { latestEvent } from '../../api/image-tags.ts';
import { imageAnnotations, type Image, type ImageImportSpec, type ImageImportStatus, type ImageStream, type ImageStreamImport, type TagEventCondition, type TagImportPolicy, type TagReference, type TagReferencePolicy } from '../../api/kinds/image.ts';
import { equalJson } from '../../api/json.ts';
import { toTime } from '../../api/meta.ts';
import { formatReference, parseReference } from '../../oci/reference.ts';
import { addTagEvent, historyOf, setCondition, updateFollowers } from './tag-history.ts';

type ImportSpec = ImageStreamImport['spec'];

/** The import that the stream waits for: of tags whose spec is newer than what was last looked up, or of everything it names if it was never looked up. */
export function neededImport(stream: ImageStream): ImportSpec | undefined {
  const repository = stream.spec.dockerImageRepository;
  const whole = Boolean(repository) && !stream.metadata.annotations?.[imageAnnotations.repositoryCheck];
  const tags = importable(stream).filter((tag) => whole || isBehind(stream, tag));
  if (tags.length === 0 && !whole) return undefined;
  const insecure = stream.metadata.annotations?.[imageAnnotations.insecureRepository] === 'true';
  return {
    import: true,
    images: tags.map(importOf),
    ...(whole && repository && { repository: { from: { kind: 'DockerImage', name: repository }, importPolicy: { insecure } } }),
  };
}

/** The import that the schedule asks for: of scheduled tags, and of those that are behind. A digest always names the same image: it is looked up until that worked once. */
export function scheduledImport(stream: ImageStream): ImportSpec | undefined {
  const tags = importable(stream).filter((tag) => isBehind(stream, tag) || isScheduled(tag));
  return tags.some((tag) => tag.importPolicy?.scheduled) ? { import: true, images: tags.map(importOf) } : undefined;
}

function isScheduled({ importPolicy, from }: TagReference): boolean {
  if (!importPolicy?.scheduled) return false;
  try {
    return parseReference(from?.name ?? '').digest === undefined;
  } catch {
    return false;
  }
}

function importable(stream: ImageStream): TagReference[] {
  return (stream.spec.tags ?? []).filter(({ from, reference }) => from?.kind === 'DockerImage' && from.name && !reference);
}

function importOf({ name, from, importPolicy, referencePolicy }: TagReference): ImageImportSpec {
  return { from: { kind: 'DockerImage', name: from?.name ?? '' }, to: { name }, ...(importPolicy && { importPolicy }), ...(referencePolicy && { referencePolicy }) };
}

function isBehind(stream: ImageStream, { name, generation }: TagReference): boolean {
  const history = historyOf(stream, name);
  const failed = (history?.conditions ?? []).find(({ type }) => type === 'ImportSuccess')?.generation ?? 0;
  return (generation ?? 0) > Math.max(0, history?.items?.[0]?.generation ?? 0, failed);
}

/** One tag of an import with what became of it. */
export interface Outcome {
  tag: string;
  from: string;
  importPolicy: TagImportPolicy;
  referencePolicy: TagReferencePolicy;
  /** A tag of a whole repository that failed is not put into the spec. */
  named: boolean;
  result: ImageImportStatus;
}

export function outcomesOf({ spec, status }: ImageStreamImport): Outcome[] {
  const policies = ({ importPolicy, referencePolicy }: Pick<ImageImportSpec, 'importPolicy' | 'referencePolicy'>) => ({ importPolicy: importPolicy ?? {}, referencePolicy: referencePolicy ?? { type: 'Source' as const } });
  const { repository } = spec;
  const whole = (status.repository?.images ?? []).flatMap((result): Outcome[] => {
    if (!repository || !result.tag) return [];
    const { host, path } = parseReference(repository.from.name ?? '');
    return [{ tag: result.tag, from: formatReference({ host, path, tag: result.tag }), ...policies(repository), named: false, result }];
  });
  const single = (spec.images ?? []).flatMap((image, index): Outcome[] => {
    const result = status.images?.[index];
    return image.to && result ? [{ tag: image.to.name, from: image.from.name ?? '', ...policies(image), named: true, result }] : [];
  });
  return [...whole, ...single];
}

/** Outcomes of tags that mean the same as they did: what somebody has written meanwhile counts, and is imported in its turn. */
export function unchangedSince(before: ImageStream | undefined, now: ImageStream, outcomes: readonly Outcome[]): Outcome[] {
  if (!before) return [...outcomes];
  const meaning = (stream: ImageStream, name: string) => {
    const tag = stream.spec.tags?.find((one) => one.name === name);
    return tag && { from: tag.from, reference: tag.reference ?? false, generation: tag.generation };
  };
  return outcomes.filter(({ tag }) => equalJson(meaning(before, tag), meaning(now, tag)));
}

/** Every image that an import found, once. */
export function imagesOfImport(request: ImageStreamImport): Image[] {
  const results = [...(request.status.repository?.images ?? []), ...(request.status.images ?? [])];
  const all = results.flatMap(({ image, manifests }) => [...(manifests ?? []), ...(image ? [image] : [])]);
  return [...new Map(all.map((image) => [image.metadata.name, image])).values()];
}

/** Writes what was imported into `stream.spec`, a private copy: the write gives changed tags a new generation. False if nothing changed. */
export function importIntoSpec(stream: ImageStream, outcomes: readonly Outcome[], now: Date): boolean {
  let changed = false;
  for (const outcome of outcomes) {
    const tag = stream.spec.tags?.find(({ name }) => name === outcome.tag);
    if (isNews(stream, tag, outcome)) changed = putTag(stream, tag, outcome) || changed;
    // The policy of an import is that of the imports to come.
    else if (tag && outcome.result.image && !samePolicy(tag, outcome)) {
      tag.importPolicy = outcome.importPolicy;
      changed = true;
    }
  }
  const annotations = (stream.metadata.annotations ??= {});
  if (!changed && annotations[imageAnnotations.repositoryCheck]) return false;
  annotations[imageAnnotations.repositoryCheck] = toTime(now);
  return true;
}

function isNews(stream: ImageStream, tag: TagReference | undefined, { tag: name, result: { image, status } }: Outcome): boolean {
  if (!tag) return true;
  if (!image) return !historyOf(stream, name)?.conditions?.some((one) => one.status === 'False' && one.reason === status.reason && one.message === messageOf(status));
  const newest = latestEvent(stream, name);
  return newest?.image !== image.metadata.name || newest.dockerImageReference !== image.dockerImageReference || (tag.generation ?? Infinity) > newest.generation;
}

function putTag(stream: ImageStream, tag: TagReference | undefined, { tag: name, from, importPolicy, referencePolicy, named, result }: Outcome): boolean {
  if (!tag) {
    if (!result.image && !named) return false;
    (stream.spec.tags ??= []).push({ name, from: { kind: 'DockerImage', name: from }, generation: 0, importPolicy, referencePolicy });
    return true;
  }
  // Zero stands for "the generation of this write". A tag that failed keeps its source.
  tag.generation = 0;
  if (result.image) Object.assign(tag, { from: { kind: 'DockerImage', name: from }, importPolicy });
  return true;
}

const samePolicy = ({ importPolicy = {} }: TagReference, { importPolicy: next }: Outcome) =>
  (importPolicy.insecure ?? false) === (next.insecure ?? false) && (importPolicy.scheduled ?? false) === (next.scheduled ?? false) && (importPolicy.importMode ?? 'Legacy') === (next.importMode ?? 'Legacy');

const messageOf = (status: ImageImportStatus['status']) => status.message || 'unknown error prevented import';

/** Writes what was imported into `stream.status`, a private copy, after the spec: its generations are those that were asked for. False if nothing changed. */
export function importIntoStatus(stream: ImageStream, outcomes: readonly Outcome[], now: Date): boolean {
  let changed = false;
  for (const { tag: name, from, named, result: { image, status } } of outcomes) {
    const tag = stream.spec.tags?.find((one) => one.name === name);
    // Somebody has given the tag another source meanwhile, or taken it away.
    if (tag ? tag.from?.kind !== 'DockerImage' || (image && tag.from.name !== from) : named) continue;
    const generation = tag?.generation ?? stream.metadata.generation ?? 1;
    let moved: boolean;
    if (image) {
      const newest = latestEvent(stream, name);
      const behind = newest?.image !== image.metadata.name || newest.dockerImageReference !== image.dockerImageReference || newest.generation < generation;
      moved = behind && addTagEvent(stream, name, { created: toTime(now), dockerImageReference: image.dockerImageReference ?? '', image: image.metadata.name, generation });
      moved = setCondition(stream, name, undefined) || moved;
    } else {
      moved = setCondition(stream, name, failure(stream, name, { reason: status.reason ?? '', message: messageOf(status), generation }, now));
    }
    if (!moved) continue;
    changed = true;
    updateFollowers(stream, name);
  }
  return changed;
}

/** A failure that goes on keeps the time at which it began. */
function failure(stream: ImageStream, tag: string, { reason, message, generation }: { reason: string; message: string; generation: number }, now: Date): TagEventCondition {
  const before = historyOf(stream, tag)?.conditions?.[0];
  const same = before?.reason === reason && before.message === message;
  return { type: 'ImportSuccess', status: 'False', reason, message, lastTransitionTime: same && before.lastTransitionTime ? before.lastTransitionTime : toTime(now), generation };
}
