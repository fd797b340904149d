/** What a rollout needs next, by its phase and its deployer pod. Pure. */
import { decodedConfig, isCancelled, phaseOf } from '../../api/config-rollout.ts';
import { deploymentAnnotations, deploymentLabels, type DeploymentPhase } from '../../api/kinds/deployment-config.ts';
import type { Pod, ReplicationController } from '../../api/kinds/core.ts';
import { makeDeployerPod, statusReasons } from './rollout.ts';

export interface DeployerEvent {
  type: 'normal' | 'warning';
  reason: string;
  message: string;
}

export interface DeployerPlan {
  create?: Pod;
  /** Deployer and hook pods of a cancelled rollout. */
  removePods: Pod[];
  /** Pods of the rollout that somebody else's deployer made: they are to go with it. */
  adoptPods: Pod[];
  phase?: DeploymentPhase;
  /** `null` removes. */
  annotations: Record<string, string | null>;
  /** A test keeps no pods when it is over. Otherwise sizes are the config's matter. */
  scaleToZero: boolean;
  events: DeployerEvent[];
  afterMs?: number;
}

const completedAt = 'openshift.io/deployer-pod.completed-at';
export const createdAt = 'openshift.io/deployer-pod.created-at';
const startedAt = 'openshift.io/deployer-pod.started-at';
const podAnnotation = 'openshift.io/deployer-pod.name';

/** `pods`: those labelled as deployer of this rollout, and whatever else has the deployer's name. */
export function planDeployer(rollout: ReplicationController, pods: readonly Pod[], now: Date): DeployerPlan {
  const next = nextStep(rollout, pods, now);
  const over = next.phase === 'Complete' || next.phase === 'Failed';
  return over && (rollout.spec.replicas ?? 0) > 0 && decodedConfig(rollout)?.spec.test ? { ...next, scaleToZero: true } : next;
}

function nextStep(rollout: ReplicationController, pods: readonly Pod[], now: Date): DeployerPlan {
  const plan: DeployerPlan = { removePods: [], adoptPods: [], annotations: {}, scaleToZero: false, events: [] };
  const { name } = rollout.metadata;
  const wanted = makeDeployerPod(rollout);
  const pod = pods.find(({ metadata }) => metadata.name === wanted.metadata.name);
  const phase = phaseOf(rollout);
  const cancelled = isCancelled(rollout);
  if (phase === 'Complete') return plan;
  const ofRollout = pods.filter(({ metadata }) => metadata.labels?.[deploymentLabels.deployerPodFor] === name);
  if (!cancelled && phase !== 'New') plan.adoptPods = ofRollout.filter(({ metadata }) => !metadata.ownerReferences?.length && !metadata.deletionTimestamp);
  // Hook pods may have been made just when the rollout was given up.
  if (phase === 'Failed') return { ...plan, removePods: cancelled ? ofRollout.filter(({ metadata }) => !metadata.deletionTimestamp) : [] };
  if (pod && pod.metadata.annotations?.[deploymentAnnotations.deployment] !== name) {
    return failed(plan, statusReasons.unrelatedPod, { type: 'warning', reason: 'FailedCreate', message: `Error creating deployer pod since another pod with the same name ("${pod.metadata.name}") exists` });
  }
  // Of a try before this one: the next begins when it is gone.
  if (phase === 'New' && !cancelled && pod?.metadata.deletionTimestamp) return plan;
  if (cancelled && pod && pod.status?.phase !== 'Succeeded') return { ...plan, removePods: ofRollout.filter(({ metadata }) => !metadata.deletionTimestamp), ...(phase === 'New' && { phase: 'Pending' as const }) };
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
  const again = Number.isFinite(left) && { afterMs: left };
  if (rollout.metadata.annotations?.[deploymentAnnotations.ignorePod] !== undefined) return { ...plan, ...again };
  return { ...plan, create: pod, phase: 'Pending', annotations: { [podAnnotation]: pod.metadata.name }, ...again };
}

function failed(plan: DeployerPlan, reason: string | undefined, event: DeployerEvent): DeployerPlan {
  return { ...plan, phase: 'Failed', annotations: reason ? { [deploymentAnnotations.statusReason]: reason } : {}, events: [event] };
}

function follow(rollout: ReplicationController, pod: Pod, plan: DeployerPlan, cancelled: boolean): DeployerPlan {
  const times = {
    [podAnnotation]: pod.metadata.name,
    ...(pod.metadata.creationTimestamp && { [createdAt]: goTime(pod.metadata.creationTimestamp) }),
    ...(pod.status?.startTime && { [startedAt]: goTime(pod.status.startTime) }),
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
          ...(desired !== undefined && { [deploymentAnnotations.replicas]: desired }),
          [deploymentAnnotations.desiredReplicas]: null,
          ...(cancelled && { [deploymentAnnotations.cancelled]: null, [deploymentAnnotations.statusReason]: null }),
        },
        events: cancelled ? [{ type: 'warning', reason: 'FailedCancellation', message: 'Succeeded before cancel recorded' }] : [],
      };
    }
    case 'Failed':
      return { ...plan, phase: 'Failed', annotations: times };
    default:
      return phase === 'New' ? { ...plan, phase: 'Pending', annotations: times } : plan;
  }
}

function finished(pod: Pod): Record<string, string> {
  const at = pod.status?.containerStatuses?.map(({ state }) => state?.terminated?.finishedAt).find((time) => time !== undefined);
  return at ? { [completedAt]: goTime(at) } : {};
}

/** As Go prints a time: that is what these annotations hold. */
export function goTime(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 19)} +0000 UTC`;
}

/** A rollout whose deployer pod cannot be made (quota) fails after its strategy's time. One that is tried again had its pod long ago. */
function timeLeft(rollout: ReplicationController, now: Date): number {
  const seconds = timeoutSeconds(rollout);
  if (seconds <= 0 || rollout.metadata.annotations?.[podAnnotation] !== undefined) return Infinity;
  // Creation is known to the second: only a second that is over altogether counts.
  return (Date.parse(rollout.metadata.creationTimestamp ?? '') || now.getTime()) + (seconds + 1) * 1000 - now.getTime();
}

function timeoutSeconds(rollout: ReplicationController): number {
  const strategy = decodedConfig(rollout)?.spec.strategy;
  return (strategy?.type === 'Rolling' ? strategy.rollingParams?.timeoutSeconds : strategy?.recreateParams?.timeoutSeconds) ?? 600;
}
