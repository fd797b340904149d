/** Status of a Deployment from its replica sets. Pure. */
import type { Deployment, ReplicaSet } from '../../api/kinds/apps.ts';
import { conditionOf, withCondition, withoutCondition, type WorkloadCondition } from './conditions.ts';
import { bounds } from './deployment-plan.ts';

type Status = NonNullable<Deployment['status']>;

const reasons = {
  created: 'NewReplicaSetCreated',
  found: 'FoundNewReplicaSet',
  updated: 'ReplicaSetUpdated',
  available: 'NewReplicaSetAvailable',
  timedOut: 'ProgressDeadlineExceeded',
  paused: 'DeploymentPaused',
  resumed: 'DeploymentResumed',
  createFailed: 'ReplicaSetCreateError',
} as const;

/** As upstream, this deadline means none. */
const noDeadline = 2_147_483_647;

export interface StatusInput {
  deployment: Deployment;
  sets: readonly ReplicaSet[];
  current: ReplicaSet | undefined;
  /** The replica set was made just now. */
  created?: boolean;
  /** Text of a failed creation. */
  createFailure?: string;
}

export interface StatusResult {
  status: Status;
  /** Look again then: the deadline passes. */
  afterMs?: number;
}

export function deploymentStatus(input: StatusInput, now: Date): StatusResult {
  const { deployment, sets, current } = input;
  const replicas = deployment.spec.replicas ?? 1;
  const sum = (count: (set: ReplicaSet) => number | undefined) => sets.reduce((total, set) => total + (count(set) ?? 0), 0);
  const all = sum(({ status }) => status?.replicas);
  const availableReplicas = sum(({ status }) => status?.availableReplicas);
  const readyReplicas = sum(({ status }) => status?.readyReplicas);
  const updatedReplicas = current?.status?.replicas ?? 0;
  const wantedNow = sum(({ spec }) => spec.replicas ?? 1);
  const unavailable = Math.max(0, wantedNow - availableReplicas);
  const before = deployment.status ?? {};
  const enough = availableReplicas >= replicas - bounds(deployment).unavailable;
  let conditions = withCondition(before.conditions as WorkloadCondition[] | undefined, enough
    ? { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
    : { type: 'Available', status: 'False', reason: 'MinimumReplicasUnavailable', message: 'Deployment does not have minimum availability.' }, now);
  const status: Status = {
    ...(deployment.metadata.generation !== undefined && { observedGeneration: deployment.metadata.generation }),
    ...(all > 0 && { replicas: all }),
    ...(updatedReplicas > 0 && { updatedReplicas }),
    ...(readyReplicas > 0 && { readyReplicas }),
    ...(availableReplicas > 0 && { availableReplicas }),
    ...(unavailable > 0 && { unavailableReplicas: unavailable }),
    ...(before.collisionCount !== undefined && { collisionCount: before.collisionCount }),
  };
  conditions = failureCondition(conditions, current ? [current, ...sets] : sets, now);
  conditions = progressCondition(conditions, input, status, now);
  return { status: { ...status, conditions: conditions as Status['conditions'] }, ...timeLeft(deployment, conditions, now) };
}

/** What the first of them suffers from: the present set's trouble says more than an old one's. */
function failureCondition(conditions: WorkloadCondition[], sets: readonly ReplicaSet[], now: Date): WorkloadCondition[] {
  const failed = sets.flatMap(({ status }) => status?.conditions ?? []).find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  return failed
    ? withCondition(conditions, { type: 'ReplicaFailure', status: 'True', reason: failed.reason ?? '', message: failed.message ?? '' }, now)
    : withoutCondition(conditions, 'ReplicaFailure');
}

const deadlineOf = ({ spec }: Deployment) => spec.progressDeadlineSeconds ?? 600;

function progressCondition(conditions: WorkloadCondition[], input: StatusInput, status: Status, now: Date): WorkloadCondition[] {
  const { deployment, current, created, createFailure } = input;
  if (deadlineOf(deployment) === noDeadline) return withoutCondition(conditions, 'Progressing');
  const old = conditionOf(conditions, 'Progressing');
  const progressing = (state: 'True' | 'False' | 'Unknown', reason: string, message: string) => withCondition(conditions, { type: 'Progressing', status: state, reason, message }, now);
  if (deployment.spec.paused) return old?.reason === reasons.paused || old?.reason === reasons.timedOut ? conditions : progressing('Unknown', reasons.paused, 'Deployment is paused');
  if (old?.reason === reasons.paused) return progressing('Unknown', reasons.resumed, 'Deployment is resumed');
  if (createFailure) return progressing('False', reasons.createFailed, createFailure);
  const name = current?.metadata.name ?? '';
  if (created) return progressing('True', reasons.created, `Created new replica set "${name}"`);
  if (!old && current) return progressing('True', reasons.found, `Found new replica set "${name}"`);
  const subject = current ? `ReplicaSet "${name}"` : `Deployment "${deployment.metadata.name}"`;
  const before = deployment.status ?? {};
  if (isComplete(deployment, status)) {
    if (old?.reason === reasons.available && (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && old.message?.startsWith(subject)) return conditions;
    return progressing('True', reasons.available, `${subject} has successfully progressed.`);
  }
  // A rollout that was complete and merely lost pods is not a new one.
  if (old?.reason === reasons.available && (status.replicas ?? 0) === (status.updatedReplicas ?? 0)) return conditions;
  if (madeProgress(before, status)) {
    const condition = progressing('True', reasons.updated, `${subject} is progressing.`);
    // Progress counts from its last sign, even if the condition says the same.
    return condition.map((one) => (one.type === 'Progressing' ? { ...one, lastUpdateTime: now.toISOString().replace(/\.\d+Z$/, 'Z') } : one));
  }
  return timedOut(deployment, old, now) ? progressing('False', reasons.timedOut, `${subject} has timed out progressing.`) : conditions;
}

function isComplete(deployment: Deployment, status: Status): boolean {
  const replicas = deployment.spec.replicas ?? 1;
  return (status.updatedReplicas ?? 0) === replicas && (status.replicas ?? 0) === replicas && (status.availableReplicas ?? 0) === replicas;
}

function madeProgress(before: Status, status: Status): boolean {
  const outdated = (one: Status) => (one.replicas ?? 0) - (one.updatedReplicas ?? 0);
  return (
    (status.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) || outdated(status) < outdated(before) ||
    (status.readyReplicas ?? 0) > (before.readyReplicas ?? 0) || (status.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

const passes = (deployment: Deployment, condition: WorkloadCondition) => Date.parse(condition.lastUpdateTime ?? condition.lastTransitionTime ?? '') + deadlineOf(deployment) * 1000;

function timedOut(deployment: Deployment, condition: WorkloadCondition | undefined, now: Date): boolean {
  if (!condition || condition.reason === reasons.available) return false;
  return condition.reason === reasons.timedOut || passes(deployment, condition) < now.getTime();
}

function timeLeft(deployment: Deployment, conditions: readonly WorkloadCondition[], now: Date): { afterMs?: number } {
  const condition = conditionOf(conditions, 'Progressing');
  if (!condition || deployment.spec.paused || condition.reason === reasons.available || condition.reason === reasons.timedOut) return {};
  return { afterMs: Math.max(0, passes(deployment, condition) - now.getTime()) + 1_000 };
}
