/** ImageChange triggers: which tags a build config watches, what each has built from last, and whether there is something newer. Pure. */
import { strategyFrom, type BuildConfig, type BuildConfigStatus, type BuildTriggerPolicy } from '../../api/kinds/build.ts';
import type { ObjectReference, Time } from '../../api/meta.ts';
import { resolveImage, type StreamLookup } from './image-resolver.ts';

type Seen = NonNullable<BuildConfigStatus['imageChangeTriggers']>[number];

/** A trigger and the tag it watches: its own, or the one its strategy starts from. */
interface Watching {
  imageChange: NonNullable<BuildTriggerPolicy['imageChange']>;
  from: ObjectReference;
}

export interface ImageChange {
  from: ObjectReference;
  /** Pull specification by digest. */
  image: string;
}

export function watchedTags({ spec }: BuildConfig): Watching[] {
  return (spec.triggers ?? []).flatMap(({ type, imageChange = {} }) => {
    const from = type === 'ImageChange' ? (imageChange.from ?? strategyFrom(spec.strategy)) : undefined;
    return from?.kind === 'ImageStreamTag' && from.name ? [{ imageChange, from }] : [];
  });
}

/** The first trigger with an image that it has not built from. */
export function dueImageChange(config: BuildConfig, streams: StreamLookup): ImageChange | undefined {
  for (const { imageChange, from } of watchedTags(config)) {
    if (imageChange.paused) continue;
    const image = resolveImage(from, namespaceOf(config), streams)?.pullSpec;
    if (image && image !== lastTriggered(config, { imageChange, from })) return { from, image };
  }
  return undefined;
}

/** Whoever applies a config again without this field must not start a build: the status remembers, too. */
function lastTriggered(config: BuildConfig, { imageChange, from }: Watching): string | undefined {
  return config.status?.imageChangeTriggers?.find((one) => sameTag(one.from, from, namespaceOf(config)))?.lastTriggeredImageID ?? imageChange.lastTriggeredImageID;
}

/**
 * Notes in `config` (a private copy) what every trigger leads to now, whoever started the build: several images that change at once make one build.
 * `caused`: the change that started it, noted as it was seen then.
 */
export function noteImages(config: BuildConfig, streams: StreamLookup, caused: ImageChange | undefined, now: Time): void {
  const namespace = namespaceOf(config);
  const seen: Seen[] = [];
  for (const { imageChange, from } of watchedTags(config)) {
    const isCause = caused !== undefined && sameTag(caused.from, from, namespace);
    const image = isCause ? caused.image : resolveImage(from, namespace, streams)?.pullSpec;
    if (!image) continue;
    const before = config.status?.imageChangeTriggers?.find((one) => sameTag(one.from, from, namespace))?.lastTriggerTime;
    const time = isCause ? now : before;
    imageChange.lastTriggeredImageID = image;
    seen.push({ from: { ...(from.namespace && { namespace: from.namespace }), ...(from.name && { name: from.name }) }, lastTriggeredImageID: image, ...(time && { lastTriggerTime: time }) });
  }
  if (config.status && (seen.length > 0 || config.status.imageChangeTriggers)) config.status.imageChangeTriggers = seen;
}

export function sameTag(a: Pick<ObjectReference, 'namespace' | 'name'> | undefined, b: Pick<ObjectReference, 'namespace' | 'name'> | undefined, namespace: string): boolean {
  return a !== undefined && b !== undefined && a.name === b.name && (a.namespace ?? namespace) === (b.namespace ?? namespace);
}

function namespaceOf(config: BuildConfig): string {
  return config.metadata.namespace ?? '';
}
