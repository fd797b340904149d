import type { Pod, PodStatus } from '../../api/kinds/core.ts';
import { isTerminal } from '../../api/pod.ts';
import { isOwn } from './own-conditions.ts';

/**
 * The pod with the status this agent wrote last: what the API shows may lag behind by a write.
 * What others decide through the status stays theirs: conditions of their own, and that the pod has failed.
 */
export function latestPod(pod: Pod, written: PodStatus | undefined): Pod {
  if (!written) return pod;
  if (isTerminal(pod) && pod.status?.phase !== written.phase) return pod;
  const theirs = (pod.status?.conditions ?? []).filter((one) => !isOwn(one));
  return { ...pod, status: { ...written, conditions: [...(written.conditions ?? []).filter(isOwn), ...theirs] } };
}
