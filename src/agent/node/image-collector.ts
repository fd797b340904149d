/** Removes images that nothing uses when the disk fills (the kubelet's image garbage collection). */
import { statfs } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import { Scope, type Disposable } from '../../base/disposable.ts';
import type { Log } from '../../base/log.ts';
import type { ImageInfo, ImageService } from '../runtime/runtime.ts';
import type { ImageSettings } from './settings.ts';

const everyMs = 5 * 60_000;

export interface Candidate extends ImageInfo {
  lastUsed: number;
}

export interface Disk {
  bytes: number;
  freeBytes: number;
}

export interface Collection {
  images: Candidate[];
  /** What the disk lacks; more than the images chosen have means that they are not enough. */
  wantedBytes: number;
}

/** Longest unused first, until the disk has room again; images used lately stay. `all`: every unused one goes. Pure. */
export function planCollection(candidates: readonly Candidate[], disk: Disk, settings: ImageSettings, now: number, all = false): Collection {
  const { high, low, enough, minimumAgeMs, maximumAgeMs } = settings;
  const full = 1 - disk.freeBytes / disk.bytes >= high && disk.freeBytes < enough;
  const lacking = Math.max(0, Math.min((1 - low) * disk.bytes, Number.isFinite(enough) ? enough : Infinity) - disk.freeBytes);
  const wantedBytes = all ? Infinity : full ? lacking : 0;
  const images: Candidate[] = [];
  let freed = 0;
  for (const image of [...candidates].sort((a, b) => a.lastUsed - b.lastUsed)) {
    const idle = now - image.lastUsed;
    if (idle < minimumAgeMs) continue;
    const old = maximumAgeMs > 0 && idle > maximumAgeMs;
    if (!old && freed >= wantedBytes) continue;
    images.push(image);
    freed += image.size;
  }
  return { images, wantedBytes: Number.isFinite(wantedBytes) ? wantedBytes : 0 };
}

export interface CollectorParts {
  images: ImageService;
  settings: ImageSettings;
  used(): Promise<Set<string>>;
  folder: string;
  /** An event of the node. */
  tell(reason: string, message: string): void;
  clock: Clock;
  log: Log;
}

export interface ImageCollector extends Disposable {
  /** `all`: every image that nothing uses and that is not fresh, whatever the disk says. */
  collect(all?: boolean): Promise<void>;
}

export function imageCollector(parts: CollectorParts): ImageCollector {
  const { images, settings, clock, log } = parts;
  const lastUsed = new Map<string, number>();
  const scope = new Scope();
  let timer: Disposable | undefined;

  const collect = async (all = false): Promise<void> => {
    const now = clock.now().getTime();
    const used = await parts.used();
    const present = await images.list();
    for (const { id } of present) if (used.has(id) || !lastUsed.has(id)) lastUsed.set(id, now);
    const { blocks, bavail, bsize } = await statfs(parts.folder);
    const unused = present.filter(({ id }) => !used.has(id)).map((image) => ({ ...image, lastUsed: lastUsed.get(image.id) ?? now }));
    const plan = planCollection(unused, { bytes: blocks * bsize, freeBytes: bavail * bsize }, settings, now, all);
    let freed = 0;
    for (const image of plan.images) {
      log.info('removing an unused image', { image: image.reference, bytes: image.size });
      await images.remove(image.id);
      freed += image.size;
      lastUsed.delete(image.id);
    }
    if (freed < plan.wantedBytes) parts.tell('FreeDiskSpaceFailed', `Failed to garbage collect required amount of images. Attempted to free ${Math.round(plan.wantedBytes)} bytes, but only found ${freed} bytes eligible to free.`);
  };
  const next = () => {
    if (scope.disposed) return;
    timer = clock.after(everyMs, () => void collect().catch((error: unknown) => log.warn('cannot remove unused images', { error })).finally(next));
  };
  scope.defer(() => void timer?.dispose());
  next();
  return { collect, dispose: () => scope.dispose() };
}
