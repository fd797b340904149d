/** What a rollout of a deployment config is made of: its replication controller and its deployer pod. Pure. */
import { configNameOf, decodedConfig, deployerPodName, rolloutName } from '../../api/config-rollout.ts';
import { deploymentAnnotations, deploymentLabels, type DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import type { Pod, ReplicationController } from '../../api/kinds/core.ts';
import { copyJson } from '../../api/json.ts';
import { controllerReference, type OwnerReference } from '../../api/meta.ts';
import { toolsImage } from '../../api/well-known.ts';

export const statusReasons = {
  superseded: 'newer deployment was found running',
  podMissing: 'deployer pod no longer exists',
  podNotCreated: 'unable to create deployer pod',
  unrelatedPod: 'unrelated pod with the same name as this deployment is already running',
} as const;
/** A deployer pod may run this long unless the strategy says otherwise. */
export const longestRolloutSeconds = 21_600;
/** Of deployer and hook pods. */
export const rolloutGraceSeconds = 10;

export function makeRollout(config: DeploymentConfig): ReplicationController {
  const version = config.status?.latestVersion ?? 0;
  const name = rolloutName(config.metadata.name, version);
  const template = copyJson(config.spec.template ?? {});
  const own = { [deploymentLabels.deploymentConfig]: config.metadata.name, [deploymentLabels.deployment]: name };
  const identity = { [deploymentAnnotations.config]: config.metadata.name, [deploymentAnnotations.version]: String(version) };
  const { managedFields: _, ...metadata } = config.metadata;
  const { 'kubernetes.io/change-cause': changeCause, [deploymentAnnotations.ignorePod]: ignorePod } = config.metadata.annotations ?? {};
  return {
    apiVersion: 'v1',
    kind: 'ReplicationController',
    metadata: {
      name,
      ...(config.metadata.namespace && { namespace: config.metadata.namespace }),
      labels: { ...config.metadata.labels, [deploymentLabels.config]: config.metadata.name },
      annotations: {
        ...identity,
        [deploymentAnnotations.phase]: 'New',
        [deploymentAnnotations.encodedConfig]: JSON.stringify({ ...config, metadata }),
        [deploymentAnnotations.desiredReplicas]: String(config.spec.replicas ?? 1),
        [deploymentAnnotations.replicas]: '0',
        ...(config.status?.details?.message && { [deploymentAnnotations.statusReason]: config.status.details.message }),
        ...(ignorePod !== undefined && { [deploymentAnnotations.ignorePod]: ignorePod }),
        ...(changeCause && { 'kubernetes.io/change-cause': changeCause }),
      },
      ownerReferences: [controllerReference(config)],
    },
    spec: {
      // The deployer scales it up.
      replicas: 0,
      ...(config.spec.minReadySeconds && { minReadySeconds: config.spec.minReadySeconds }),
      selector: { ...config.spec.selector, ...own },
      template: {
        ...template,
        metadata: {
          ...template.metadata,
          labels: { ...template.metadata?.labels, ...own },
          annotations: { ...template.metadata?.annotations, ...identity, [deploymentAnnotations.deployment]: name },
        },
      },
    },
  };
}

/** The pod that carries the rollout out: by itself, or by what the strategy's `customParams` put in its place. */
export function makeDeployerPod(rollout: ReplicationController): Pod {
  const { name, namespace = '' } = rollout.metadata;
  const strategy = decodedConfig(rollout)?.spec.strategy;
  const { nodeSelector, tolerations, imagePullSecrets, dnsPolicy, dnsConfig, enableServiceLinks } = rollout.spec.template?.spec ?? {};
  const { image, command, environment } = strategy?.customParams ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: deployerPodName(name),
      namespace,
      labels: { ...strategy?.labels, [deploymentLabels.deployerPodFor]: name },
      annotations: { ...strategy?.annotations, [deploymentAnnotations.deployment]: name, [deploymentAnnotations.config]: configNameOf(rollout) ?? '' },
      ownerReferences: [ownedByRollout(rollout)],
    },
    spec: {
      containers: [
        {
          name: 'deployment',
          image: image || toolsImage,
          ...(command?.length ? { command: [...command] } : !image && { args: ['deploy'] }),
          env: [...copyJson(environment ?? []), { name: 'OPENSHIFT_DEPLOYMENT_NAME', value: name }, { name: 'OPENSHIFT_DEPLOYMENT_NAMESPACE', value: namespace }],
          ...(strategy?.resources && { resources: copyJson(strategy.resources) }),
          imagePullPolicy: 'IfNotPresent',
          terminationMessagePolicy: 'FallbackToLogsOnError',
        },
      ],
      restartPolicy: 'Never',
      serviceAccountName: 'deployer',
      terminationGracePeriodSeconds: rolloutGraceSeconds,
      activeDeadlineSeconds: strategy?.activeDeadlineSeconds ?? longestRolloutSeconds,
      shareProcessNamespace: false,
      ...(dnsPolicy && { dnsPolicy }),
      ...(dnsConfig && { dnsConfig: copyJson(dnsConfig) }),
      ...(enableServiceLinks !== undefined && { enableServiceLinks }),
      ...(nodeSelector && { nodeSelector: { ...nodeSelector } }),
      ...(tolerations && { tolerations: copyJson(tolerations) }),
      ...(imagePullSecrets && { imagePullSecrets: copyJson(imagePullSecrets) }),
    },
  } as Pod;
}

/** Deployer and hook pods go with their rollout when that is pruned. */
export function ownedByRollout({ metadata }: ReplicationController): OwnerReference {
  return { apiVersion: 'v1', kind: 'ReplicationController', name: metadata.name, uid: metadata.uid ?? '' };
}
