import type { Clock } from './clock.ts';
import type { Disposable } from './disposable.ts';

/** `afterMs`: take the key again then, whatever happens. */
export type WorkResult = { afterMs: number } | undefined | void;

export interface WorkQueueOptions {
  /** Called with one key at a time per key. Throwing puts the key back with back-off. */
  work(key: string, signal: AbortSignal): Promise<WorkResult>;
  /** Keys worked on at once. Default 4. */
  workers?: number;
  clock: Clock;
  /** Told of each failure and when the key is taken again. */
  onFailure?(key: string, error: unknown, failures: number, retryMs: number): void;
  /** Wait before a failed key is taken again; default `exponential()`. */
  retryMs?(error: unknown, failures: number): number;
}

/** `first` ms after the first failure, twice that after each further one, at most `most`. */
export const exponential = (first = 5, most = 60_000) => (failures: number): number => Math.min(first * 2 ** Math.min(failures - 1, 40), most);

/** Keys in a row after which a worker lets timers and I/O run, even if the work never waits for any. */
const burst = 64;

/**
 * Keys waiting to be worked on. A key is never worked on twice at once: added while its work runs, it is taken once more afterwards.
 * Bounded by the number of distinct keys, since equal keys merge; order is first come, first served.
 */
export class WorkQueue implements Disposable {
  readonly #options: WorkQueueOptions;
  readonly #workers: number;
  readonly #retryMs: (error: unknown, failures: number) => number;
  readonly #abort = new AbortController();
  readonly #waiting = new Set<string>();
  readonly #running = new Set<string>();
  /** Added while running. */
  readonly #again = new Set<string>();
  readonly #timers = new Map<string, { due: number; timer: Disposable }>();
  readonly #failures = new Map<string, number>();
  #active = 0;
  #drained: (() => void) | undefined;

  constructor(options: WorkQueueOptions) {
    const backoff = exponential();
    this.#options = options;
    this.#workers = options.workers ?? 4;
    this.#retryMs = options.retryMs?.bind(options) ?? ((_, failures) => backoff(failures));
  }

  /** Keys waiting, not counting those of timers. */
  get size(): number {
    return this.#waiting.size + this.#again.size;
  }

  /** Nothing waits or runs; keys may still wait for their time. */
  get idle(): boolean {
    return this.#active === 0 && this.#waiting.size === 0;
  }

  add(key: string): void {
    if (this.#abort.signal.aborted) return;
    if (this.#running.has(key)) this.#again.add(key);
    else this.#waiting.add(key);
    this.#start();
  }

  /** Adds `key` after `ms`; the earliest of several wins. */
  addAfter(key: string, ms: number): void {
    if (this.#abort.signal.aborted) return;
    if (ms <= 0) return this.add(key);
    const due = this.#options.clock.now().getTime() + ms;
    const earlier = this.#timers.get(key);
    if (earlier && earlier.due <= due) return;
    void earlier?.timer.dispose();
    const timer = this.#options.clock.after(ms, () => {
      this.#timers.delete(key);
      this.add(key);
    });
    this.#timers.set(key, { due, timer });
  }

  /** Forgets the failures of `key`, so that its next failure waits briefly again. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** Aborts what runs and waits for it; what waits is dropped. */
  async dispose(): Promise<void> {
    this.#abort.abort();
    this.#waiting.clear();
    this.#again.clear();
    for (const { timer } of this.#timers.values()) void timer.dispose();
    this.#timers.clear();
    if (this.#active > 0) await new Promise<void>((resolve) => (this.#drained = chain(this.#drained, resolve)));
  }

  #start(): void {
    while (this.#active < this.#workers && this.#waiting.size > this.#starting) {
      this.#active++;
      this.#starting++;
      // Not in the caller's turn: whoever adds several keys sees them merged, and is never re-entered.
      queueMicrotask(() => {
        this.#starting--;
        void this.#worker();
      });
    }
  }
  #starting = 0;

  async #worker(): Promise<void> {
    let taken = 0;
    for (let key = this.#take(); key !== undefined; key = this.#take()) {
      await this.#one(key);
      if (++taken % burst === 0) await new Promise<void>((resolve) => setTimeout(resolve, 0));
    }
    this.#active--;
    if (this.#active === 0) this.#drained?.();
  }

  #take(): string | undefined {
    const [key] = this.#waiting;
    if (key !== undefined) this.#waiting.delete(key);
    return key;
  }

  async #one(key: string): Promise<void> {
    this.#running.add(key);
    try {
      const result = await this.#options.work(key, this.#abort.signal);
      this.#failures.delete(key);
      if (result) this.addAfter(key, result.afterMs);
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      const wait = this.#retryMs(error, failures);
      this.#options.onFailure?.(key, error, failures, wait);
      this.addAfter(key, wait);
    } finally {
      this.#running.delete(key);
      if (this.#again.delete(key)) this.add(key);
    }
  }
}

const chain = (first: (() => void) | undefined, then: () => void) => () => {
  first?.();
  then();
};

