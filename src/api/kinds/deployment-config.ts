/** apps.openshift.io/v1 (openshift/api apps/v1). */
import type { IEnvVar, IPodTemplateSpec, IResourceRequirements } from 'kubernetes-models/v1';
import type { Condition, KubeObject, ObjectReference } from '../meta.ts';
import { resource } from '../resource.ts';

/** Runs in a pod of its own between the steps of a rollout. */
export interface LifecycleHook {
  failurePolicy: 'Abort' | 'Retry' | 'Ignore';
  execNewPod?: {
    command: string[];
    env?: IEnvVar[];
    /** Whose image, environment and volumes the hook gets. */
    containerName: string;
    /** Volumes of the template that the hook mounts as the container does. */
    volumes?: string[];
  };
  tagImages?: { containerName: string; to: ObjectReference }[];
}
export interface RollingParams {
  pre?: LifecycleHook;
  post?: LifecycleHook;
  updatePeriodSeconds?: number;
  intervalSeconds?: number;
  timeoutSeconds?: number;
  maxUnavailable?: number | string;
  maxSurge?: number | string;
}
export interface DeploymentStrategy {
  type?: 'Recreate' | 'Custom' | 'Rolling';
  rollingParams?: RollingParams;
  recreateParams?: { timeoutSeconds?: number; pre?: LifecycleHook; mid?: LifecycleHook; post?: LifecycleHook };
  /** Of the deployer's own container; with the other types, too. */
  customParams?: { image?: string; environment?: IEnvVar[]; command?: string[] };
  resources?: IResourceRequirements;
  /** Of deployer and hook pods. */
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  activeDeadlineSeconds?: number;
}
export interface DeploymentTriggerPolicy {
  type: 'ConfigChange' | 'ImageChange';
  imageChangeParams?: { automatic?: boolean; containerNames?: string[]; from: ObjectReference; lastTriggeredImage?: string };
}
export interface DeploymentConfig extends KubeObject {
  spec: {
    replicas?: number;
    selector?: Record<string, string>;
    strategy?: DeploymentStrategy;
    triggers?: DeploymentTriggerPolicy[];
    template?: IPodTemplateSpec;
    paused?: boolean;
    minReadySeconds?: number;
    revisionHistoryLimit?: number;
    test?: boolean;
  };
  status?: {
    latestVersion?: number;
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    availableReplicas?: number;
    unavailableReplicas?: number;
    readyReplicas?: number;
    details?: { message?: string; causes?: { type: string; imageTrigger?: { from: ObjectReference } }[] };
    conditions?: Condition[];
  };
}

export const deploymentConfigs = resource<DeploymentConfig>('apps.openshift.io/v1', {
  kind: 'DeploymentConfig', plural: 'deploymentconfigs', namespaced: true, shortNames: ['dc'], categories: ['all'],
});

/** Of OpenShift before version 4; `deploymentconfigs/rollback` is what replaced it. */
export const deploymentConfigRollbacks = resource('apps.openshift.io/v1', { kind: 'DeploymentConfigRollback', plural: 'deploymentconfigrollbacks', namespaced: true, verbs: ['create'] });

/** On replication controllers and deployer pods of a deployment config. */
export const deploymentAnnotations = {
  config: 'openshift.io/deployment-config.name',
  version: 'openshift.io/deployment-config.latest-version',
  phase: 'openshift.io/deployment.phase',
  encodedConfig: 'openshift.io/encoded-deployment-config',
  deployment: 'openshift.io/deployment.name',
  desiredReplicas: 'kubectl.kubernetes.io/desired-replicas',
  originalReplicas: 'kubectl.kubernetes.io/original-replicas',
  /** Replicas that the last deployer left. */
  replicas: 'openshift.io/deployment.replicas',
  statusReason: 'openshift.io/deployment.status-reason',
  cancelled: 'openshift.io/deployment.cancelled',
  /** Of a config and its rollouts: no deployer pod is made, somebody else does its work. */
  ignorePod: 'deploy.openshift.io/deployer-pod.ignore',
} as const;
export const deploymentLabels = { config: 'openshift.io/deployment-config.name', deployerPodFor: 'openshift.io/deployer-pod-for.name', deployment: 'deployment', deploymentConfig: 'deploymentconfig' } as const;
export type DeploymentPhase = 'New' | 'Pending' | 'Running' | 'Complete' | 'Failed';
