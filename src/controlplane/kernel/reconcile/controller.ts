/** The one loop of all controllers: keys in, a level-based reconcile, back-off on failure. */
import type { Clock } from '../../../base/clock.ts';
import type { Disposable } from '../../../base/disposable.ts';
import type { Log } from '../../../base/log.ts';

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
