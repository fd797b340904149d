/** Scales replication controllers and waits for what follows, told by watches and not by asking again and again. */
import { pods, replicationControllers, type Pod, type ReplicationController } from '../../../api/kinds/core.ts';
import { controllerOf } from '../../../api/meta.ts';
import { isTerminal } from '../../../api/pod.ts';
import { isStatusError } from '../../../api/status.ts';
import { delay } from '../../../base/clock.ts';
import type { Disposable } from '../../../base/disposable.ts';
import { silentLog } from '../../../base/log.ts';
import type { Informer } from '../../../client/informer.ts';
import { informer } from '../../../client/informers.ts';
import { isAvailable } from '../replicas-plan.ts';
import type { RolloutTools } from './rollout-tools.ts';

/** Pods may become available by time alone: looked at this often besides every change. */
const lookMs = 500;
/** A server that is busy or starting is asked again for this long. */
const tries = 10;
const retryMs = 1_000;
const conflictMs = 20;

export class Scaler implements Disposable {
  readonly #tools: RolloutTools;
  readonly #namespace: string;
  readonly #controllers: Informer<ReplicationController>;
  readonly #pods: Informer<Pod>;
  #changed: (() => void)[] = [];

  constructor(namespace: string, tools: RolloutTools) {
    this.#tools = tools;
    this.#namespace = namespace;
    const around = { clock: tools.clock, log: silentLog };
    this.#controllers = informer(tools.client, replicationControllers, { namespace }, around);
    this.#pods = informer(tools.client, pods, { namespace }, around);
    const wake = () => {
      for (const resolve of this.#changed.splice(0)) resolve();
    };
    this.#controllers.onChange(wake);
    this.#pods.onChange(wake);
  }

  async ready(): Promise<void> {
    await Promise.all([this.#controllers.synced, this.#pods.synced]);
  }

  async dispose(): Promise<void> {
    await Promise.all([this.#controllers.dispose(), this.#pods.dispose()]);
  }

  /** Pods of the controller that serve. */
  available(controller: ReplicationController): number {
    const now = this.#tools.clock.now();
    return this.#podsOf(controller).filter((pod) => isAvailable(pod, controller.spec.minReadySeconds ?? 0, now)).length;
  }

  /** Sets the size and waits until the controller has that many pods, ready or not. */
  async scale(name: string, replicas: number, timeoutMs: number): Promise<void> {
    const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name, namespace: this.#namespace }, spec: { replicas } };
    await this.#persistently(() => this.#tools.client.update(replicationControllers, scale, { name, namespace: this.#namespace, subresource: 'scale' }));
    const done = await this.until(timeoutMs, () => {
      const controller = this.#controllers.get(`${this.#namespace}/${name}`);
      if (!controller) throw new Error(`replication controller ${name} is gone`);
      const { generation = 0 } = controller.metadata;
      return controller.spec.replicas === replicas && (controller.status?.observedGeneration ?? 0) >= generation && (controller.status?.replicas ?? 0) === replicas;
    });
    if (!done) throw new Error(`timed out waiting for "${name}" to be synced`);
  }

  /** Waits until as many pods are available as the controller has. False when the time is over. */
  untilAvailable(controller: ReplicationController, replicas: number, timeoutMs: number): Promise<boolean> {
    return this.until(timeoutMs, () => this.available(controller) >= replicas);
  }

  untilNoPods(controller: ReplicationController, timeoutMs: number): Promise<boolean> {
    return this.until(timeoutMs, () => this.#podsOf(controller).every(isTerminal));
  }

  /** A pod of the project as it was seen last. */
  pod(name: string): Pod | undefined {
    return this.#pods.get(`${this.#namespace}/${name}`);
  }

  async until(timeoutMs: number, condition: () => boolean): Promise<boolean> {
    const { clock, signal } = this.#tools;
    const end = clock.now().getTime() + timeoutMs;
    while (!condition()) {
      const left = end - clock.now().getTime();
      if (left <= 0) return false;
      await this.change(Math.min(left, lookMs));
      signal.throwIfAborted();
    }
    return true;
  }

  /** The next change of any controller or pod, at most `ms` away. */
  async change(ms: number): Promise<void> {
    const { clock, signal } = this.#tools;
    signal.throwIfAborted();
    await new Promise<void>((resolve) => {
      const finish = () => {
        void timer.dispose();
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const timer = clock.after(ms, finish);
      signal.addEventListener('abort', finish, { once: true });
      this.#changed.push(finish);
    });
  }

  pause(ms: number): Promise<void> {
    return delay(this.#tools.clock, ms, this.#tools.signal);
  }

  #podsOf(controller: ReplicationController): Pod[] {
    return this.#pods.list(this.#namespace).filter((pod) => controllerOf(pod)?.uid === controller.metadata.uid);
  }

  async #persistently<T>(ask: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await ask();
      } catch (error) {
        const refused = isStatusError(error) && !['Conflict', 'Timeout', 'ServiceUnavailable', 'TooManyRequests', 'InternalError'].includes(error.reason);
        if (refused || attempt >= tries) throw error;
        await this.pause(isStatusError(error, 'Conflict') ? conflictMs : retryMs);
      }
    }
  }
}
