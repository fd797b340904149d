/** Scales one workload step by step: several steps in a moment are one request, and the last one wins. */
import { scale } from '../../client/rollout/scale.ts';
import type { RolloutTarget } from '../../client/rollout/target.ts';
import type { Session } from '../connections/session.ts';

/** Steps within this time belong together. */
const restMs = 250;

export class Scaler {
  readonly #session: Session;
  readonly #target: RolloutTarget;
  readonly #failed: (error: unknown) => unknown;
  #wanted: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(session: Session, target: RolloutTarget, failed: (error: unknown) => unknown) {
    this.#session = session;
    this.#target = target;
    this.#failed = failed;
  }

  scale(replicas: number): void {
    this.#wanted = replicas;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), restMs);
  }

  /** Asks at once for what was asked for last. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    const wanted = this.#wanted;
    this.#wanted = undefined;
    if (wanted !== undefined) this.#running = this.#running.then(() => this.#ask(wanted));
    return this.#running;
  }

  /** What was asked for is still done. */
  dispose(): void {
    void this.flush();
  }

  async #ask(replicas: number): Promise<void> {
    try {
      await scale(this.#session.client, this.#target, replicas);
    } catch (error) {
      this.#failed(error);
    }
  }
}
