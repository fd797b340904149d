/** What a rollout of a deployment config is made of: its replication controller and its deployer pod. Pure. */
import { configNameOf, decodedConfig, deployerPodName, rolloutName } from '../../api/config-rollout.ts';
import { deploymentAnnotations, deploymentLabels, type DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import type { Pod, ReplicationController } from '../../api/kinds/core.ts';
import { copyJson } from '../../api/json.ts';
import { controllerReference } from '../../api/meta.ts';
import { toolsImage } from '../../api/well-known.ts';

export const statusReasons = {
  superseded: 'newer deployment was found running',
  podMissing: 'deployer pod no longer exists',
  podNotCreated: 'unable to create deployer pod',
  unrelatedPod: 'unrelated pod with the same name as this deployment is already running',
} as const;
/** A deployer pod may run this long unless the strategy says otherwise. */
export const longestRolloutSeconds = 21_600;
const deployerGraceSeconds = 10;

export function makeRollout(config: DeploymentConfig): ReplicationController {
  const version = config.status?.latestVersion ?? 0;
  const name = rolloutName(config.metadata.name, version);
  const template = copyJson(config.spec.template ?? {});
  const own = { [deploymentLabels.deploymentConfig]: config.metadata.name, [deploymentLabels.deployment]: name };
  const identity = { [deploymentAnnotations.config]: config.metadata.name, [deploymentAnnotations.version]: String(version) };
  const { managedFields: _, ...metadata } = config.metadata;
  const changeCause = config.metadata.annotations?.['kubernetes.io/change-cause'];
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
        [deploymentAnnotations.desiredReplicas]: String(config.spec.test ? 0 : (config.spec.replicas ?? 1)),
        ...(config.status?.details?.message && { [deploymentAnnotations.statusReason]: config.status.details.message }),
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

export function makeDeployerPod(rollout: ReplicationController): Pod {
  const { name, namespace = '', uid = '' } = rollout.metadata;
  const strategy = decodedConfig(rollout)?.spec.strategy;
  const { nodeSelector, tolerations, imagePullSecrets } = rollout.spec.template?.spec ?? {};
  const custom = strategy?.customParams as { image?: string; command?: string[]; environment?: { name: string; value?: string }[] } | undefined;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: deployerPodName(name),
      namespace,
      labels: { [deploymentLabels.deployerPodFor]: name },
      annotations: { [deploymentAnnotations.deployment]: name, [deploymentAnnotations.config]: configNameOf(rollout) ?? '' },
      // It goes with its rollout when that is pruned.
      ownerReferences: [{ apiVersion: 'v1', kind: 'ReplicationController', name, uid }],
    },
    spec: {
      containers: [
        {
          name: 'deployment',
          image: custom?.image ?? toolsImage,
          ...(custom?.image ? custom.command && { command: [...custom.command] } : { args: ['deploy'] }),
          env: [
            ...(custom?.environment ?? []).map((one) => ({ ...one })),
            { name: 'OPENSHIFT_DEPLOYMENT_NAME', value: name },
            { name: 'OPENSHIFT_DEPLOYMENT_NAMESPACE', value: namespace },
          ],
          ...(strategy?.resources && { resources: copyJson(strategy.resources) }),
          imagePullPolicy: 'IfNotPresent',
          terminationMessagePolicy: 'FallbackToLogsOnError',
        },
      ],
      restartPolicy: 'Never',
      serviceAccountName: 'deployer',
      terminationGracePeriodSeconds: deployerGraceSeconds,
      activeDeadlineSeconds: strategy?.activeDeadlineSeconds ?? longestRolloutSeconds,
      ...(nodeSelector && { nodeSelector: { ...nodeSelector } }),
      ...(tolerations && { tolerations: copyJson(tolerations) }),
      ...(imagePullSecrets && { imagePullSecrets: copyJson(imagePullSecrets) }),
    },
  };
}
