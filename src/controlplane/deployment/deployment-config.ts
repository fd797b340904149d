import { deploymentConfigs, type DeploymentConfig, type RollingParams } from '../../api/kinds/deployment-config.ts';
import { copyJson } from '../../api/json.ts';
import { validateLabels } from '../../api/selector-rules.ts';
import { qualifiedNameProblem, selectorOfMap } from '../../api/selector.ts';
import { invalidValue, notSupported, required, type FieldError } from '../../api/status.ts';
import { ageColumn, nameColumn } from '../kernel/apiserver/columns.ts';
import { kind, type Kind, type Subresource } from '../kernel/apiserver/kind.ts';
import { validateEnv } from './env-rules.ts';
import { hookDefaults, validateHooks } from './hooks.ts';
import { splitTag } from './image-trigger-plan.ts';
import { isZero, validateIntOrPercent } from './int-or-percent.ts';
import { scaleBy, templateColumns, validateCount, validateTemplate, type PodTemplateRules } from './workload.ts';

type Strategy = NonNullable<DeploymentConfig['spec']['strategy']>;
const selector = ({ spec }: DeploymentConfig) => selectorOfMap(spec.selector);

export interface ConfigSubresources {
  instantiate: Subresource<DeploymentConfig>;
  rollback: Subresource<DeploymentConfig>;
  log: Subresource<DeploymentConfig>;
}

export function deploymentConfigKind(rules: PodTemplateRules, { instantiate, rollback, log }: ConfigSubresources): Kind {
  return kind<DeploymentConfig>({
    type: 'stored',
    resource: deploymentConfigs,
    statusSubresource: true,
    defaults: (config) => configDefaults(config, rules),
    prepareCreate(config) {
      config.status = { latestVersion: 0, observedGeneration: 0, replicas: 0, updatedReplicas: 0, availableReplicas: 0, unavailableReplicas: 0 };
    },
    validate: (config) => validateConfig(config, rules),
    columns: [
      nameColumn,
      { name: 'Revision', type: 'integer', cell: ({ status }) => status?.latestVersion ?? 0 },
      { name: 'Desired', type: 'string', cell: ({ spec }) => (spec.test ? `0 (during test: ${spec.replicas ?? 1})` : String(spec.replicas ?? 1)) },
      { name: 'Current', type: 'integer', cell: ({ status }) => status?.updatedReplicas ?? 0 },
      { name: 'Triggered By', type: 'string', cell: triggeredBy },
      { ...ageColumn, priority: 1 },
      ...templateColumns<DeploymentConfig>(({ spec }) => spec.template, selector),
    ],
    scale: scaleBy(selector),
    subresources: {
      instantiate, rollback, log,
      status: { type: 'fields', kind: deploymentConfigs.kind, copy: ({ status }, to) => void (to.status = status), validate: validateProgress },
    },
  });
}

function triggeredBy({ spec, metadata }: DeploymentConfig): string {
  const names = (spec.triggers ?? []).flatMap(({ type, imageChangeParams }) => {
    if (type === 'ConfigChange') return ['config'];
    const from = imageChangeParams?.from;
    if (!imageChangeParams?.automatic || !from?.name) return [];
    return [`image(${from.namespace && from.namespace !== metadata.namespace ? `${from.namespace}/` : ''}${from.name})`];
  });
  return [...new Set(names)].sort().join(',');
}

function configDefaults(config: DeploymentConfig, rules: PodTemplateRules): void {
  const spec = (config.spec ??= {});
  spec.replicas ??= 1;
  spec.test ??= false;
  spec.revisionHistoryLimit ??= 10;
  spec.triggers ??= [{ type: 'ConfigChange' }];
  for (const { imageChangeParams } of spec.triggers) {
    if (!imageChangeParams?.from) continue;
    imageChangeParams.from.kind ??= 'ImageStreamTag';
    if (config.metadata.namespace) imageChangeParams.from.namespace ??= config.metadata.namespace;
    if (imageChangeParams.from.name && !imageChangeParams.from.name.includes(':')) imageChangeParams.from.name += ':latest';
  }
  const labels = spec.template?.metadata?.labels;
  if (labels && Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
  const strategy = (spec.strategy ??= {});
  strategy.type ??= strategy.customParams && !strategy.rollingParams && !strategy.recreateParams ? 'Custom' : 'Rolling';
  strategy.activeDeadlineSeconds ??= 21_600;
  if (strategy.type === 'Rolling' || strategy.rollingParams) rollingDefaults(strategy);
  if (strategy.type === 'Recreate' || strategy.recreateParams) strategy.recreateParams = { timeoutSeconds: 600, ...strategy.recreateParams };
  hookDefaults(config);
  if (spec.template?.spec) rules.defaults(spec.template);
}

function rollingDefaults(strategy: Strategy): void {
  const given = strategy.rollingParams ?? {};
  const rolling = { updatePeriodSeconds: 1, intervalSeconds: 1, timeoutSeconds: 600, ...given };
  // One of them given alone means the other is 0, so that only what was asked for happens.
  if (rolling.maxSurge === undefined && rolling.maxUnavailable === undefined) Object.assign(rolling, { maxUnavailable: '25%', maxSurge: '25%' });
  else if (rolling.maxUnavailable === undefined) rolling.maxUnavailable = isZero(rolling.maxSurge) ? '25%' : 0;
  else rolling.maxSurge ??= isZero(rolling.maxUnavailable) ? '25%' : 0;
  strategy.rollingParams = rolling;
}

function validateConfig(config: DeploymentConfig, rules: PodTemplateRules): FieldError[] {
  const { spec } = config;
  return [
    ...validateCount('spec.replicas', spec.replicas),
    ...validateCount('spec.minReadySeconds', spec.minReadySeconds),
    ...validateDeadlines(spec),
    ...validateCount('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
    ...(Object.keys(spec.selector ?? {}).length === 0 ? [required('spec.selector')] : validateLabels(spec.selector, 'spec.selector')),
    ...validateTemplate(withImages(config), selector(config), rules),
    ...validateStrategy(spec.strategy ?? {}),
    ...validateHooks(config),
    ...(spec.triggers ?? []).flatMap((trigger, at) => validateTrigger(config, trigger, `spec.triggers[${at}]`)),
  ];
}

/** A container whose image a trigger will name may leave it empty. */
function withImages({ spec }: DeploymentConfig): DeploymentConfig['spec']['template'] {
  const followed = new Set((spec.triggers ?? []).flatMap(({ imageChangeParams }) => imageChangeParams?.containerNames ?? []));
  if (!spec.template || followed.size === 0) return spec.template;
  const template = copyJson(spec.template);
  for (const container of [...(template.spec?.containers ?? []), ...(template.spec?.initContainers ?? [])]) {
    if (followed.has(container.name) && !container.image?.trim()) container.image = 'unresolved';
  }
  return template;
}

function validateStrategy(strategy: Strategy): FieldError[] {
  const field = 'spec.strategy';
  const errors: FieldError[] = [];
  const { type, rollingParams, recreateParams, customParams, labels, annotations } = strategy;
  if (!['Recreate', 'Rolling', 'Custom'].includes(type ?? '')) errors.push(invalidValue(`${field}.type`, type, 'unsupported strategy type, use "Custom" instead and specify your own strategy'));
  if (type === 'Custom' && !customParams) errors.push(required(`${field}.customParams`));
  errors.push(...validateEnv(customParams?.environment, `${field}.customParams.environment`));
  if (rollingParams && type !== 'Recreate') errors.push(...validateRolling(rollingParams, `${field}.rollingParams`));
  if (recreateParams && type !== 'Rolling') errors.push(...positive(recreateParams, ['timeoutSeconds'], `${field}.recreateParams`));
  errors.push(...validateLabels(labels, `${field}.labels`));
  for (const key of Object.keys(annotations ?? {})) {
    const problem = qualifiedNameProblem(key.toLowerCase());
    if (problem) errors.push(invalidValue(`${field}.annotations`, key, problem));
  }
  return errors;
}

function validateRolling(rolling: RollingParams, field: string): FieldError[] {
  const errors = [
    ...positive(rolling, ['intervalSeconds', 'updatePeriodSeconds', 'timeoutSeconds'], field),
    ...validateIntOrPercent(`${field}.maxUnavailable`, rolling.maxUnavailable, true),
    ...validateIntOrPercent(`${field}.maxSurge`, rolling.maxSurge),
  ];
  if (isZero(rolling.maxUnavailable) && isZero(rolling.maxSurge)) errors.push(invalidValue(`${field}.maxUnavailable`, rolling.maxUnavailable, 'cannot be 0 when maxSurge is 0 as well'));
  return errors;
}

function positive<K extends string>(values: Partial<Record<K, number>>, names: readonly K[], field: string): FieldError[] {
  return names.flatMap((name) => ((values[name] ?? 1) < 1 ? [invalidValue(`${field}.${name}`, values[name], 'must be >0')] : []));
}

/** Waiting for pods must be over before the rollout's time is, and that before the deployer's. */
function validateDeadlines({ minReadySeconds = 0, strategy = {} }: DeploymentConfig['spec']): FieldError[] {
  const errors: FieldError[] = [];
  const { rollingParams, recreateParams, activeDeadlineSeconds } = strategy;
  const given = rollingParams?.timeoutSeconds ?? recreateParams?.timeoutSeconds;
  const timeout = given ?? 600;
  if (timeout > 0 && minReadySeconds >= timeout) errors.push(invalidValue('spec.minReadySeconds', minReadySeconds, `must be less than the deployment timeout (${timeout}s)`));
  if (activeDeadlineSeconds === undefined) return errors;
  const field = 'spec.strategy.activeDeadlineSeconds';
  if (minReadySeconds >= activeDeadlineSeconds) errors.push(invalidValue('spec.minReadySeconds', minReadySeconds, `must be less than activeDeadlineSeconds (${activeDeadlineSeconds}s - used by the deployer pod)`));
  if (activeDeadlineSeconds < 0) errors.push(invalidValue(field, activeDeadlineSeconds, 'must be greater than or equal to 0'));
  if (given !== undefined && activeDeadlineSeconds <= given) errors.push(invalidValue(field, activeDeadlineSeconds, 'activeDeadlineSeconds must be greater than timeoutSeconds'));
  return errors;
}

/** Versions and generations only go up. */
function validateProgress({ status }: DeploymentConfig, old: DeploymentConfig): FieldError[] {
  return (['latestVersion', 'observedGeneration'] as const).flatMap((name) => ((status?.[name] ?? 0) < (old.status?.[name] ?? 0) ? [invalidValue(`status.${name}`, status?.[name] ?? 0, `${name} cannot be decremented`)] : []));
}

function validateTrigger({ spec }: DeploymentConfig, { type, imageChangeParams }: NonNullable<DeploymentConfig['spec']['triggers']>[number], field: string): FieldError[] {
  if (!type) return [required(`${field}.type`)];
  if (type === 'ConfigChange') return [];
  if (type !== 'ImageChange') return [notSupported(`${field}.type`, type, ['ConfigChange', 'ImageChange'])];
  if (!imageChangeParams) return [required(`${field}.imageChangeParams`)];
  const where = `${field}.imageChangeParams`;
  const { from, containerNames } = imageChangeParams;
  if (!from?.name) return [required(`${where}.from`)];
  const errors: FieldError[] = [];
  if (from.kind !== 'ImageStreamTag') errors.push(invalidValue(`${where}.from.kind`, from.kind, "kind must be an ImageStreamTag"));
  const { stream, tag } = splitTag(from.name);
  if (!stream || !tag) errors.push(invalidValue(`${where}.from.name`, from.name, 'must have the form <stream>:<tag>'));
  if (!containerNames?.length) errors.push(required(`${where}.containerNames`));
  const known = [...(spec.template?.spec?.containers ?? []), ...(spec.template?.spec?.initContainers ?? [])].map(({ name }) => name);
  for (const [at, name] of (containerNames ?? []).entries()) {
    if (!known.includes(name)) errors.push(invalidValue(`${where}.containerNames[${at}]`, name, 'must refer to a container of the pod template'));
  }
  return errors;
}
