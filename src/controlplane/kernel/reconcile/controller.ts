/** The one loop of all controllers: keys in, a level-based reconcile, back-off on failure. */
import { isStatusError } from '../../../api/status.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Disposable } from '../../../base/disposable.ts';
import type { Log } from '../../../base/log.ts';
import { exponential, WorkQueue } from '../../../base/work-queue.ts';

/** `undefined`: done until something changes. `afterMs`: look again then, whatever happens. Throwing retries with back-off. */
export type ReconcileResult = { afterMs: number } | undefined | void;

export interface ControllerOptions {
  name: string;
  /** Called with one key at a time per key, at most `workers` keys at once. */
  reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult>;
  /** Default 4. */
  workers?: number;
  clock: Clock;
  log: Log;
}

export interface Controller extends Disposable {
  /** Adds a key; keys already waiting are merged. */
  enqueue(key: string): void;
  /** Adds a key after `ms`; the earliest of several wins. */
  enqueueAfter(key: string, ms: number): void;
}

/** A conflict means that the cache was behind: a moment later it will not be, so there is no reason to wait longer each time… */
const conflictMs = 10;
/** …unless it goes on, when somebody else keeps writing the same object. */
const conflictsInARow = 8;

/** `dispose` aborts the signal of running reconciles and waits for them. */
export function controller(options: ControllerOptions): Controller {
  const backoff = exponential(5, 60_000);
  const log = options.log.child(options.name);
  const queue = new WorkQueue({
    work: (key, signal) => options.reconcile(key, signal),
    workers: options.workers ?? 4,
    clock: options.clock,
    retryMs: (error, failures) => (isStatusError(error, 'Conflict') && failures <= conflictsInARow ? conflictMs : backoff(failures)),
    onFailure(key, error, failures, retryMs) {
      if (isStatusError(error, 'Conflict') && failures <= conflictsInARow) log.debug('reconcile met a newer object', { key });
      else log.warn('reconcile failed', { key, error, failures, retryMs });
    },
  });
  return {
    enqueue: (key) => queue.add(key),
    enqueueAfter: (key, ms) => queue.addAfter(key, ms),
    dispose: () => queue.dispose(),
  };
}
