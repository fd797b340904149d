/** Places pods: one at a time is decided, many at once are bound. A pod that fits nowhere makes less important ones give way, or waits for a change of the cluster. */
import { storageClasses } from '../../../api/kinds/cluster.ts';
import { namespaces, nodes, persistentVolumeClaims, persistentVolumes, pods, type Binding, type Pod } from '../../../api/kinds/core.ts';
import { podDisruptionBudgets } from '../../../api/kinds/policy.ts';
import { keyOf, toTime } from '../../../api/meta.ts';
import { matchesTerm } from '../../../api/node-rules.ts';
import { conditionOf, isTerminal } from '../../../api/pod.ts';
import { isStatusError } from '../../../api/status.ts';
import { eventRecorder } from '../../../client/event-recorder.ts';
import type { ModuleContext } from '../../kernel/boot/module.ts';
import { controller, type ReconcileResult } from '../../kernel/reconcile/controller.ts';
import { claimNames, claimView, selectedNodeAnnotation } from './claims.ts';
import { Cluster } from './node-info.ts';
import { demandOf, type PodDemand } from './pod-demand.ts';
import { findPreemption } from './preemption.ts';
import { helpless, schedule, type Placement } from './schedule.ts';
import { victimsGiveWay } from './victims.ts';

const schedulerName = 'default-scheduler';
/** Bindings under way at once. */
const workers = 32;
/** A pod that fits nowhere is looked at again after this, whatever happens. */
const lookAgainMs = 60_000;
/** Changes of the cluster that come together cause one look. */
const settleMs = 50;

export function schedulerController({ client, informers, clock, log, scope }: ModuleContext): void {
  const events = scope.own(eventRecorder(client, schedulerName, clock));
  const cluster = new Cluster();
  /** Keys of pods that found no place. */
  const waiting = new Set<string>();
  const podCache = informers.for(pods, { claim: (pod: Pod) => claimNames(pod).map((name) => `${pod.metadata.namespace}/${name}`) });
  const nodeCache = informers.for(nodes);
  const budgetCache = informers.for(podDisruptionBudgets);
  const claims = claimView(informers, (namespace, name) => podCache.byIndex('claim', `${namespace}/${name}`));

  const wanted = (pod: Pod) => !pod.spec.nodeName && pod.spec.schedulerName === schedulerName && !pod.spec.schedulingGates?.length && !pod.metadata.deletionTimestamp && !isTerminal(pod);

  const place = (demand: PodDemand): { placement: Placement; claimsToTell: ReturnType<typeof claimsToTell> } => {
    const state = claims.stateOf(demand.pod);
    if (!state.ready && 'message' in state) return { placement: unplaceable(state.message, cluster.nodes.size), claimsToTell: [] };
    if (!state.ready) return { placement: schedule(demand, cluster), claimsToTell: claimsToTell(state.wait) };
    if (state.terms.length === 0) return { placement: schedule(demand, cluster), claimsToTell: [] };
    return { placement: scheduleNear(demand, cluster, state.terms), claimsToTell: [] };
  };

  const reconcile = async (key: string): Promise<ReconcileResult> => {
    const pod = podCache.get(key);
    if (!pod || !wanted(pod)) return;
    await nodeCache.synced;
    const demand = demandOf(pod);
    const { placement, claimsToTell } = place(demand);
    if ('message' in placement) return failed(pod, demand, placement);
    if (claimsToTell.length > 0) {
      await Promise.all(claimsToTell.map(({ metadata, annotated }) => (annotated ? undefined : client.patch(persistentVolumeClaims, { namespace: metadata.namespace, name: metadata.name }, 'merge', { metadata: { annotations: { [selectedNodeAnnotation]: placement.node } } }))));
      waiting.add(key);
      return { afterMs: lookAgainMs };
    }
    // Its room is taken from now on: the next pod is decided before this one is bound.
    cluster.place(demand, placement.node);
    try {
      await bind(pod, placement.node);
      waiting.delete(key);
    } catch (error) {
      cluster.removePod(pod.metadata.uid ?? '');
      // Gone or placed by somebody else meanwhile: the cache will tell.
      if (isStatusError(error, 'NotFound', 'Conflict')) return;
      throw error;
    }
  };

  const bind = async (pod: Pod, node: string): Promise<void> => {
    const { name, namespace, uid } = pod.metadata;
    const binding: Binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name, ...(namespace && { namespace }), ...(uid && { uid }) }, target: { kind: 'Node', name: node } };
    await client.create(pods, binding, { namespace, name, subresource: 'binding' });
    events.normal(pod, 'Scheduled', `Successfully assigned ${namespace}/${name} to ${node}`);
  };

  const failed = async (pod: Pod, demand: PodDemand, placement: Extract<Placement, { message: string }>): Promise<ReconcileResult> => {
    waiting.add(keyOf(pod));
    const { message, node } = await makeRoom(pod, demand, placement);
    const condition = conditionOf(pod, 'PodScheduled');
    if (condition?.message !== message || (pod.status?.nominatedNodeName ?? '') !== node) {
      events.warning(pod, 'FailedScheduling', message);
      const next = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message, lastTransitionTime: condition?.status === 'False' ? condition.lastTransitionTime : toTime(clock.now()) };
      const { name, namespace, uid } = pod.metadata;
      await client.patch(pods, { namespace, name, subresource: 'status' }, 'strategic', { metadata: { uid }, status: { nominatedNodeName: node || null, conditions: [next] } }).catch((error: unknown) => {
        if (!isStatusError(error, 'NotFound', 'Conflict')) throw error;
      });
    }
    return { afterMs: lookAgainMs };
  };

  /** Less important pods give way where that helps; `node` is kept for the pod then. */
  const makeRoom = async (pod: Pod, demand: PodDemand, { message, reasons, candidates }: Extract<Placement, { message: string }>): Promise<{ message: string; node: string }> => {
    const uid = pod.metadata.uid ?? '';
    const count = cluster.nodes.size;
    if (pod.spec.preemptionPolicy === 'Never') return { message: count > 0 ? `${reasons} preemption: not eligible due to preemptionPolicy=Never.` : message, node: '' };
    const kept = cluster.nominated.get(uid);
    const leaving = kept && [...(cluster.nodes.get(kept.node)?.pods.values() ?? [])].some((other) => other.priority < demand.priority && podCache.get(keyOf(other.pod))?.metadata.deletionTimestamp !== undefined);
    if (kept && leaving) return { message: `${reasons} preemption: not eligible due to a terminating pod on the nominated node.`, node: kept.node };
    cluster.nominated.delete(uid);
    const found = candidates.length > 0 ? findPreemption(demand, cluster, candidates, budgetCache.list()) : undefined;
    if (!found) return { message, node: '' };
    cluster.nominated.set(uid, { demand, node: found.node });
    await victimsGiveWay({ client, events, clock }, pod, found);
    return { message: reasons, node: found.node };
  };

  const queue = scope.own(controller({ name: 'scheduler', reconcile, workers, clock, log }));
  let settling = false;
  const lookAgain = () => {
    if (settling || waiting.size === 0) return;
    settling = true;
    const timer = clock.after(settleMs, () => {
      settling = false;
      const again = [...waiting].flatMap((key) => podCache.get(key) ?? []).sort(byPriority);
      waiting.clear();
      for (const pod of again) queue.enqueue(keyOf(pod));
    });
    scope.own(timer);
  };

  scope.own(nodeCache.onChange(({ type, object }) => {
    if (type === 'deleted') cluster.removeNode(object.metadata.name);
    else cluster.putNode(object);
    lookAgain();
  }));
  scope.own(informers.for(namespaces).onChange(({ type, object }) => {
    if (type === 'deleted') cluster.namespaces.delete(object.metadata.name);
    else cluster.namespaces.set(object.metadata.name, object.metadata.labels ?? {});
  }));
  scope.own(podCache.onChange(({ type, object }) => {
    if (type === 'deleted') {
      cluster.removePod(object.metadata.uid ?? '');
      waiting.delete(keyOf(object));
      lookAgain();
    } else if (object.spec.nodeName) {
      cluster.putPod(object);
      if (isTerminal(object)) lookAgain();
    } else if (wanted(object) && !waiting.has(keyOf(object))) {
      const { uid = '' } = object.metadata;
      const kept = object.status?.nominatedNodeName;
      if (kept && !cluster.nominated.has(uid)) cluster.nominated.set(uid, { demand: demandOf(object), node: kept });
      queue.enqueue(keyOf(object));
    }
  }));
  for (const cache of [informers.for(persistentVolumeClaims), informers.for(persistentVolumes), informers.for(storageClasses)]) scope.own(cache.onChange(lookAgain));
}

function claimsToTell(waiting: { metadata: { name: string; namespace?: string; annotations?: Record<string, string> } }[]) {
  return waiting.map(({ metadata }) => ({ metadata, annotated: metadata.annotations?.[selectedNodeAnnotation] !== undefined }));
}

/** Only nodes from which every volume can be reached. */
function scheduleNear(demand: PodDemand, cluster: Cluster, terms: readonly (readonly Parameters<typeof matchesTerm>[0][])[]): Placement {
  const near = cluster.only((node) => terms.every((list) => list.some((term) => matchesTerm(term, node))));
  if (near.nodes.size > 0) return schedule(demand, near);
  const count = cluster.nodes.size;
  return unplaceable(`${count} node(s) had volume node affinity conflict`, count);
}

function unplaceable(why: string, nodes: number): Placement {
  const reasons = `0/${nodes} nodes are available: ${why}.`;
  return { message: `${reasons} ${helpless(nodes, 0)}`, reasons, candidates: [] };
}

/** The most important first, then the oldest. */
function byPriority(one: Pod, other: Pod): number {
  const made = (pod: Pod) => Date.parse(pod.metadata.creationTimestamp ?? '') || 0;
  return (other.spec.priority ?? 0) - (one.spec.priority ?? 0) || made(one) - made(other);
}
