/** How many pods of a budget may go now (kubernetes pkg/controller/disruption). Pure. */
import { equalJson } from '../../../api/json.ts';
import type { Pod } from '../../../api/kinds/core.ts';
import type { PodDisruptionBudget } from '../../../api/kinds/policy.ts';
import { toTime, type LabelSelector } from '../../../api/meta.ts';
import { isPodReady } from '../../../api/pod.ts';
import { formatSelector, selectorOf } from '../../../api/selector.ts';

type Status = NonNullable<PodDisruptionBudget['status']>;
type BudgetCondition = NonNullable<Status['conditions']>[number];

/** An eviction that was allowed and did not end the pod within this time is forgotten. */
export const deletionMs = 2 * 60_000;

/** What the controllers of the pods want; `unmanaged`: pods of nobody. */
export interface ExpectedScale {
  replicas: number;
  unmanaged: readonly string[];
}

/** True if the number of pods wanted has to be asked of their controllers. */
export function needsScale({ spec = {} }: PodDisruptionBudget): boolean {
  return spec.maxUnavailable !== undefined || typeof spec.minAvailable === 'string';
}

export interface DisruptionPlan {
  status: Status;
  events: { type: 'Normal' | 'Warning'; reason: string; message: string }[];
  /** When the first allowed eviction is forgotten. */
  afterMs?: number;
}

/** `pods`: those that the budget selects. `scale`: where it is needed. */
export function planDisruption(budget: PodDisruptionBudget, pods: readonly Pod[], scale: ExpectedScale | undefined, now: Date): DisruptionPlan {
  const events: DisruptionPlan['events'] = [];
  if (pods.length === 0) events.push({ type: 'Normal', reason: 'NoPods', message: 'No matching pods found' });
  if (scale && scale.unmanaged.length > 0) events.push({ type: 'Warning', reason: 'UnmanagedPods', message: unmanagedText(budget) });
  const { expected, desired } = counts(budget, pods, scale);
  const { disrupted, afterMs } = openEvictions(budget, pods, now, events);
  const healthy = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined && disrupted[pod.metadata.name] === undefined && isPodReady(pod)).length;
  const allowed = expected <= 0 ? 0 : Math.max(0, healthy - desired);
  const status: Status = {
    currentHealthy: healthy,
    desiredHealthy: desired,
    disruptionsAllowed: allowed,
    expectedPods: expected,
    ...(Object.keys(disrupted).length > 0 && { disruptedPods: disrupted }),
    ...(budget.metadata.generation !== undefined && { observedGeneration: budget.metadata.generation }),
    conditions: withAllowed(budget, allowed, now),
  };
  return { status, events, ...(afterMs !== undefined && { afterMs }) };
}

const unmanagedText = ({ spec }: PodDisruptionBudget) =>
  `Pods selected by this PodDisruptionBudget (selector: ${formatSelector(selectorOf(spec?.selector as LabelSelector | undefined) ?? [])}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`;

function counts({ spec = {} }: PodDisruptionBudget, pods: readonly Pod[], scale: ExpectedScale | undefined): { expected: number; desired: number } {
  const replicas = scale?.replicas ?? pods.length;
  if (spec.maxUnavailable !== undefined) return { expected: replicas, desired: Math.max(0, replicas - shareOf(spec.maxUnavailable, replicas)) };
  if (typeof spec.minAvailable === 'number') return { expected: pods.length, desired: spec.minAvailable };
  if (spec.minAvailable !== undefined) return { expected: replicas, desired: shareOf(spec.minAvailable, replicas) };
  return { expected: 0, desired: 0 };
}

/** Rounded up, both of what must stay and of what may go. */
function shareOf(value: number | string, total: number): number {
  return typeof value === 'number' ? value : Math.ceil((Number.parseInt(value, 10) * total) / 100);
}

/** Evictions that were allowed and whose pods are still there. */
function openEvictions({ metadata, status }: PodDisruptionBudget, pods: readonly Pod[], now: Date, events: DisruptionPlan['events']): { disrupted: Record<string, string>; afterMs: number | undefined } {
  const disrupted: Record<string, string> = {};
  let afterMs: number | undefined;
  for (const pod of pods) {
    const at = status?.disruptedPods?.[pod.metadata.name];
    if (at === undefined || pod.metadata.deletionTimestamp) continue;
    const left = Date.parse(at) + deletionMs - now.getTime();
    if (left <= 0) events.push({ type: 'Warning', reason: 'NotDeleted', message: `Pod was expected by PDB ${metadata.namespace}/${metadata.name} to be deleted but it wasn't` });
    else {
      disrupted[pod.metadata.name] = at;
      afterMs = Math.min(afterMs ?? left, left);
    }
  }
  return { disrupted, afterMs };
}

/** The condition `DisruptionAllowed`, after its time. */
export function withAllowed(budget: PodDisruptionBudget, allowed: number, now: Date): BudgetCondition[] {
  return withCondition(budget, allowed > 0 ? { status: 'True', reason: 'SufficientPods', message: '' } : { status: 'False', reason: 'InsufficientPods', message: '' }, now);
}

/** Nobody may go while it is not known how many there should be. */
export function failedStatus(budget: PodDisruptionBudget, message: string, now: Date): Status {
  const { status } = budget;
  return {
    currentHealthy: status?.currentHealthy ?? 0,
    desiredHealthy: status?.desiredHealthy ?? 0,
    expectedPods: status?.expectedPods ?? 0,
    ...(status?.disruptedPods && { disruptedPods: status.disruptedPods }),
    disruptionsAllowed: 0,
    ...(budget.metadata.generation !== undefined && { observedGeneration: budget.metadata.generation }),
    conditions: withCondition(budget, { status: 'False', reason: 'SyncFailed', message }, now),
  };
}

function withCondition({ metadata, status }: PodDisruptionBudget, said: Pick<BudgetCondition, 'status' | 'reason' | 'message'>, now: Date): BudgetCondition[] {
  const type = 'DisruptionAllowed';
  const all = status?.conditions ?? [];
  const old = all.find((one) => one.type === type);
  const next = { type, ...said, lastTransitionTime: old?.status === said.status ? old.lastTransitionTime : toTime(now), ...(metadata.generation !== undefined && { observedGeneration: metadata.generation }) };
  return [...all.filter((one) => one !== old), old && equalJson(old, next) ? old : next];
}
