/** Whether a pod may be evicted (kubernetes pkg/registry/core/pod/storage/eviction.go). Pure. */
import { copyJson } from '../../../api/json.ts';
import type { Pod } from '../../../api/kinds/core.ts';
import { podDisruptionBudgets, type PodDisruptionBudget } from '../../../api/kinds/policy.ts';
import { toTime } from '../../../api/meta.ts';
import { isPodReady, isTerminal } from '../../../api/pod.ts';
import { forbidden, StatusError, type Status } from '../../../api/status.ts';
import { withAllowed } from './disruption-plan.ts';

/** Allowed evictions that a budget keeps in mind at most. */
const mostOpen = 2_000;
const retrySeconds = 10;

/** `note`: the budget's next status, written before the pod goes, unless somebody else wrote meanwhile. */
export type EvictionVerdict = { allowed: true; note?: NonNullable<PodDisruptionBudget['status']> } | { allowed: false; error: StatusError };

/** What does not serve and will not, is missed by nobody. */
export function needsNoBudget(pod: Pod): boolean {
  return isTerminal(pod) || pod.status?.phase === 'Pending' || pod.metadata.deletionTimestamp !== undefined;
}

/** `budgets`: those that select the pod. */
export function judgeEviction(pod: Pod, budgets: readonly PodDisruptionBudget[], now: Date): EvictionVerdict {
  const [budget] = budgets;
  if (!budget || needsNoBudget(pod)) return { allowed: true };
  if (budgets.length > 1) return refused(new StatusError(500, 'InternalError', 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.'));
  const { spec, status, metadata } = budget;
  if (!isPodReady(pod)) {
    if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return { allowed: true };
    // A budget that is kept does not need the pods that do not serve.
    if (status && status.desiredHealthy > 0 && status.currentHealthy >= status.desiredHealthy) return { allowed: true };
  }
  if (!status || (status.observedGeneration ?? 0) < (metadata.generation ?? 0)) return refused(tooMany(`The disruption budget ${metadata.name} is still being processed by the server.`, retrySeconds));
  if (Object.keys(status.disruptedPods ?? {}).length > mostOpen) return refused(forbidden(podDisruptionBudgets, metadata.name, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller'));
  if (status.disruptionsAllowed <= 0) return refused(tooMany(`The disruption budget ${metadata.name} needs ${status.desiredHealthy} healthy pods and has ${status.currentHealthy} currently`));
  const left = status.disruptionsAllowed - 1;
  return {
    allowed: true,
    note: {
      ...copyJson(status),
      disruptionsAllowed: left,
      disruptedPods: { ...status.disruptedPods, [pod.metadata.name]: toTime(now) },
      ...(left === 0 && { conditions: withAllowed(budget, left, now) }),
    },
  };
}

const refused = (error: StatusError): EvictionVerdict => ({ allowed: false, error });

function tooMany(message: string, retryAfterSeconds?: number): StatusError {
  const details: Status['details'] = { causes: [{ reason: 'DisruptionBudget', message }], ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) };
  return new StatusError(429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", details);
}
