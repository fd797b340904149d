/** What follows from a node that is silent, unwell or cordoned, pure (kubernetes "Nodes", "Taints and Tolerations"). */
import { equalJson } from '../../api/json.ts';
import type { Node, Pod } from '../../api/kinds/core.ts';
import { toTime } from '../../api/meta.ts';
import { tolerates, type Taint } from '../../api/node-rules.ts';

type NodeCondition = NonNullable<NonNullable<Node['status']>['conditions']>[number];

/** A node whose lease was not renewed for this long is silent (kube-controller-manager's default of old). */
const graceMs = 40_000;

export interface NodePlan {
  /** To be written where present. */
  conditions?: NodeCondition[];
  taints?: Taint[];
}

const reported = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];
const owned = new Set(['not-ready', 'unreachable', 'unschedulable', 'memory-pressure', 'disk-pressure', 'pid-pressure', 'network-unavailable'].map((name) => `node.kubernetes.io/${name}`));

/** `silentMs`: since the lease was last seen to change. */
export function planNode(node: Node, silentMs: number, now: Date): NodePlan {
  const plan: NodePlan = {};
  const conditions = node.status?.conditions ?? [];
  const current = silentMs > graceMs ? silenced(conditions, now) : conditions;
  if (current !== conditions && !equalJson(current, conditions)) plan.conditions = current;
  const statusOf = (type: string) => current.find((condition) => condition.type === type)?.status;
  const before = node.spec?.taints ?? [];
  // Whoever taints by hand gives no time; patience counts from when it is noticed.
  const taints: Taint[] = before.filter(({ key }) => !owned.has(key)).map((taint) => (taint.effect === 'NoExecute' && !taint.timeAdded ? { ...taint, timeAdded: toTime(now) } : taint));
  const add = (name: string, effect: Taint['effect']) => {
    const key = `node.kubernetes.io/${name}`;
    const old = before.find((taint) => taint.key === key && taint.effect === effect);
    taints.push(old ?? { key, effect, ...(effect === 'NoExecute' && { timeAdded: toTime(now) }) });
  };
  const ready = statusOf('Ready');
  const away = ready === 'Unknown' ? 'unreachable' : ready === 'True' ? undefined : 'not-ready';
  if (away) for (const effect of ['NoSchedule', 'NoExecute'] as const) add(away, effect);
  if (node.spec?.unschedulable) add('unschedulable', 'NoSchedule');
  if (statusOf('MemoryPressure') === 'True') add('memory-pressure', 'NoSchedule');
  if (statusOf('DiskPressure') === 'True') add('disk-pressure', 'NoSchedule');
  if (statusOf('PIDPressure') === 'True') add('pid-pressure', 'NoSchedule');
  if (!equalJson(taints, before)) plan.taints = taints;
  return plan;
}

function silenced(conditions: readonly NodeCondition[], now: Date): NodeCondition[] {
  const time = toTime(now);
  const all = [...conditions];
  for (const type of reported) {
    const index = all.findIndex((condition) => condition.type === type);
    const old = all[index];
    if (old?.status === 'Unknown') continue;
    const next: NodeCondition = {
      type,
      status: 'Unknown',
      reason: old ? 'NodeStatusUnknown' : 'NodeStatusNeverUpdated',
      message: old ? 'Kubelet stopped posting node status.' : 'Kubelet never posted node status.',
      ...(old?.lastHeartbeatTime && { lastHeartbeatTime: old.lastHeartbeatTime }),
      lastTransitionTime: time,
    };
    if (index < 0) all.push(next);
    else all[index] = next;
  }
  return all;
}

/** When a pod has to leave because of NoExecute taints: ms, or `undefined` if it may stay. */
export function evictionTime(pod: Pod, taints: readonly Taint[], now: Date): number | undefined {
  let earliest: number | undefined;
  for (const taint of taints) {
    if (taint.effect !== 'NoExecute') continue;
    const tolerations = (pod.spec.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
    const added = taint.timeAdded ? Date.parse(taint.timeAdded) : now.getTime();
    const seconds = tolerations.length === 0 ? 0 : Math.min(...tolerations.map(({ tolerationSeconds }) => tolerationSeconds ?? Infinity));
    if (seconds !== Infinity) earliest = Math.min(earliest ?? Infinity, added + Math.max(0, seconds) * 1000);
  }
  return earliest;
}
