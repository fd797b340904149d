/** Clients that connected to an idle service: kept until it has endpoints again. */
import type { Disposable } from '../../base/disposable.ts';

/** Clients of one address that wait at a time; one more is turned away. */
const mostHeld = 256;
/** How long one waits: pods have to be scheduled, pulled and started. */
const patienceMs = 120_000;

export class Held implements Disposable {
  readonly #waiting = new Set<(there: boolean) => void>();

  /** Resolves to true when there are endpoints, to false when it is full, or nobody came in time. `cancelled`: the client went away. */
  wait(cancelled?: (listener: () => void) => void): Promise<boolean> {
    if (this.#waiting.size >= mostHeld) return Promise.resolve(false);
    return new Promise((resolve) => {
      const done = (there: boolean) => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve(there);
      };
      const timer = setTimeout(() => done(false), patienceMs);
      this.#waiting.add(done);
      cancelled?.(() => done(false));
    });
  }

  get size(): number {
    return this.#waiting.size;
  }

  release(): void {
    for (const done of [...this.#waiting]) done(true);
  }

  dispose(): void {
    for (const done of [...this.#waiting]) done(false);
  }
}
