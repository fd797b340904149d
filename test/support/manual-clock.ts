import { toDisposable } from '../../src/base/disposable.ts';
import type { Clock } from '../../src/base/clock.ts';

export interface ManualClock extends Clock {
  /** Moves time on, running what falls due in order; promise callbacks run between timers. */
  advance(ms: number): Promise<void>;
  /** Timers that wait. */
  readonly waiting: number;
}

/** A clock that stands until it is moved. */
export function manualClock(start = '2026-01-01T00:00:00Z'): ManualClock {
  let now = Date.parse(start);
  let order = 0;
  const timers = new Map<number, { due: number; run: () => void }>();
  const next = (until: number) =>
    [...timers].filter(([, timer]) => timer.due <= until).sort(([a, one], [b, two]) => one.due - two.due || a - b)[0];
  return {
    now: () => new Date(now),
    after(ms, run) {
      const id = order++;
      timers.set(id, { due: now + Math.max(ms, 0), run });
      return toDisposable(() => void timers.delete(id));
    },
    async advance(ms) {
      const until = now + ms;
      await settle();
      for (let due = next(until); due; due = next(until)) {
        const [id, timer] = due;
        timers.delete(id);
        now = Math.max(now, timer.due);
        timer.run();
        await settle();
      }
      now = until;
    },
    get waiting() {
      return timers.size;
    },
  };
}

/** Lets everything run that only waits for promises or for the event loop's next turns. */
export async function settle(turns = 4): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}
