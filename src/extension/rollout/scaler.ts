/** Scales one workload step by step: several steps in a moment are one request, and the last one wins. */
import type { Client } from '../../client/client.ts';
import { scale } from '../../client/rollout/scale.ts';
import type { RolloutTarget } from '../../client/rollout/target.ts';
import type { Session } from '../connections/session.ts';

/** Steps within this time belong together. */
const restMs = 250;

export class Scaler {
  readonly #session: Session;
  readonly #target: RolloutTarget;
  readonly #failed: (error: unknown) => unknown;
  #wanted: { replicas: number; client: Client } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(session: Session, target: RolloutTarget, failed: (error: unknown) => unknown) {
    this.#session = session;
    this.#target = target;
    this.#failed = failed;
  }

  scale(replicas: number): void {
    try {
      // The window may work with another cluster by the time it is asked for.
      this.#wanted = { replicas, client: this.#session.client };
    } catch (error) {
      this.#failed(error);
      return;
    }
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

  async #ask({ replicas, client }: { replicas: number; client: Client }): Promise<void> {
    try {
      await scale(client, this.#target, replicas);
    } catch (error) {
      this.#failed(error);
    }
  }
}
