/** Hooks of a rollout: rules, and the pod one runs in. Pure. */
import { decodedConfig } from '../../api/config-rollout.ts';
import { deploymentAnnotations, deploymentLabels, type DeploymentConfig, type LifecycleHook } from '../../api/kinds/deployment-config.ts';
import type { Container, Pod, ReplicationController } from '../../api/kinds/core.ts';
import { copyJson } from '../../api/json.ts';
import { invalidValue, notSupported, required, type FieldError } from '../../api/status.ts';
import { validateEnv } from './env-rules.ts';
import { longestRolloutSeconds, ownedByRollout, rolloutGraceSeconds } from './rollout.ts';

export type HookName = 'pre' | 'mid' | 'post';
type Hooks = Partial<Record<HookName, LifecycleHook>>;

type Strategy = NonNullable<DeploymentConfig['spec']['strategy']>;

/** Of the strategy's own type; hooks written under another type's parameters are not run. */
export function hooksOf({ type, rollingParams, recreateParams }: Strategy): Hooks {
  return (type === 'Rolling' ? rollingParams : type === 'Recreate' ? recreateParams : undefined) ?? {};
}

/** A template with one container only: hooks need not name it. */
export function hookDefaults({ spec }: DeploymentConfig): void {
  const containers = spec.template?.spec?.containers ?? [];
  const only = containers.length === 1 ? containers[0]?.name : undefined;
  if (!only) return;
  for (const { hook } of allHooks(spec.strategy ?? {})) {
    for (const action of hook.tagImages ?? []) action.containerName ||= only;
    if (hook.execNewPod) hook.execNewPod.containerName ||= only;
  }
}

export function validateHooks({ spec }: DeploymentConfig): FieldError[] {
  const { containers = [], initContainers = [] } = spec.template?.spec ?? {};
  const names = { running: containers.map(({ name }) => name), all: [...containers, ...initContainers].map(({ name }) => name) };
  return allHooks(spec.strategy ?? {}).flatMap(({ hook, field }) => validateHook(hook, field, names));
}

function allHooks({ rollingParams, recreateParams }: Strategy): { hook: LifecycleHook; field: string }[] {
  return Object.entries({ rollingParams, recreateParams }).flatMap(([parameters, hooks]) =>
    (['pre', 'mid', 'post'] as const).flatMap((name) => {
      const hook = (hooks as Hooks | undefined)?.[name];
      return hook ? [{ hook, field: `spec.strategy.${parameters}.${name}` }] : [];
    }),
  );
}

interface Names {
  running: readonly string[];
  /** Initializing ones, too. */
  all: readonly string[];
}

function validateHook({ failurePolicy, execNewPod, tagImages }: LifecycleHook, field: string, names: Names): FieldError[] {
  const errors: FieldError[] = [];
  if (!failurePolicy) errors.push(required(`${field}.failurePolicy`));
  else if (!['Abort', 'Retry', 'Ignore'].includes(failurePolicy)) errors.push(notSupported(`${field}.failurePolicy`, failurePolicy, ['Abort', 'Ignore', 'Retry']));
  if (execNewPod && tagImages?.length) return [...errors, invalidValue(field, '<hook>', "only one of 'execNewPod' or 'tagImages' may be specified")];
  if (execNewPod) return [...errors, ...validateExec(execNewPod, `${field}.execNewPod`, names.running)];
  if (tagImages?.length) return [...errors, ...tagImages.flatMap((action, at) => validateTag(action, `${field}.tagImages[${at}]`, names.all))];
  return [...errors, invalidValue(field, '<empty>', 'One of execNewPod or tagImages must be specified')];
}

function validateExec({ command, containerName, env, volumes }: NonNullable<LifecycleHook['execNewPod']>, field: string, containers: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  if (!command?.length) errors.push(required(`${field}.command`));
  if (!containerName) errors.push(required(`${field}.containerName`));
  else if (!containers.includes(containerName)) errors.push(invalidValue(`${field}.containerName`, containerName, 'must refer to a container of the pod template'));
  errors.push(...validateEnv(env, `${field}.env`));
  for (const [at, name] of (volumes ?? []).entries()) if (!name) errors.push(invalidValue(`${field}.volumes[${at}]`, '', 'must not be empty'));
  return errors;
}

function validateTag({ containerName, to }: NonNullable<LifecycleHook['tagImages']>[number], field: string, containers: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  if (!containerName) errors.push(required(`${field}.containerName`, 'a containerName is required'));
  else if (!containers.includes(containerName)) errors.push(invalidValue(`${field}.containerName`, containerName, `no container "${containerName}" found`));
  if (to?.kind !== 'ImageStreamTag') errors.push(invalidValue(`${field}.to.kind`, to?.kind ?? '', "Must be 'ImageStreamTag'"));
  if (!to?.name) errors.push(required(`${field}.to.name`, 'a destination tag name is required'));
  return errors;
}

/** `began`: when the deployer did; its time counts for its hooks, too. */
export function makeHookPod(rollout: ReplicationController, name: HookName, hook: LifecycleHook, began: Date, now: Date): Pod {
  const { namespace = '', name: rolloutName } = rollout.metadata;
  const exec = hook.execNewPod;
  const template = rollout.spec.template?.spec;
  const strategy = decodedConfig(rollout)?.spec.strategy;
  const base = template?.containers.find((container) => container.name === exec?.containerName);
  if (!exec || !base) throw new Error(`no container named '${exec?.containerName}' found in rc template`);
  const volumes = (template?.volumes ?? []).filter((one) => exec.volumes?.includes(one.name));
  const suffix = `hook-${name}`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${rolloutName}-${suffix}`,
      namespace,
      labels: { ...strategy?.labels, [deploymentLabels.deployerPodFor]: rolloutName, 'openshift.io/deployer-pod.type': suffix },
      annotations: { ...strategy?.annotations, [deploymentAnnotations.deployment]: rolloutName },
      ownerReferences: [ownedByRollout(rollout)],
    },
    spec: {
      containers: [hookContainer(base, exec, rollout, volumes.map((one) => one.name))],
      volumes: copyJson(volumes),
      // Who is to try again is the node, in the same pod.
      restartPolicy: hook.failurePolicy === 'Retry' ? 'OnFailure' : 'Never',
      activeDeadlineSeconds: Math.max(1, (strategy?.activeDeadlineSeconds ?? longestRolloutSeconds) - Math.floor((now.getTime() - began.getTime()) / 1000)),
      terminationGracePeriodSeconds: rolloutGraceSeconds,
      ...(template?.securityContext && { securityContext: copyJson(template.securityContext) }),
      ...(template?.serviceAccountName && { serviceAccountName: template.serviceAccountName }),
      ...(template?.nodeSelector && { nodeSelector: { ...template.nodeSelector } }),
      ...(template?.tolerations && { tolerations: copyJson(template.tolerations) }),
      ...(template?.imagePullSecrets && { imagePullSecrets: copyJson(template.imagePullSecrets) }),
    },
  };
}

/** As the container it refers to, with its own command, environment over that one's and the volumes asked for. */
function hookContainer(base: Container, exec: NonNullable<LifecycleHook['execNewPod']>, { metadata }: ReplicationController, volumes: readonly string[]): Container {
  const overridden = new Set(exec.env?.map((one) => one.name));
  return {
    name: 'lifecycle',
    ...(base.image && { image: base.image }),
    ...(base.imagePullPolicy && { imagePullPolicy: base.imagePullPolicy }),
    command: [...exec.command],
    ...(base.workingDir && { workingDir: base.workingDir }),
    env: [
      ...copyJson((base.env ?? []).filter((one) => !overridden.has(one.name))),
      ...copyJson(exec.env ?? []),
      { name: 'OPENSHIFT_DEPLOYMENT_NAME', value: metadata.name },
      { name: 'OPENSHIFT_DEPLOYMENT_NAMESPACE', value: metadata.namespace ?? '' },
    ],
    ...(base.envFrom && { envFrom: copyJson(base.envFrom) }),
    ...(base.resources && { resources: copyJson(base.resources) }),
    ...(base.securityContext && { securityContext: copyJson(base.securityContext) }),
    volumeMounts: copyJson((base.volumeMounts ?? []).filter((one) => volumes.includes(one.name))),
  };
}
