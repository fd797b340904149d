import { toDisposable, type Disposable } from './disposable.ts';

/** Time as the program sees it; tests hand in their own. */
export interface Clock {
  now(): Date;
  /** Calls `run` once after `ms` milliseconds, unless disposed before. */
  after(ms: number, run: () => void): Disposable;
}

/** Timers stand while the machine sleeps: a longer one looks at the clock this often, so that it comes late by no more than that. */
const longestTimer = 60_000;

export const systemClock: Clock = {
  now: () => new Date(),
  after(ms, run) {
    if (ms <= longestTimer) {
      const timer = setTimeout(run, Math.max(ms, 0));
      return toDisposable(() => clearTimeout(timer));
    }
    const due = Date.now() + ms;
    let awake = ms;
    let timer: ReturnType<typeof setTimeout>;
    const wait = () => {
      // Whichever comes first: a clock that is set back delays nothing.
      const left = Math.min(due - Date.now(), awake);
      if (left <= 0) return run();
      const step = Math.min(left, longestTimer);
      awake -= step;
      timer = setTimeout(wait, step);
    };
    wait();
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
