/** How far a rollout is, told as kubectl and oc tell it. Pure; following it is in `follow.ts`. */
import type { DaemonSet, Deployment, StatefulSet } from '../../api/kinds/apps.ts';
import type { DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import type { KubeObject } from '../../api/meta.ts';
import { rolloutKindOf, type RolloutTarget } from './target.ts';

export interface RolloutState {
  /** `waiting`: nothing happens until somebody does something (resume, a first image, a first rollout). */
  phase: 'progressing' | 'waiting' | 'complete' | 'failed';
  /** One line without a line end. */
  message: string;
  /** What the message says, for those who say it in words of their own. Absent: the words are the cluster's. */
  step?: RolloutStep;
}

/** Numbers are pods. */
export type RolloutStep =
  /** The controller has not seen the newest change yet. */
  | { type: 'unseen' }
  | { type: 'updating' | 'starting'; done: number; of: number }
  /** Old ones, or those that are not ready. */
  | { type: 'ending' | 'unready'; left: number }
  | { type: 'noImage' | 'noRollout' | 'paused' | 'done' | 'late' | 'cancelled' }
  /** `partition`: ordinals below it keep the revision before. */
  | { type: 'partDone'; done: number; partition: number }
  /** Pods are replaced only as somebody deletes them. */
  | { type: 'byHand' };

const progressing = (message: string, step: RolloutStep): RolloutState => ({ phase: 'progressing', message, step });
const waiting = (message: string, step: RolloutStep): RolloutState => ({ phase: 'waiting', message, step });
const complete = (message: string, step?: RolloutStep): RolloutState => ({ phase: 'complete', message, ...(step && { step }) });
const failed = (message: string, step?: RolloutStep): RolloutState => ({ phase: 'failed', message, ...(step && { step }) });

/** `object`: the workload itself. */
export function rolloutState({ of }: Pick<RolloutTarget, 'of'>, object: KubeObject): RolloutState {
  switch (rolloutKindOf(of)) {
    case 'DeploymentConfig':
      return configState(object as DeploymentConfig);
    case 'Deployment':
      return deploymentState(object as Deployment);
    case 'StatefulSet':
      return statefulSetState(object as StatefulSet);
    case 'DaemonSet':
      return daemonSetState(object as DaemonSet);
    case undefined:
      return failed(`${of.plural} are not rolled out`);
  }
}

type Conditioned = { conditions?: readonly { type: string; reason?: string; message?: string }[] } | undefined;
const progressOf = (status: Conditioned) => status?.conditions?.find(({ type }) => type === 'Progressing');
const observed = ({ metadata, status }: KubeObject & { status?: { observedGeneration?: number } }) => (metadata.generation ?? 0) <= (status?.observedGeneration ?? 0);

function configState(config: DeploymentConfig): RolloutState {
  const { metadata: { name }, spec, status = {} } = config;
  if ((status.latestVersion ?? 0) === 0) {
    if (spec.triggers?.some(({ type }) => type === 'ImageChange')) return waiting(`deployment config "${name}" waits for an image`, { type: 'noImage' });
    if (!spec.triggers?.length) return waiting(`deployment config "${name}" waits for its first rollout ("rollout latest")`, { type: 'noRollout' });
  }
  const condition = progressOf(status);
  if (observed(config)) {
    if (spec.paused) return waiting(`deployment config "${name}" is paused; resume it to go on`, { type: 'paused' });
    if (condition?.reason === 'NewReplicationControllerAvailable') return complete(condition.message ?? `deployment config "${name}" successfully rolled out`, condition.message === undefined ? { type: 'done' } : undefined);
    const { reason, message = `deployment config "${name}" failed to roll out` } = condition ?? {};
    if (reason === 'RolloutCancelled') return failed(message, { type: 'cancelled' });
    if (reason === 'ProgressDeadlineExceeded') return failed(message);
  }
  const steps = stepsOf(`deployment config "${name}"`, spec.test ? 0 : (spec.replicas ?? 1), status);
  return steps ?? progressing('Waiting for the latest deployment config spec to be observed by the controller loop...', { type: 'unseen' });
}

function deploymentState(deployment: Deployment): RolloutState {
  const { metadata: { name }, spec, status } = deployment;
  if (!observed(deployment as KubeObject)) return progressing('Waiting for deployment spec update to be observed...', { type: 'unseen' });
  if (progressOf(status as Conditioned)?.reason === 'ProgressDeadlineExceeded') return failed(`deployment "${name}" exceeded its progress deadline`, { type: 'late' });
  return stepsOf(`deployment "${name}"`, spec.replicas ?? 1, status ?? {}) ?? complete(`deployment "${name}" successfully rolled out`, { type: 'done' });
}

function stepsOf(what: string, replicas: number, status: { replicas?: number; updatedReplicas?: number; availableReplicas?: number }): RolloutState | undefined {
  const { replicas: all = 0, updatedReplicas: updated = 0, availableReplicas: available = 0 } = status;
  const wait = `Waiting for ${what} rollout to finish`;
  if (updated < replicas) return progressing(`${wait}: ${updated} out of ${replicas} new replicas have been updated...`, { type: 'updating', done: updated, of: replicas });
  if (all > updated) return progressing(`${wait}: ${all - updated} old replicas are pending termination...`, { type: 'ending', left: all - updated });
  if (available < updated) return progressing(`${wait}: ${available} of ${updated} updated replicas are available...`, { type: 'starting', done: available, of: updated });
  return undefined;
}

function statefulSetState({ metadata, spec, status }: StatefulSet): RolloutState {
  const { type = 'RollingUpdate', rollingUpdate } = spec.updateStrategy ?? {};
  if (type !== 'RollingUpdate') return failed(`rollout status is only available for the RollingUpdate strategy, and stateful set "${metadata.name}" has ${type}`, { type: 'byHand' });
  if ((status?.observedGeneration ?? 0) === 0 || (metadata.generation ?? 0) > (status?.observedGeneration ?? 0)) return progressing('Waiting for statefulset spec update to be observed...', { type: 'unseen' });
  const replicas = spec.replicas ?? 1;
  const { readyReplicas = 0, updatedReplicas = 0, updateRevision, currentRevision, currentReplicas = 0 } = status ?? {};
  if (readyReplicas < replicas) return progressing(`Waiting for ${replicas - readyReplicas} pods to be ready...`, { type: 'unready', left: replicas - readyReplicas });
  const partition = rollingUpdate?.partition ?? 0;
  if (partition > 0) {
    const wanted = replicas - partition;
    if (updatedReplicas < wanted) return progressing(`Waiting for partitioned roll out to finish: ${updatedReplicas} out of ${wanted} new pods have been updated...`, { type: 'updating', done: updatedReplicas, of: wanted });
    return complete(`partitioned roll out complete: ${updatedReplicas} new pods have been updated...`, { type: 'partDone', done: updatedReplicas, partition });
  }
  if (updateRevision !== currentRevision) return progressing(`waiting for statefulset rolling update to complete ${updatedReplicas} pods at revision ${updateRevision}...`, { type: 'updating', done: updatedReplicas, of: replicas });
  return complete(`statefulset rolling update complete ${currentReplicas} pods at revision ${currentRevision}...`, { type: 'done' });
}

function daemonSetState(set: DaemonSet): RolloutState {
  const { name } = set.metadata;
  const type = set.spec.updateStrategy?.type ?? 'RollingUpdate';
  if (type !== 'RollingUpdate') return failed(`rollout status is only available for the RollingUpdate strategy, and daemon set "${name}" has ${type}`, { type: 'byHand' });
  if (!observed(set as KubeObject)) return progressing('Waiting for daemon set spec update to be observed...', { type: 'unseen' });
  const { desiredNumberScheduled: desired = 0, updatedNumberScheduled: updated = 0, numberAvailable: available = 0 } = set.status ?? {};
  if (updated < desired) return progressing(`Waiting for daemon set "${name}" rollout to finish: ${updated} out of ${desired} new pods have been updated...`, { type: 'updating', done: updated, of: desired });
  if (available < desired) return progressing(`Waiting for daemon set "${name}" rollout to finish: ${available} of ${desired} updated pods are available...`, { type: 'starting', done: available, of: desired });
  return complete(`daemon set "${name}" successfully rolled out`, { type: 'done' });
}
