/** The condition `DisruptionTarget`: who else than its controller is about to take a pod away (kubernetes docs, "Pod disruption conditions"). */
import { pods, type Pod } from '../../../api/kinds/core.ts';
import { toTime } from '../../../api/meta.ts';
import { conditionOf, isTerminal } from '../../../api/pod.ts';
import type { Client } from '../../../client/client.ts';

export const disruptions = {
  eviction: { reason: 'EvictionByEvictionAPI', message: 'Eviction API: evicting' },
  preemption: { reason: 'PreemptionByScheduler', message: 'default-scheduler: preempting to accommodate a higher priority pod' },
  taint: { reason: 'DeletionByTaintManager', message: 'Taint manager: deleting due to NoExecute taint' },
  nodeGone: { reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists' },
} as const;

/** A node takes its time to end what it has given up. */
const byNode = 'TerminationByKubelet';
/** A pod that is still whole after this time was not disrupted after all (disruption controller). */
export const staleMs = 2 * 60_000;

/** Written before the pod is deleted, for controllers that tell disruptions from failures. `more`: further fields of the status. */
export async function noteDisruption(client: Client, { metadata: { name, namespace, uid } }: Pod, why: { reason: string; message: string }, now: Date, more: Pick<NonNullable<Pod['status']>, 'phase'> = {}): Promise<void> {
  const condition = { type: 'DisruptionTarget', status: 'True', ...why, lastTransitionTime: toTime(now) };
  // Conditions merge by type, so that nothing of the node's own is lost.
  await client.patch(pods, { name, namespace, subresource: 'status' }, 'strategic', { metadata: { uid }, status: { ...more, conditions: [condition] } });
}

/** When the condition of a pod becomes untrue: ms, or `undefined` if it has none or it stays. */
export function staleTime(pod: Pod): number | undefined {
  const condition = conditionOf(pod, 'DisruptionTarget');
  if (condition?.status !== 'True' || condition.reason === byNode || pod.metadata.deletionTimestamp || isTerminal(pod)) return undefined;
  return Date.parse(condition.lastTransitionTime ?? '') + staleMs;
}
