/** When the registry sweeps: some time after it started, after deletions, when what was too young has come of age, and once a day. One sweep at a time. */
import type { Clock } from '../../../base/clock.ts';
import type { Disposable } from '../../../base/disposable.ts';
import type { Log } from '../../../base/log.ts';
import { sweep, type SweepParts, type SweepResult } from './sweep.ts';

const dailyMs = 24 * 60 * 60 * 1000;
/** Deletions come in crowds (a project, a pruning): the sweep waits until they have ended. */
const soonMs = 5_000;

export class Sweeper implements Disposable {
  readonly #parts: Omit<SweepParts, 'signal'>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #ending = new AbortController();
  #timer: Disposable | undefined;
  #due = Infinity;
  #running: Promise<SweepResult> | undefined;

  constructor(parts: Omit<SweepParts, 'signal'>, clock: Clock, log: Log) {
    this.#parts = parts;
    this.#clock = clock;
    this.#log = log;
    // Clients that were in the middle of something when the registry stopped come back first.
    this.#schedule(Math.max(parts.keepMs, soonMs));
  }

  soon(): void {
    this.#schedule(soonMs);
  }

  run(): Promise<SweepResult> {
    this.#running ??= this.#sweep().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async dispose(): Promise<void> {
    this.#ending.abort(new Error('the registry is stopping'));
    void this.#timer?.dispose();
    await this.#running?.catch(() => undefined);
  }

  async #sweep(): Promise<SweepResult> {
    this.#due = Infinity;
    const result = await sweep({ ...this.#parts, signal: this.#ending.signal });
    if (result.manifests + result.links + result.blobs > 0) this.#log.info('swept', { ...result });
    this.#schedule(result.young ? Math.min(Math.max(this.#parts.keepMs, soonMs), dailyMs) : dailyMs);
    return result;
  }

  /** The earlier of what is planned already and this. */
  #schedule(ms: number): void {
    const due = this.#clock.now().getTime() + ms;
    if (this.#ending.signal.aborted || due >= this.#due) return;
    this.#due = due;
    void this.#timer?.dispose();
    this.#timer = this.#clock.after(ms, () => {
      // One that runs has looked already at what was deleted since.
      const before = this.#running?.catch(() => undefined);
      Promise.resolve(before).then(() => this.run()).catch((error: unknown) => {
        if (this.#ending.signal.aborted) return;
        this.#log.error('sweep failed', { error });
        this.#schedule(dailyMs);
      });
    });
  }
}
