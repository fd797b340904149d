/** The image streams that a build config refers to, as the store has them now. */
import { strategyFrom, type BuildConfig } from '../../api/kinds/build.ts';
import { imageStreams, type ImageStream } from '../../api/kinds/image.ts';
import type { ObjectReference } from '../../api/meta.ts';
import type { Client } from '../../client/client.ts';
import { ifFound } from '../../client/if-found.ts';
import type { StreamLookup } from './image-resolver.ts';

/** `more`: references beside the config's own. */
export async function readStreams(client: Client, { metadata, spec }: BuildConfig, more: readonly (ObjectReference | undefined)[] = []): Promise<StreamLookup> {
  const named = [...more, strategyFrom(spec.strategy), ...(spec.source?.images ?? []).map((image) => image.from), ...(spec.triggers ?? []).map((trigger) => trigger.imageChange?.from)];
  const found = new Map<string, ImageStream | undefined>();
  for (const reference of named) {
    if (!reference?.name || (reference.kind !== 'ImageStreamTag' && reference.kind !== 'ImageStreamImage')) continue;
    const at = { namespace: reference.namespace ?? metadata.namespace ?? '', name: reference.name.split(/[:@]/)[0] ?? '' };
    const key = `${at.namespace}/${at.name}`;
    if (!found.has(key)) found.set(key, await ifFound(client.get(imageStreams, at)));
  }
  return (namespace, name) => found.get(`${namespace}/${name}`);
}
