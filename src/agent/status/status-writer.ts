/** Writes pod statuses to the API: only what changed, the newest only, one write a pod at a time. */
import { equalJson } from '../../api/json.ts';
import { pods, type Pod, type PodStatus } from '../../api/kinds/core.ts';
import { isStatusError } from '../../api/status.ts';
import type { Clock } from '../../base/clock.ts';
import type { Disposable } from '../../base/disposable.ts';
import type { Log } from '../../base/log.ts';
import { exponential, WorkQueue } from '../../base/work-queue.ts';
import type { Client } from '../../client/client.ts';
import { ownPart, transientConditions } from './own-conditions.ts';

interface Wanted {
  pod: Pod;
  status: PodStatus;
}

/** Pods written at once. */
const workers = 8;

export class StatusWriter implements Disposable {
  readonly #client: Client;
  readonly #wanted = new Map<string, Wanted>();
  /** What the API was last told; before the first write, what the pod came with. */
  readonly #written = new Map<string, PodStatus | undefined>();
  readonly #waiting = new Map<string, (() => void)[]>();
  readonly #queue: WorkQueue;

  constructor(client: Client, clock: Clock, log: Log) {
    this.#client = client;
    const backoff = exponential(200, 10_000);
    this.#queue = new WorkQueue({
      work: (uid) => this.#write(uid),
      workers,
      clock,
      retryMs: (_, failures) => backoff(failures),
      onFailure: (uid, error, failures) => log.warn('cannot write the status of a pod', { uid, error, failures }),
    });
  }

  /** What `status` repeats of others' conditions is not written. */
  set(pod: Pod, status: PodStatus): void {
    const uid = pod.metadata.uid ?? '';
    const own = ownPart(status);
    const known = this.#wanted.get(uid)?.status ?? (this.#written.has(uid) ? this.#written.get(uid) : pod.status && ownPart(pod.status));
    if (equalJson(known, own)) return;
    this.#wanted.set(uid, { pod, status: own });
    this.#queue.add(uid);
  }

  /** The status that the API has or is about to have. */
  latest(uid: string): PodStatus | undefined {
    return this.#wanted.get(uid)?.status ?? this.#written.get(uid);
  }

  /** Resolves once everything set for the pod is written or the pod is gone. */
  flush(uid: string): Promise<void> {
    if (!this.#wanted.has(uid)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.set(uid, [...(this.#waiting.get(uid) ?? []), resolve]));
  }

  forget(uid: string): void {
    this.#wanted.delete(uid);
    this.#written.delete(uid);
    this.#done(uid);
  }

  async dispose(): Promise<void> {
    await this.#queue.dispose();
  }

  async #write(uid: string): Promise<void> {
    const wanted = this.#wanted.get(uid);
    if (!wanted) return;
    const { pod, status } = wanted;
    const { name, namespace } = pod.metadata;
    try {
      // The uid keeps the status of an old pod off a new one of the same name.
      await this.#client.patch(pods, { namespace, name, subresource: 'status' }, 'strategic', { metadata: { uid }, status: changes(this.#written.get(uid) ?? pod.status, status) });
    } catch (error) {
      const refused = isStatusError(error, 'Invalid', 'BadRequest');
      if (!refused && !isStatusError(error, 'NotFound') && !(isStatusError(error, 'Conflict') && (await this.#replaced(wanted.pod)))) throw error;
      if (refused) {
        // Trying the same again cannot help; the next change of the pod may.
        this.#settle(uid, wanted);
        throw error;
      }
    }
    this.#settle(uid, wanted);
  }

  /** Another pod has its name by now. */
  async #replaced({ metadata }: Pod): Promise<boolean> {
    const there = await this.#client.get(pods, { namespace: metadata.namespace, name: metadata.name }).catch((error: unknown) => {
      if (isStatusError(error, 'NotFound')) return undefined;
      throw error;
    });
    return there?.metadata.uid !== metadata.uid;
  }

  #settle(uid: string, written: Wanted): void {
    if (this.#wanted.get(uid) !== written) {
      this.#written.set(uid, written.status);
      this.#queue.add(uid);
      return;
    }
    this.#wanted.delete(uid);
    this.#written.set(uid, written.status);
    this.#done(uid);
  }

  #done(uid: string): void {
    for (const resolve of this.#waiting.get(uid) ?? []) resolve();
    this.#waiting.delete(uid);
  }
}

/** As a strategic patch: conditions merge by type, so that what others say there meanwhile stays. */
function changes(before: PodStatus | undefined, after: PodStatus): object {
  const { podIPs, hostIPs, conditions = [] } = after;
  const said = new Set(conditions.map(({ type }) => type));
  const over = (before?.conditions ?? []).filter(({ type }) => transientConditions.has(type) && !said.has(type));
  return {
    ...removals(before, after),
    ...after,
    // These merge, too, and are the agent's alone.
    ...(podIPs && { podIPs: [whole, ...podIPs] }),
    ...(hostIPs && { hostIPs: [whole, ...hostIPs] }),
    conditions: [...conditions.map((one) => ({ reason: null, message: null, ...one })), ...over.map(({ type }) => ({ type, $patch: 'delete' }))],
  };
}

const whole = { $patch: 'replace' };

/** A patch drops a field only when told so. */
function removals(before: PodStatus | undefined, after: PodStatus): Record<string, null> {
  return Object.fromEntries(Object.keys(before ?? {}).filter((key) => !(key in after) && owned.has(key)).map((key) => [key, null]));
}

const owned = new Set(['reason', 'message', 'podIP', 'podIPs', 'initContainerStatuses', 'ephemeralContainerStatuses', 'nominatedNodeName']);
