import { deploymentConfigs, type DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import { copyJson } from '../../api/json.ts';
import { selectorOfMap } from '../../api/selector.ts';
import { invalidValue, notSupported, required, type FieldError } from '../../api/status.ts';
import { ageColumn, nameColumn } from '../kernel/apiserver/columns.ts';
import { kind, type Kind, type RequestContext, type Subresource } from '../kernel/apiserver/kind.ts';
import { validateHooks } from './hooks.ts';
import { splitTag } from './image-trigger-plan.ts';
import { isZero, validateIntOrPercent } from './int-or-percent.ts';
import { scaleBy, templateColumns, validateCount, validateLabels, validateTemplate, type PodTemplateRules } from './workload.ts';

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
    validate: (config, _old, _context: RequestContext) => validateConfig(config, rules),
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
    subresources: { instantiate, rollback, log },
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
  if (strategy.type === 'Rolling') rollingDefaults(strategy);
  if (strategy.type === 'Recreate') strategy.recreateParams = { timeoutSeconds: 600, ...strategy.recreateParams };
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
  if (!['Recreate', 'Rolling', 'Custom'].includes(strategy.type ?? '')) errors.push(notSupported(`${field}.type`, strategy.type, ['Custom', 'Recreate', 'Rolling']));
  if (strategy.type === 'Custom' && !strategy.customParams) errors.push(required(`${field}.customParams`));
  const { rollingParams: rolling, recreateParams } = strategy;
  if (strategy.type === 'Rolling' && rolling) {
    const where = `${field}.rollingParams`;
    for (const name of ['intervalSeconds', 'updatePeriodSeconds', 'timeoutSeconds'] as const) {
      const value = rolling[name];
      if (value !== undefined && value < 1) errors.push(invalidValue(`${where}.${name}`, value, 'must be >0'));
    }
    errors.push(...validateIntOrPercent(`${where}.maxUnavailable`, rolling.maxUnavailable, true), ...validateIntOrPercent(`${where}.maxSurge`, rolling.maxSurge));
    if (isZero(rolling.maxUnavailable) && isZero(rolling.maxSurge)) errors.push(invalidValue(`${where}.maxUnavailable`, rolling.maxUnavailable, 'cannot be 0 when maxSurge is 0 as well'));
  }
  if (strategy.type === 'Recreate' && recreateParams?.timeoutSeconds !== undefined && recreateParams.timeoutSeconds < 1) {
    errors.push(invalidValue(`${field}.recreateParams.timeoutSeconds`, recreateParams.timeoutSeconds, 'must be >0'));
  }
  return errors;
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
