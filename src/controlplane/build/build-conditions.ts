/** A build's conditions follow its phase: the one of its phase is true, with the reason; those it has left are false (openshift-apiserver pkg/build/apiserver/registry/build). Pure. */
import type { BuildStatus } from '../../api/kinds/build.ts';
import { toTime, type Condition } from '../../api/meta.ts';

export function conditionsOf(status: BuildStatus, now: Date): Condition[] {
  const { phase, reason = '', message = '' } = status;
  const at = toTime(now);
  const conditions = (status.conditions ?? []).map((one): Condition => {
    if (one.type !== phase) return one.status === 'False' ? one : { type: one.type, status: 'False', lastTransitionTime: at, lastUpdateTime: at };
    if (one.status === 'True' && (one.reason ?? '') === reason && (one.message ?? '') === message) return one;
    return { type: phase, status: 'True', ...(one.status === 'True' ? one.lastTransitionTime && { lastTransitionTime: one.lastTransitionTime } : { lastTransitionTime: at }), lastUpdateTime: at, ...because(reason, message) };
  });
  if (!conditions.some((one) => one.type === phase)) conditions.push({ type: phase, status: 'True', lastTransitionTime: at, lastUpdateTime: at, ...because(reason, message) });
  return conditions;
}

const because = (reason: string, message: string) => ({ ...(reason && { reason }), ...(message && { message }) });
