/** What a rollout needs next, by its phase and its deployer pod. Pure. */
import { decodedConfig, isCancelled, phaseOf } from '../../api/config-rollout.ts';
import { deploymentAnnotations, type DeploymentPhase } from '../../api/kinds/deployment-config.ts';
import type { Pod, ReplicationController } from '../../api/kinds/core.ts';
import { makeDeployerPod, statusReasons } from './rollout.ts';

export interface DeployerEvent {
  type: 'normal' | 'warning';
  reason: string;
  message: string;
}

export interface DeployerPlan {
  create?: Pod;
  /** Deployer pods of a cancelled rollout. */
  removePods: Pod[];
  phase?: DeploymentPhase;
  /** `null` removes. */
  annotations: Record<string, string | null>;
  /** A rollout that failed keeps no pods. */
  scaleToZero: boolean;
  events: DeployerEvent[];
  afterMs?: number;
}

const completedAt = 'openshift.io/deployer-pod.completed-at';
export const createdAt = 'openshift.io/deployer-pod.created-at';
const startedAt = 'openshift.io/deployer-pod.started-at';
const podAnnotation = 'openshift.io/deployer-pod.name';
const replicasAnnotation = 'openshift.io/deployment.replicas';

/** `pods`: those labelled as deployer of this rollout, and whatever else has the deployer's name. */
export function planDeployer(rollout: ReplicationController, pods: readonly Pod[], now: Date): DeployerPlan {
  const plan: DeployerPlan = { removePods: [], annotations: {}, scaleToZero: false, events: [] };
  const { name } = rollout.metadata;
  const wanted = makeDeployerPod(rollout);
  const pod = pods.find(({ metadata }) => metadata.name === wanted.metadata.name);
  const phase = phaseOf(rollout);
  const cancelled = isCancelled(rollout);
  if (phase === 'Complete') return plan;
  if (phase === 'Failed') return { ...plan, removePods: cancelled ? [...pods] : [], scaleToZero: (rollout.spec.replicas ?? 0) > 0 };
  if (pod && pod.metadata.annotations?.[deploymentAnnotations.deployment] !== name) {
    return failed(plan, statusReasons.unrelatedPod, { type: 'warning', reason: 'FailedCreate', message: `Error creating deployer pod since another pod with the same name ("${pod.metadata.name}") exists` });
  }
  if (cancelled && pod && pod.status?.phase !== 'Succeeded') return { ...plan, removePods: [...pods], ...(phase === 'New' && { phase: 'Pending' as const }) };
  if (!pod) {
    if (cancelled) return failed(plan, undefined, { type: 'normal', reason: 'RolloutCancelled', message: `Rollout for "${label(rollout)}" cancelled` });
    if (phase === 'New') return start(rollout, wanted, plan, now);
    return failed(plan, statusReasons.podMissing, { type: 'warning', reason: 'Failed', message: `Deployer pod "${wanted.metadata.name}" has gone missing` });
  }
  return follow(rollout, pod, plan, cancelled);
}

const label = ({ metadata }: ReplicationController) => `${metadata.namespace}/${metadata.name}`;

function start(rollout: ReplicationController, pod: Pod, plan: DeployerPlan, now: Date): DeployerPlan {
  const left = timeLeft(rollout, now);
  if (left <= 0) {
    return failed(plan, statusReasons.podNotCreated, { type: 'warning', reason: 'RolloutTimeout', message: `Rollout for "${label(rollout)}" failed to create deployer pod (timeoutSeconds: ${timeoutSeconds(rollout)}s)` });
  }
  return { ...plan, create: pod, phase: 'Pending', annotations: { [podAnnotation]: pod.metadata.name }, ...(Number.isFinite(left) && { afterMs: left }) };
}

function failed(plan: DeployerPlan, reason: string | undefined, event: DeployerEvent): DeployerPlan {
  return { ...plan, phase: 'Failed', scaleToZero: true, annotations: reason ? { [deploymentAnnotations.statusReason]: reason } : {}, events: [event] };
}

function follow(rollout: ReplicationController, pod: Pod, plan: DeployerPlan, cancelled: boolean): DeployerPlan {
  const times = {
    [podAnnotation]: pod.metadata.name,
    ...(pod.metadata.creationTimestamp && { [createdAt]: pod.metadata.creationTimestamp }),
    ...(pod.status?.startTime && { [startedAt]: pod.status.startTime }),
    ...finished(pod),
  };
  const phase = phaseOf(rollout);
  switch (pod.status?.phase) {
    case 'Running':
      return phase === 'Running' ? plan : { ...plan, phase: 'Running', annotations: times };
    case 'Succeeded': {
      const desired = rollout.metadata.annotations?.[deploymentAnnotations.desiredReplicas];
      return {
        ...plan,
        phase: 'Complete',
        annotations: {
          ...times,
          ...(desired !== undefined && { [replicasAnnotation]: desired }),
          [deploymentAnnotations.desiredReplicas]: null,
          ...(cancelled && { [deploymentAnnotations.cancelled]: null, [deploymentAnnotations.statusReason]: null }),
        },
        events: cancelled ? [{ type: 'warning', reason: 'FailedCancellation', message: 'Succeeded before cancel recorded' }] : [],
      };
    }
    case 'Failed':
      return { ...plan, phase: 'Failed', scaleToZero: true, annotations: times };
    default:
      return phase === 'New' ? { ...plan, phase: 'Pending', annotations: times } : plan;
  }
}

function finished(pod: Pod): Record<string, string> {
  const at = pod.status?.containerStatuses?.map(({ state }) => state?.terminated?.finishedAt).find((time) => time !== undefined);
  return at ? { [completedAt]: at } : {};
}

/** A rollout whose deployer pod cannot be made (quota) fails after its strategy's time. */
function timeLeft(rollout: ReplicationController, now: Date): number {
  const seconds = timeoutSeconds(rollout);
  if (seconds <= 0) return Infinity;
  return (Date.parse(rollout.metadata.creationTimestamp ?? '') || now.getTime()) + seconds * 1000 - now.getTime();
}

function timeoutSeconds(rollout: ReplicationController): number {
  const strategy = decodedConfig(rollout)?.spec.strategy;
  return (strategy?.type === 'Rolling' ? strategy.rollingParams?.timeoutSeconds : strategy?.recreateParams?.timeoutSeconds) ?? 600;
}
