/** Which tags of a stream ask for an image of another registry, and what their status says afterwards. */
import type { ImageStream, NamedTagEventList } from '../../api/kinds/image.ts';
import { toTime } from '../../api/meta.ts';
import { addTagEvent, historyOf, updateFollowers } from './tag-history.ts';

export interface WantedImport {
  tag: string;
  /** Reference of the image. */
  from: string;
  insecure: boolean;
  /** Keep an index as it is instead of the image for this machine. */
  wholeIndex: boolean;
  generation: number;
}

export type ImportOutcome = { image: string; dockerImageReference: string } | { reason: string; message: string };

/** Tags whose spec is newer than what was last imported, or tried; `again` names those whose schedule has come. */
export function wantedImports(stream: ImageStream, again: (tag: string) => boolean = () => false): WantedImport[] {
  return (stream.spec.tags ?? []).flatMap(({ name: tag, from, reference, generation, importPolicy }) => {
    if (from?.kind !== 'DockerImage' || !from.name || reference) return [];
    const wanted = generation ?? 0;
    if (wanted <= observed(historyOf(stream, tag)) && !(importPolicy?.scheduled && again(tag))) return [];
    return [{ tag, from: from.name, insecure: importPolicy?.insecure ?? false, wholeIndex: importPolicy?.importMode === 'PreserveOriginal', generation: wanted }];
  });
}

export function scheduledTags(stream: ImageStream): string[] {
  return (stream.spec.tags ?? []).filter(({ from, reference, importPolicy }) => from?.kind === 'DockerImage' && !reference && importPolicy?.scheduled).map(({ name }) => name);
}

/** Writes an outcome into `stream.status`, a private copy. False if the tag no longer asks for it or nothing changed. */
export function recordImport(stream: ImageStream, wanted: WantedImport, outcome: ImportOutcome, now: Date): boolean {
  const reference = stream.spec.tags?.find((one) => one.name === wanted.tag);
  if (reference?.from?.name !== wanted.from || (reference.generation ?? 0) !== wanted.generation) return false;
  if ('image' in outcome) {
    const hadCondition = historyOf(stream, wanted.tag)?.conditions !== undefined;
    const changed = addTagEvent(stream, wanted.tag, { created: toTime(now), ...outcome, generation: wanted.generation });
    if (!changed && hadCondition) delete historyOf(stream, wanted.tag)?.conditions;
    if (changed) updateFollowers(stream, wanted.tag);
    return changed || hadCondition;
  }
  const tags = ((stream.status ??= { dockerImageRepository: '' }).tags ??= []);
  let list = historyOf(stream, wanted.tag);
  if (!list) tags.push((list = { tag: wanted.tag, items: null }));
  list.conditions = [{ type: 'ImportSuccess', status: 'False', reason: outcome.reason, message: outcome.message, lastTransitionTime: toTime(now), generation: wanted.generation }];
  return true;
}

function observed(history: NamedTagEventList | undefined): number {
  const generations = (history?.conditions ?? []).filter(({ type }) => type === 'ImportSuccess').map(({ generation }) => generation ?? 0);
  return Math.max(0, history?.items?.[0]?.generation ?? 0, ...generations);
}
