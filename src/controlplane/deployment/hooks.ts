/** Hooks of a rollout: rules, and the pod one runs in. Pure. */
import { configNameOf } from '../../api/config-rollout.ts';
import { deploymentAnnotations, deploymentLabels, type DeploymentConfig, type LifecycleHook } from '../../api/kinds/deployment-config.ts';
import type { Pod, ReplicationController } from '../../api/kinds/core.ts';
import { copyJson } from '../../api/json.ts';
import { forbiddenField, invalidValue, notSupported, required, type FieldError } from '../../api/status.ts';
import { longestRolloutSeconds } from './rollout.ts';

export type HookName = 'pre' | 'mid' | 'post';

type Strategy = NonNullable<DeploymentConfig['spec']['strategy']>;

/** Of the strategy's own type; hooks written under another type's parameters are not run. */
export function hooksOf({ type, rollingParams, recreateParams }: Strategy): Partial<Record<HookName, LifecycleHook>> {
  return (type === 'Rolling' ? rollingParams : type === 'Recreate' ? recreateParams : undefined) ?? {};
}

export function validateHooks({ spec }: DeploymentConfig): FieldError[] {
  const strategy = spec.strategy ?? {};
  const where = `spec.strategy.${strategy.type === 'Recreate' ? 'recreateParams' : 'rollingParams'}`;
  const containers = (spec.template?.spec?.containers ?? []).map(({ name }) => name);
  return (['pre', 'mid', 'post'] as const).flatMap((name) => {
    const hook = hooksOf(strategy)[name];
    return hook ? validateHook(hook, `${where}.${name}`, containers) : [];
  });
}

function validateHook({ failurePolicy, execNewPod, tagImages }: LifecycleHook, field: string, containers: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  if (!failurePolicy) errors.push(required(`${field}.failurePolicy`));
  else if (!['Abort', 'Retry', 'Ignore'].includes(failurePolicy)) errors.push(notSupported(`${field}.failurePolicy`, failurePolicy, ['Abort', 'Ignore', 'Retry']));
  if (tagImages) errors.push(forbiddenField(`${field}.tagImages`, 'hooks that tag images are not supported; use execNewPod'));
  else if (!execNewPod) errors.push(required(`${field}.execNewPod`, 'must be specified'));
  if (!execNewPod) return errors;
  if (!execNewPod.command?.length) errors.push(required(`${field}.execNewPod.command`));
  if (!execNewPod.containerName) errors.push(required(`${field}.execNewPod.containerName`));
  else if (!containers.includes(execNewPod.containerName)) errors.push(invalidValue(`${field}.execNewPod.containerName`, execNewPod.containerName, 'must refer to a container of the pod template'));
  return errors;
}

/** `attempt` tells pods of a hook that is tried again from each other. */
export function makeHookPod(rollout: ReplicationController, name: HookName, hook: LifecycleHook, attempt: number): Pod {
  const { namespace = '', name: rolloutName, uid = '' } = rollout.metadata;
  const exec = hook.execNewPod;
  const template = rollout.spec.template?.spec;
  const base = template?.containers.find((container) => container.name === exec?.containerName);
  if (!exec || !base) throw new Error(`no container named "${exec?.containerName}" found in deployment ${rolloutName}`);
  const mounted = new Set(exec.volumes);
  const overridden = new Set(exec.env?.map((one) => one.name));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${rolloutName}-hook-${name}${attempt > 1 ? `-${attempt}` : ''}`,
      namespace,
      labels: { [deploymentLabels.deployerPodFor]: rolloutName, 'openshift.io/deployer-pod.type': `hook-${name}` },
      annotations: { [deploymentAnnotations.deployment]: rolloutName, [deploymentAnnotations.config]: configNameOf(rollout) ?? '' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'ReplicationController', name: rolloutName, uid }],
    },
    spec: {
      containers: [
        {
          name: 'lifecycle',
          ...(base.image && { image: base.image }),
          command: [...exec.command],
          ...(base.workingDir && { workingDir: base.workingDir }),
          env: [
            ...copyJson((base.env ?? []).filter((one) => !overridden.has(one.name))),
            ...copyJson(exec.env ?? []),
            { name: 'OPENSHIFT_DEPLOYMENT_NAME', value: rolloutName },
            { name: 'OPENSHIFT_DEPLOYMENT_NAMESPACE', value: namespace },
          ],
          ...(base.envFrom && { envFrom: copyJson(base.envFrom) }),
          ...(base.resources && { resources: copyJson(base.resources) }),
          ...(base.securityContext && { securityContext: copyJson(base.securityContext) }),
          volumeMounts: copyJson((base.volumeMounts ?? []).filter((one) => mounted.has(one.name))),
        },
      ],
      volumes: copyJson((template?.volumes ?? []).filter((one) => mounted.has(one.name))),
      restartPolicy: 'Never',
      activeDeadlineSeconds: longestRolloutSeconds,
      ...(template?.serviceAccountName && { serviceAccountName: template.serviceAccountName }),
      ...(template?.nodeSelector && { nodeSelector: { ...template.nodeSelector } }),
      ...(template?.tolerations && { tolerations: copyJson(template.tolerations) }),
      ...(template?.imagePullSecrets && { imagePullSecrets: copyJson(template.imagePullSecrets) }),
    },
  };
}
