import { toDisposable, type Disposable } from './disposable.ts';

/** Time as the program sees it; tests hand in their own. */
export interface Clock {
  now(): Date;
  /** Calls `run` once after `ms` milliseconds, unless disposed before. */
  after(ms: number, run: () => void): Disposable;
}

/** Milliseconds beyond which a timer would fire at once (a signed 32-bit limit of the platform). */
const longestTimer = 0x7fffffff;

export const systemClock: Clock = {
  now: () => new Date(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(Math.max(ms, 0), longestTimer));
    return toDisposable(() => clearTimeout(timer));
  },
};

/** Resolves after `ms`, or rejects with the signal's reason as soon as it aborts. */
export function delay(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const stop = () => {
      void timer.dispose();
      reject(signal?.reason as Error);
    };
    const timer = clock.after(ms, () => {
      signal?.removeEventListener('abort', stop);
      resolve();
    });
    signal?.addEventListener('abort', stop, { once: true });
  });
}
