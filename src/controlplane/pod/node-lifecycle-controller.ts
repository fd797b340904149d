/** Watches leases and taints nodes, marks their pods, and evicts those that do not tolerate it. */
import { leases, type Lease } from '../../api/kinds/cluster.ts';
import { nodes, pods, type Node, type Pod } from '../../api/kinds/core.ts';
import { toTime } from '../../api/meta.ts';
import { conditionOf, isTerminal, mirrorAnnotation } from '../../api/pod.ts';
import { isStatusError } from '../../api/status.ts';
import type { Disposable } from '../../base/disposable.ts';
import { eventRecorder } from '../../client/event-recorder.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller, type ReconcileResult } from '../kernel/reconcile/controller.ts';
import { disruptions, noteDisruption } from './disruption/disruption-target.ts';
import { evictionTime, planNode } from './node-lifecycle-plan.ts';

/** How often silence is measured. */
const lookMs = 5_000;
/** The machine slept: nobody could renew anything, so everybody gets their grace anew. */
const sleptMs = 20_000;

export function nodeLifecycleController({ client, informers, clock, log, scope }: ModuleContext): void {
  const events = scope.own(eventRecorder(client, 'node-controller', clock));
  const nodeCache = informers.for(nodes);
  const leaseCache = informers.for(leases);
  const podCache = informers.for(pods, { node: (pod: Pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : []) });
  const seen = new Map<string, { renewed: string; at: number }>();
  let lastLook = clock.now().getTime();

  const silence = (name: string): number => {
    const now = clock.now().getTime();
    const lease: Lease | undefined = leaseCache.get(`kube-node-lease/${name}`);
    const renewed = lease?.spec?.renewTime ?? '';
    const known = seen.get(name);
    if (known?.renewed === renewed) return now - known.at;
    seen.set(name, { renewed, at: now });
    return 0;
  };

  const reconcile = async (name: string): Promise<ReconcileResult> => {
    const node = nodeCache.get(name);
    if (!node) {
      seen.delete(name);
      return;
    }
    const now = clock.now();
    const plan = planNode(node, silence(name), now);
    if (plan.conditions) {
      await client.patch(nodes, { name, subresource: 'status' }, 'strategic', { status: { conditions: plan.conditions } });
      events.normal(node, 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
    }
    if (plan.taints) await client.patch(nodes, { name }, 'merge', { metadata: { resourceVersion: plan.conditions ? undefined : node.metadata.resourceVersion }, spec: { taints: plan.taints.length > 0 ? plan.taints : null } });
    const taints = plan.taints ?? node.spec?.taints ?? [];
    const ready = (plan.conditions ?? node.status?.conditions ?? []).find(({ type }) => type === 'Ready');
    let recheck: number | undefined;
    for (const pod of podCache.byIndex('node', name)) {
      if (pod.metadata.annotations?.[mirrorAnnotation] !== undefined || isTerminal(pod)) continue;
      if (ready?.status === 'Unknown') await markNotReady(pod, now);
      if (pod.metadata.deletionTimestamp) continue;
      const due = evictionTime(pod, taints, now);
      if (due === undefined) continue;
      if (due <= now.getTime()) await evict(pod);
      else recheck = Math.min(recheck ?? Infinity, due);
    }
    return recheck === undefined ? undefined : { afterMs: recheck - now.getTime() };
  };

  /** Its services must not send it traffic; its own agent says so no more. */
  const markNotReady = async (pod: Pod, now: Date): Promise<void> => {
    if (conditionOf(pod, 'Ready')?.status !== 'True') return;
    const condition = { type: 'Ready', status: 'False', reason: 'NodeNotReady', message: 'the node of this pod does not answer', lastTransitionTime: toTime(now) };
    const { name, namespace, uid } = pod.metadata;
    await client.patch(pods, { namespace, name, subresource: 'status' }, 'strategic', { metadata: { uid }, status: { conditions: [condition] } }).catch(gone);
    events.warning(pod, 'NodeNotReady', 'Node is not ready');
  };

  const evict = async (pod: Pod): Promise<void> => {
    const { name, namespace, uid } = pod.metadata;
    events.normal(pod, 'TaintManagerEviction', `Marking for deletion Pod ${namespace}/${name}`);
    await noteDisruption(client, pod, disruptions.taint, clock.now()).then(() => client.delete(pods, { namespace, name }, { ...(uid && { preconditions: { uid } }) })).catch(gone);
  };

  const queue = scope.own(controller({ name: 'node-lifecycle', reconcile, workers: 2, clock, log }));
  scope.own(nodeCache.onChange(({ object }) => queue.enqueue(object.metadata.name)));
  scope.own(podCache.onChange(({ type, object, previous }) => type !== 'deleted' && object.spec.nodeName && !previous?.spec.nodeName && tainted(nodeCache.get(object.spec.nodeName)) && queue.enqueue(object.spec.nodeName)));

  let timer: Disposable | undefined;
  const look = () => {
    const now = clock.now().getTime();
    if (now - lastLook > sleptMs) for (const one of seen.values()) one.at = now;
    lastLook = now;
    for (const { metadata } of nodeCache.list()) if (silence(metadata.name) > 0) queue.enqueue(metadata.name);
    timer = clock.after(lookMs, look);
  };
  scope.defer(() => timer?.dispose());
  timer = clock.after(lookMs, look);
}

const tainted = (node: Node | undefined): boolean => (node?.spec?.taints ?? []).some(({ effect }) => effect === 'NoExecute');

function gone(error: unknown): void {
  if (!isStatusError(error, 'NotFound', 'Conflict')) throw error;
}
