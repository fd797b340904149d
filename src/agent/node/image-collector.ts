/** Removes images that nothing uses when the disk fills (the kubelet's thresholds: above 85 percent, down to 80). */
import { statfs } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import { Scope, type Disposable } from '../../base/disposable.ts';
import type { Log } from '../../base/log.ts';
import type { ImageInfo, ImageService } from '../runtime/runtime.ts';

const high = 0.85;
const low = 0.8;
const everyMs = 5 * 60_000;
/** An image is left alone this long after it was last seen in use or pulled. */
const restMs = 2 * 60_000;

export interface Candidate extends ImageInfo {
  lastUsed: number;
}

/** Longest unused first, until `bytes` are freed; images used lately stay. */
export function imagesToRemove(candidates: readonly Candidate[], bytes: number, now: number): Candidate[] {
  const chosen: Candidate[] = [];
  let freed = 0;
  for (const image of [...candidates].sort((a, b) => a.lastUsed - b.lastUsed)) {
    if (freed >= bytes) break;
    if (now - image.lastUsed < restMs) continue;
    chosen.push(image);
    freed += image.size;
  }
  return chosen;
}

export function imageCollector(parts: { images: ImageService; used(): Set<string>; folder: string; clock: Clock; log: Log }): Disposable {
  const { images, clock, log } = parts;
  const lastUsed = new Map<string, number>();
  const scope = new Scope();
  let timer: Disposable | undefined;

  const collect = async (): Promise<void> => {
    const now = clock.now().getTime();
    const used = parts.used();
    const all = await images.list();
    for (const { id } of all) if (used.has(id) || !lastUsed.has(id)) lastUsed.set(id, now);
    const { blocks, bavail, bsize } = await statfs(parts.folder);
    const share = 1 - bavail / blocks;
    if (share < high) return;
    const unused = all.filter(({ id }) => !used.has(id)).map((image) => ({ ...image, lastUsed: lastUsed.get(image.id) ?? now }));
    for (const image of imagesToRemove(unused, (share - low) * blocks * bsize, now)) {
      log.info('removing an unused image: the disk fills', { image: image.reference, bytes: image.size });
      await images.remove(image.id);
      lastUsed.delete(image.id);
    }
  };
  const next = () => {
    if (scope.disposed) return;
    timer = clock.after(everyMs, () => void collect().catch((error: unknown) => log.warn('cannot remove unused images', { error })).finally(next));
  };
  scope.defer(() => void timer?.dispose());
  next();
  return scope;
}
