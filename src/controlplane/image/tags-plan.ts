/** What a write to `spec.tags` means: which tags changed, their generations, and what they stand for now. */
import { latestEvent } from '../../api/image-tags.ts';
import type { ImageStream, TagEvent, TagReference } from '../../api/kinds/image.ts';
import { toTime } from '../../api/meta.ts';
import { equalJson, type JsonObject } from '../../api/json.ts';
import type { FieldError } from '../../api/status.ts';
import { invalidValue } from '../../api/status.ts';
import { isInternal, parseReference, formatReference } from '../../oci/reference.ts';
import { addTagEvent, findImage, splitSource, updateFollowers } from './tag-history.ts';

/** Another stream that a changed tag takes its image from. */
export interface SourceStream {
  namespace: string;
  name: string;
  tag: string;
}

/** The tags of `next` that are new or mean something else than in `old`. */
export function changedTags(old: ImageStream | undefined, next: ImageStream): TagReference[] {
  return (next.spec.tags ?? []).filter((reference) => {
    const before = old?.spec.tags?.find((one) => one.name === reference.name);
    return !before || isChanged(before, reference, next.metadata.namespace ?? '');
  });
}

function isChanged(before: TagReference, after: TagReference, namespace: string): boolean {
  if (!after.from || (!after.from.kind && !after.from.name)) return false;
  if ((before.from?.namespace || namespace) !== (after.from.namespace || namespace)) return true;
  if (before.from?.name !== after.from.name || before.from?.kind !== after.from.kind) return true;
  if ((before.reference ?? false) !== (after.reference ?? false)) return true;
  // Zero is how a client asks for the image to be looked up again.
  return after.generation === 0 && before.generation !== 0;
}

/** Gives changed tags the generation that this write will have; others keep theirs, whatever the client sent. */
export function setGenerations(old: ImageStream | undefined, next: ImageStream): void {
  const changed = new Set(changedTags(old, next));
  for (const reference of next.spec.tags ?? []) {
    const before = old?.spec.tags?.find((one) => one.name === reference.name);
    if (before && !changed.has(reference)) reference.generation = before.generation ?? null;
  }
  const current = old?.metadata.generation ?? 0;
  const generation = !old || changed.size > 0 || !equalJson(old.spec as unknown as JsonObject, next.spec as unknown as JsonObject) ? current + 1 : current;
  for (const reference of next.spec.tags ?? []) if (changed.has(reference) || reference.generation === null || reference.generation === undefined) reference.generation = generation;
}

/** The stream that a tag takes its image from, which may be its own; undefined for images of other registries and for names that are none. */
export function sourceOf(stream: { namespace: string; name: string }, { name: tag, from }: TagReference): SourceStream | undefined {
  const separator = separatorOf(from?.kind);
  const source = separator && splitSource(stream.name, from?.name ?? '', separator);
  return source && { namespace: from?.namespace || stream.namespace, name: source.stream, tag };
}

/** Other streams, which must be known before `resolveTags`. */
export function sourcesOf({ metadata: { namespace = '', name } }: ImageStream, changed: readonly TagReference[]): SourceStream[] {
  return changed.flatMap((reference) => sourceOf({ namespace, name }, reference) ?? []).filter((source) => source.namespace !== namespace || source.name !== name);
}

/** Puts what changed tags stand for into `stream.status`. `find` gives streams named by `sourcesOf`. */
export function resolveTags(stream: ImageStream, changed: readonly TagReference[], find: (namespace: string, name: string) => ImageStream | undefined, now: Date): FieldError[] {
  const errors: FieldError[] = [];
  for (const reference of changed) {
    const field = `spec.tags[${reference.name}].from`;
    const result = resolve(stream, reference, find, now, field);
    if (result && 'field' in result) errors.push(result);
    else if (result) {
      addTagEvent(stream, reference.name, { ...result, generation: reference.generation ?? result.generation });
      updateFollowers(stream, reference.name);
    }
  }
  return errors;
}

function resolve(stream: ImageStream, reference: TagReference, find: (namespace: string, name: string) => ImageStream | undefined, now: Date, field: string): TagEvent | FieldError | undefined {
  const { from } = reference;
  if (!from) return undefined;
  // Images of other registries are looked up by the import controller, unless only their name is wanted.
  if (from.kind === 'DockerImage') return reference.reference ? { created: toTime(now), dockerImageReference: from.name ?? '', image: '', generation: 0 } : undefined;
  const separator = separatorOf(from.kind);
  if (!separator) return invalidValue(`${field}.kind`, from.kind ?? '', 'must be DockerImage, ImageStreamImage or ImageStreamTag');
  const source = splitSource(stream.metadata.name, from.name ?? '', separator);
  if (!source) return invalidValue(`${field}.name`, from.name ?? '', 'must be of the form <tag>, <repo>:<tag>, <id>, or <repo>@<id>');
  const namespace = from.namespace || (stream.metadata.namespace ?? '');
  const own = namespace === stream.metadata.namespace && source.stream === stream.metadata.name;
  const owner = own ? stream : find(namespace, source.stream);
  if (!owner) return { reason: 'FieldValueNotFound', field: `${field}.name`, message: `Not found: ${JSON.stringify(from.name)}` };
  const event = separator === ':' ? latestEvent(owner, source.part) : findImage(owner, source.part);
  if (event === 'ambiguous') return invalidValue(`${field}.name`, from.name ?? '', 'more than one image starts so; name it in full');
  if (!event) return undefined;
  return { ...event, created: separator === ':' ? event.created : toTime(now), dockerImageReference: reference.reference ? event.dockerImageReference : localReference(event.dockerImageReference, owner, stream) };
}

/** Pulls go through the stream that has the tag, whose readers may not read the one it was pushed to. */
function localReference(text: string, owner: ImageStream, stream: ImageStream): string {
  try {
    const reference = parseReference(text);
    if (!isInternal(reference) || reference.path !== `${owner.metadata.namespace}/${owner.metadata.name}`) return text;
    return formatReference({ ...reference, path: `${stream.metadata.namespace}/${stream.metadata.name}` });
  } catch {
    return text;
  }
}

function separatorOf(kind: string | undefined): ':' | '@' | undefined {
  if (kind === 'ImageStreamTag') return ':';
  return kind === 'ImageStreamImage' ? '@' : undefined;
}
