/** Keeps one pod of each daemon set on every node that is to have one. */
import { daemonSets, revisionHashLabel, type DaemonSet } from '../../../api/kinds/apps.ts';
import { nodes, pods, type Node, type Pod } from '../../../api/kinds/core.ts';
import { copyJson, equalJson } from '../../../api/json.ts';
import { controllerOf, keyOf, splitKey, type KubeObject } from '../../../api/meta.ts';
import { isStatusError } from '../../../api/status.ts';
import { eventRecorder } from '../../../client/event-recorder.ts';
import { ifFound } from '../../../client/if-found.ts';
import type { ModuleContext } from '../../kernel/boot/module.ts';
import { controller, type ReconcileResult } from '../../kernel/reconcile/controller.ts';
import { syncRevisions, trimRevisions } from '../controller-revision.ts';
import { inGrowingBatches, podFrom, setController } from '../owned-pods.ts';
import { meets } from '../workload.ts';
import { daemonTemplate } from './daemon-pod.ts';
import { planDaemonSet } from './daemon-set-plan.ts';
import { FailureBackoff } from './failure-backoff.ts';

/** Pods made or deleted in one go; the rest follows with the next look. */
const burst = 250;

export async function startDaemonSetController({ client, informers, clock, log, scope }: ModuleContext): Promise<void> {
  const recorder = scope.own(eventRecorder(client, 'daemonset-controller', clock));
  const cache = informers.for(daemonSets);
  const nodeCache = informers.for(nodes);
  const podCache = informers.for(pods);
  const failures = new FailureBackoff();
  await Promise.all([cache.synced, nodeCache.synced, podCache.synced]);

  const loop = scope.own(controller({ name: 'daemonset-controller', clock, log, reconcile }));
  scope.own(cache.onChange(({ type, object }) => {
    if (type === 'deleted') failures.forget(object.metadata.uid ?? '');
    loop.enqueue(keyOf(object));
  }));
  scope.own(nodeCache.onChange(({ type, object, previous }) => {
    // Heartbeats move nobody.
    if (type === 'modified' && previous && equalJson(matters(object), matters(previous))) return;
    for (const set of cache.list()) loop.enqueue(keyOf(set));
  }));
  scope.own(podCache.onChange(({ object }) => {
    const owner = controllerOf(object);
    if (owner) {
      if (owner.kind === 'DaemonSet') loop.enqueue(`${object.metadata.namespace}/${owner.name}`);
      return;
    }
    for (const set of cache.list(object.metadata.namespace)) if (meets(set.spec.selector, object.metadata.labels)) loop.enqueue(keyOf(set));
  }));

  async function reconcile(key: string): Promise<ReconcileResult> {
    const { namespace, name } = splitKey(key);
    if (!cache.get(key)) return;
    const set = await ifFound(client.get(daemonSets, { name, namespace }));
    if (!set) return;
    const own = await claim(set, (await client.list(pods, { namespace })).items);
    const templated = set as unknown as Parameters<typeof syncRevisions>[1];
    const history = await syncRevisions(client, templated);
    const hash = history.update.metadata.labels?.[revisionHashLabel] ?? '';
    const uid = set.metadata.uid ?? '';
    const plan = planDaemonSet({ set, hash, nodes: nodeCache.list(), pods: own, backoffMs: (node) => failures.leftMs(uid, node, clock.now()), now: clock.now() });
    for (const node of plan.failed) failures.note(uid, node, clock.now());
    for (const { type, reason, message } of plan.events) recorder[type === 'Normal' ? 'normal' : 'warning'](set, reason, message);
    let failed: Error | undefined;
    try {
      failed = (await remove(set, plan.remove.slice(0, burst))) ?? (await create(set, plan.create.slice(0, burst), hash));
    } finally {
      await writeStatus(set, plan.status);
    }
    if (failed) throw failed;
    const live = new Set([history.update.metadata.name, ...history.all.filter((one) => own.some((pod) => pod.metadata.labels?.[revisionHashLabel] === one.metadata.labels?.[revisionHashLabel])).map((one) => one.metadata.name)]);
    await trimRevisions(client, templated, history, live);
    return plan.afterMs === undefined ? undefined : { afterMs: plan.afterMs };
  }

  /** The set's pods; orphans that fit are adopted, those that no longer fit let go. */
  async function claim(set: DaemonSet, all: readonly Pod[]): Promise<Pod[]> {
    const mine: Pod[] = [];
    for (const pod of all) {
      const owner = controllerOf(pod);
      const fits = meets(set.spec.selector, pod.metadata.labels);
      if (owner ? owner.uid !== set.metadata.uid : !fits || set.metadata.deletionTimestamp || pod.metadata.deletionTimestamp) continue;
      if (owner && !fits && !set.metadata.deletionTimestamp) await setController(client, pod, set, false);
      else {
        if (!owner) await setController(client, pod, set, true);
        mine.push(pod);
      }
    }
    return mine;
  }

  function create(set: DaemonSet, wanted: readonly string[], hash: string): Promise<Error | undefined> {
    return inGrowingBatches(wanted.length, async (at) => {
      try {
        const made = await client.create<Pod>(pods, podFrom(daemonTemplate(set, wanted[at] ?? '', hash), set), { namespace: set.metadata.namespace });
        recorder.normal(set, 'SuccessfulCreate', `Created pod: ${made.metadata.name}`);
      } catch (error) {
        if (!isStatusError(error) || !error.message.includes('because it is being terminated')) recorder.warning(set, 'FailedCreate', `Error creating: ${(error as Error).message}`);
        throw error;
      }
    });
  }

  function remove(set: DaemonSet, surplus: readonly Pod[]): Promise<Error | undefined> {
    return inGrowingBatches(surplus.length, async (at) => {
      const { name, namespace, uid } = (surplus[at] as Pod).metadata;
      try {
        await client.delete(pods, { name, namespace }, uid ? { preconditions: { uid } } : {});
      } catch (error) {
        if (isStatusError(error, 'NotFound', 'Conflict')) return;
        recorder.warning(set, 'FailedDelete', `Error deleting: ${(error as Error).message}`);
        throw error;
      }
      recorder.normal(set, 'SuccessfulDelete', `Deleted pod: ${name}`);
    }, burst);
  }

  async function writeStatus(set: DaemonSet, status: NonNullable<DaemonSet['status']>): Promise<void> {
    if (equalJson(set.status, status)) return;
    const { name, namespace } = set.metadata;
    await ifFound(client.update(daemonSets, { ...copyJson(set), status } as KubeObject, { name, namespace, subresource: 'status' }));
  }
}

const matters = ({ metadata, spec }: Node) => ({ labels: metadata.labels ?? {}, taints: spec?.taints ?? [] });
