/** Pods of a replication controller or replica set: which are whose, how many too many or too few, what to say about it. Pure. */
import type { Pod, PodTemplateSpec } from '../../api/kinds/core.ts';
import { controllerOf, type KubeObject } from '../../api/meta.ts';
import { conditionOf as podCondition, isPodReady, isTerminal } from '../../api/pod.ts';
import { matches, type Selector } from '../../api/selector.ts';
import { withCondition, withoutCondition, type WorkloadCondition } from './conditions.ts';

/** What both kinds have in common. */
export interface ReplicaOwner {
  object: KubeObject;
  selector: Selector;
  replicas: number;
  minReadySeconds: number;
  template: PodTemplateSpec;
  conditions: readonly WorkloadCondition[] | undefined;
}

export interface Claim {
  /** Controlled by the owner and matching its selector, `adopt` included. */
  mine: Pod[];
  adopt: Pod[];
  /** Controlled, but their labels no longer match. */
  release: Pod[];
}

/** Pods made or deleted in one go; the rest follows with the next look. */
export const burst = 500;

export function claimPods(owner: ReplicaOwner, pods: readonly Pod[]): Claim {
  const deleting = owner.object.metadata.deletionTimestamp !== undefined;
  const claim: Claim = { mine: [], adopt: [], release: [] };
  for (const pod of pods) {
    if (isTerminal(pod) || pod.metadata.deletionTimestamp) continue;
    const controller = controllerOf(pod);
    const fits = matches(owner.selector, pod.metadata.labels);
    if (controller) {
      if (controller.uid !== owner.object.metadata.uid) continue;
      if (fits) claim.mine.push(pod);
      else if (!deleting) claim.release.push(pod);
    } else if (fits && !deleting) {
      claim.adopt.push(pod);
      claim.mine.push(pod);
    }
  }
  return claim;
}

export interface ReplicasPlan extends Claim {
  create: number;
  /** Least useful first. */
  remove: Pod[];
  /** When a pod becomes available by merely staying ready. */
  afterMs?: number;
}

export function planReplicas(owner: ReplicaOwner, pods: readonly Pod[], now: Date): ReplicasPlan {
  const claim = claimPods(owner, pods);
  const difference = owner.replicas - claim.mine.length;
  const still = owner.object.metadata.deletionTimestamp !== undefined;
  const wait = untilAvailable(owner, claim.mine, now);
  return {
    ...claim,
    create: still ? 0 : Math.min(Math.max(difference, 0), burst),
    remove: still || difference >= 0 ? [] : leastUseful(claim.mine, now).slice(0, Math.min(-difference, burst)),
    ...(wait !== undefined && { afterMs: wait }),
  };
}

/** Upstream's ActivePodsWithRanks: what has done least and would be missed least goes first. */
export function leastUseful(pods: readonly Pod[], now: Date): Pod[] {
  const perNode = new Map<string, number>();
  for (const pod of pods) perNode.set(pod.spec.nodeName ?? '', (perNode.get(pod.spec.nodeName ?? '') ?? 0) + 1);
  const rank = (pod: Pod): number[] => [
    pod.spec.nodeName ? 1 : 0,
    ['Pending', 'Unknown', 'Running'].indexOf(pod.status?.phase ?? 'Pending'),
    isPodReady(pod) ? 1 : 0,
    Number(pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? 0) || 0,
    -(perNode.get(pod.spec.nodeName ?? '') ?? 0),
    -readySince(pod, now),
    -restarts(pod),
    -created(pod),
  ];
  return pods
    .map((pod) => ({ pod, ranks: rank(pod) }))
    .sort((a, b) => {
      for (const [at, value] of a.ranks.entries()) {
        const difference = value - (b.ranks[at] ?? 0);
        if (difference !== 0) return difference;
      }
      return a.pod.metadata.name < b.pod.metadata.name ? -1 : 1;
    })
    .map(({ pod }) => pod);
}

const created = (pod: Pod) => Date.parse(pod.metadata.creationTimestamp ?? '') || 0;
const restarts = (pod: Pod) => Math.max(0, ...(pod.status?.containerStatuses ?? []).map(({ restartCount }) => restartCount));
const readyTime = (pod: Pod) => Date.parse(podCondition(pod, 'Ready')?.lastTransitionTime ?? '');
/** Time at which a pod became ready; unready ones have none and compare equal. */
function readySince(pod: Pod, now: Date): number {
  return isPodReady(pod) ? readyTime(pod) || now.getTime() : 0;
}

export function isAvailable(pod: Pod, minReadySeconds: number, now: Date): boolean {
  if (!isPodReady(pod)) return false;
  return minReadySeconds === 0 || readyTime(pod) + minReadySeconds * 1000 <= now.getTime();
}

function untilAvailable({ minReadySeconds }: ReplicaOwner, pods: readonly Pod[], now: Date): number | undefined {
  if (minReadySeconds === 0) return undefined;
  const waits = pods.filter((pod) => isPodReady(pod) && !isAvailable(pod, minReadySeconds, now)).map((pod) => readyTime(pod) + minReadySeconds * 1000 - now.getTime());
  return waits.length > 0 ? Math.max(Math.min(...waits), 0) : undefined;
}

export interface ReplicasStatus {
  replicas: number;
  fullyLabeledReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  observedGeneration?: number;
  conditions?: WorkloadCondition[];
}

/** Counts that are zero are left out, as the real server does. */
export function replicasStatus(owner: ReplicaOwner, mine: readonly Pod[], failure: { reason: 'FailedCreate' | 'FailedDelete'; message: string } | undefined, now: Date): ReplicasStatus {
  const labels = Object.entries(owner.template.metadata?.labels ?? {});
  const labelled = mine.filter((pod) => labels.every(([key, value]) => pod.metadata.labels?.[key] === value)).length;
  const ready = mine.filter(isPodReady).length;
  const available = mine.filter((pod) => isAvailable(pod, owner.minReadySeconds, now)).length;
  const conditions = failure
    ? withCondition(owner.conditions, { type: 'ReplicaFailure', status: 'True', ...failure }, now, false)
    : withoutCondition(owner.conditions, 'ReplicaFailure');
  return {
    replicas: mine.length,
    ...(labelled > 0 && { fullyLabeledReplicas: labelled }),
    ...(ready > 0 && { readyReplicas: ready }),
    ...(available > 0 && { availableReplicas: available }),
    ...(owner.object.metadata.generation !== undefined && { observedGeneration: owner.object.metadata.generation }),
    ...(conditions.length > 0 && { conditions }),
  };
}
