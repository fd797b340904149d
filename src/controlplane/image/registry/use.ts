/**
 * Who uses which content now, in memory. Linking and removing one blob exclude each other; what a pull is under way with is leased for a while;
 * a sweep learns what was linked since it began. Across restarts the times of the link files say the same (see links.ts), an hour more generously.
 */
import type { Clock } from '../../../base/clock.ts';
import type { Disposable } from '../../../base/disposable.ts';

/** A pull that asked for a manifest asks for its blobs within this time. */
const leaseMs = 15 * 60 * 1000;
/** Leases that lapsed are dropped when there are so many; more than a registry of this size has manifests pulled within their time. */
const leasesBeforeCleaning = 4096;

export interface Epoch extends Disposable {
  /** True if `digest` was linked, or about to be, since the epoch began. */
  has(digest: string): boolean;
}

export class Use {
  readonly #clock: Clock;
  /** The last who waits for a digest; gone with the last. */
  readonly #queues = new Map<string, Promise<void>>();
  readonly #leases = new Map<string, number>();
  readonly #epochs = new Set<Set<string>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs alone among all that name the same digest, in the order they came. */
  async exclusive<T>(digest: string, run: () => Promise<T>): Promise<T> {
    const before = this.#queues.get(digest);
    let done = (): void => undefined;
    const mine = new Promise<void>((resolve) => (done = resolve));
    this.#queues.set(digest, mine);
    await before;
    try {
      return await run();
    } finally {
      if (this.#queues.get(digest) === mine) this.#queues.delete(digest);
      done();
    }
  }

  lease(digest: string): void {
    const now = this.#clock.now().getTime();
    if (this.#leases.size >= leasesBeforeCleaning) for (const [one, until] of this.#leases) if (until <= now) this.#leases.delete(one);
    this.#leases.set(digest, now + leaseMs);
  }

  leased(digest: string): boolean {
    return (this.#leases.get(digest) ?? 0) > this.#clock.now().getTime();
  }

  /** To be called, within `exclusive`, before a link to `digest` is made. */
  linking(digest: string): void {
    for (const epoch of this.#epochs) epoch.add(digest);
  }

  begin(): Epoch {
    const epoch = new Set<string>();
    this.#epochs.add(epoch);
    return { has: (digest) => epoch.has(digest), dispose: () => void this.#epochs.delete(epoch) };
  }
}
