/** Conditions of workloads: set by type, with the times of the API's conventions. */
import { toTime } from '../../api/meta.ts';

export interface WorkloadCondition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
  lastUpdateTime?: string;
}

export type NewCondition = Pick<WorkloadCondition, 'type' | 'status' | 'reason' | 'message'>;

export function conditionOf(conditions: readonly WorkloadCondition[] | undefined, type: string): WorkloadCondition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/**
 * The list with `condition` in it. One that says the same keeps its times; `lastTransitionTime` moves only with `status`.
 * `updateTime`: the kind's conditions have `lastUpdateTime`.
 */
export function withCondition(conditions: readonly WorkloadCondition[] | undefined, condition: NewCondition, now: Date, updateTime = true): WorkloadCondition[] {
  const list = conditions ?? [];
  const old = conditionOf(list, condition.type);
  const { reason, message } = condition;
  if (old && old.status === condition.status && (old.reason ?? '') === (reason ?? '') && (old.message ?? '') === (message ?? '')) return [...list];
  const time = toTime(now);
  const made: WorkloadCondition = {
    type: condition.type,
    status: condition.status,
    ...(updateTime && { lastUpdateTime: time }),
    lastTransitionTime: old && old.status === condition.status ? (old.lastTransitionTime ?? time) : time,
    ...(reason && { reason }),
    ...(message && { message }),
  };
  return [...list.filter(({ type }) => type !== condition.type), made];
}

export function withoutCondition(conditions: readonly WorkloadCondition[] | undefined, type: string): WorkloadCondition[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}
