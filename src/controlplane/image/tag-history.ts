/** The history of an image stream's tags: newest first, one entry a change, as OpenShift keeps it (internalimageutil). */
import { latestEvent } from '../../api/image-tags.ts';
import { equalJson } from '../../api/json.ts';
import type { ImageStream, NamedTagEventList, TagEvent, TagEventCondition } from '../../api/kinds/image.ts';

/** Older entries are dropped: a stream that is built into daily keeps half a year. */
const historyLimit = 200;

export function historyOf(stream: ImageStream, tag: string): NamedTagEventList | undefined {
  return stream.status?.tags?.find((one) => one.tag === tag);
}

/** Changes `stream.status`, whose tags must be a private copy. False if nothing changed. */
export function addTagEvent(stream: ImageStream, tag: string, event: TagEvent): boolean {
  const list = listOf(stream, tag);
  const items = (list.items ??= []);
  const [newest] = items;
  const sameReference = newest?.dockerImageReference === event.dockerImageReference;
  const sameImage = newest?.image === event.image;
  if (newest && sameReference && sameImage && newest.generation === event.generation) return false;
  delete list.conditions;
  if (newest && (sameReference || sameImage)) {
    // Not another image but the same, seen better or asked for again.
    newest.image = event.image;
    newest.dockerImageReference = event.dockerImageReference;
    newest.generation = event.generation;
    return true;
  }
  items.unshift({ ...event });
  items.length = Math.min(items.length, historyLimit);
  return true;
}

/** The tag's part of `stream.status`, a private copy, made if it is missing. */
function listOf(stream: ImageStream, tag: string): NamedTagEventList {
  const tags = ((stream.status ??= { dockerImageRepository: '' }).tags ??= []);
  let list = tags.find((one) => one.tag === tag);
  if (!list) {
    list = { tag, items: null };
    tags.push(list);
    tags.sort((a, b) => (a.tag < b.tag ? -1 : 1));
  }
  return list;
}

/** Shows why the tag's image could not be looked up; `undefined`: it could. Its history stays. False if nothing changed. */
export function setCondition(stream: ImageStream, tag: string, condition: TagEventCondition | undefined): boolean {
  if (!condition) {
    const list = historyOf(stream, tag);
    if (!list?.conditions) return false;
    delete list.conditions;
    return true;
  }
  const list = listOf(stream, tag);
  if (equalJson(list.conditions, [condition])) return false;
  list.conditions = [condition];
  return true;
}

/** Gives tags of the same stream that follow `tag` what it has got: its image, or the reason why there is none. */
export function updateFollowers(stream: ImageStream, tag: string): void {
  const done = new Set<string>();
  const todo = [tag];
  for (let followed = todo.pop(); followed !== undefined; followed = todo.pop()) {
    const event = latestEvent(stream, followed);
    const condition = historyOf(stream, followed)?.conditions?.[0];
    if (done.has(followed) || (!event && !condition)) continue;
    done.add(followed);
    for (const { name, from } of stream.spec.tags ?? []) {
      if (from?.kind !== 'ImageStreamTag' || (from.namespace && from.namespace !== stream.metadata.namespace)) continue;
      const source = splitSource(stream.metadata.name, from.name ?? '', ':');
      if (source?.stream !== stream.metadata.name || source.part !== followed) continue;
      const moved = event !== undefined && addTagEvent(stream, name, event);
      if (setCondition(stream, name, condition) || moved) todo.push(name);
    }
  }
}

/** `<part>` of the stream `own` itself, or `<stream><separator><part>`. */
export function splitSource(own: string, name: string, separator: ':' | '@'): { stream: string; part: string } | undefined {
  // A digest has a colon of its own.
  const at = name.indexOf(separator);
  const parts = at < 0 ? [own, name] : [name.slice(0, at), name.slice(at + 1)];
  const [owner = '', part = ''] = parts;
  return owner === '' || part === '' || (separator === ':' && part.includes(':')) ? undefined : { stream: owner, part };
}

/** The newest entry, of any tag, of the image whose name is `id` or starts with it (with or without `sha256:`). */
export function findImage(stream: ImageStream, id: string): TagEvent | 'ambiguous' | undefined {
  const found = new Map<string, TagEvent>();
  for (const { items } of stream.status?.tags ?? []) {
    for (const event of items ?? []) {
      if (event.image === id) return event;
      const matches = event.image !== '' && (event.image.startsWith(id) || event.image.slice(event.image.indexOf(':') + 1).startsWith(id));
      if (matches && !found.has(event.image)) found.set(event.image, event);
    }
  }
  return found.size > 1 ? 'ambiguous' : found.values().next().value;
}

/** Every image that the stream's tags have or had. */
export function imagesOf(stream: ImageStream): Set<string> {
  return new Set((stream.status?.tags ?? []).flatMap(({ items }) => (items ?? []).map(({ image }) => image).filter((image) => image !== '')));
}
