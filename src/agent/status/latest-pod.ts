import type { Pod, PodStatus } from '../../api/kinds/core.ts';
import { portsCondition } from '../pods/port-check.ts';
import { isTerminal } from '../../api/pod.ts';

const own = new Set(['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled', portsCondition]);

/**
 * The pod with the status this agent wrote last: what the API shows may lag behind by a write.
 * What others decide through the status stays theirs: conditions of their own, and that the pod has failed.
 */
export function latestPod(pod: Pod, written: PodStatus | undefined): Pod {
  if (!written) return pod;
  if (isTerminal(pod) && pod.status?.phase !== written.phase) return pod;
  const theirs = (pod.status?.conditions ?? []).filter(({ type }) => !own.has(type));
  const ours = (written.conditions ?? []).filter(({ type }) => own.has(type));
  return { ...pod, status: { ...written, conditions: [...ours, ...theirs] } };
}
