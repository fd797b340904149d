/** What is wrong with a horizontal pod autoscaler (kubernetes pkg/apis/autoscaling/validation). */
import type { HorizontalPodAutoscaler } from '../../../api/kinds/autoscaling.ts';
import { quantityOf } from '../../../api/quantity.ts';
import { forbiddenField, invalidValue, notSupported, required, type FieldError } from '../../../api/status.ts';
import type { MetricSpec } from './metric-value.ts';

type Rules = NonNullable<NonNullable<HorizontalPodAutoscaler['spec']['behavior']>['scaleUp']>;
type Target = NonNullable<MetricSpec['resource']>['target'];

const sources = { ContainerResource: 'containerResource', External: 'external', Object: 'object', Pods: 'pods', Resource: 'resource' } as const;
const selections = ['Disabled', 'Max', 'Min'];
const policyTypes = ['Percent', 'Pods'];
/** Seconds. */
const longestWindow = 3_600;
const longestPeriod = 1_800;

export function validateAutoscaler({ spec }: HorizontalPodAutoscaler): FieldError[] {
  if (!spec) return [required('spec')];
  const errors: FieldError[] = [];
  const { minReplicas, maxReplicas, scaleTargetRef, metrics = [], behavior } = spec;
  if (minReplicas !== undefined && minReplicas < 1) errors.push(invalidValue('spec.minReplicas', minReplicas, 'must be greater than or equal to 1'));
  if (!(maxReplicas >= 1)) errors.push(invalidValue('spec.maxReplicas', maxReplicas ?? 0, 'must be greater than 0'));
  else if (minReplicas !== undefined && maxReplicas < minReplicas) errors.push(invalidValue('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`'));
  for (const name of ['kind', 'name'] as const) if (!scaleTargetRef?.[name]) errors.push(required(`spec.scaleTargetRef.${name}`));
  for (const [at, metric] of metrics.entries()) errors.push(...validateMetric(metric, `spec.metrics[${at}]`));
  for (const name of ['scaleUp', 'scaleDown'] as const) if (behavior?.[name]) errors.push(...validateRules(behavior[name], `spec.behavior.${name}`));
  return errors;
}

function validateMetric(metric: MetricSpec, field: string): FieldError[] {
  if (!metric.type) return [required(`${field}.type`, 'must specify a metric source type')];
  const own = sources[metric.type as keyof typeof sources];
  if (!own) return [notSupported(`${field}.type`, metric.type, Object.keys(sources))];
  const errors: FieldError[] = [];
  for (const name of Object.values(sources)) if (name !== own && metric[name]) errors.push(forbiddenField(`${field}.${name}`, 'must populate the given metric source only'));
  const source = metric[own];
  const where = `${field}.${own}`;
  if (!source) return [...errors, required(where, 'must populate information for the given metric source')];
  errors.push(...validateTarget(source.target, `${where}.target`));
  if ('metric' in source) {
    if (!source.metric?.name) errors.push(required(`${where}.metric.name`, 'must specify a metric name'));
    if (own === 'pods' && source.target?.averageValue === undefined) errors.push(required(`${where}.target.averageValue`, 'must specify a positive target averageValue'));
    return errors;
  }
  if (!source.name) errors.push(required(`${where}.name`, 'must specify a resource name'));
  if ('container' in source ? !source.container : own === 'containerResource') errors.push(required(`${where}.container`, 'must specify a container'));
  const { averageUtilization, averageValue, value } = source.target ?? {};
  if (averageUtilization === undefined && averageValue === undefined) errors.push(required(`${where}.target.averageUtilization`, 'must set either a target raw value or a target utilization'));
  if (averageUtilization !== undefined && averageValue !== undefined) errors.push(forbiddenField(`${where}.target.averageValue`, 'may not set both a target raw value and a target utilization'));
  if (value !== undefined) errors.push(forbiddenField(`${where}.target.value`, 'may not set value'));
  return errors;
}

function validateTarget(target: Target | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const { type, averageUtilization } = target ?? {};
  if (!type) errors.push(required(`${field}.type`, 'must specify a metric target type'));
  else if (!['Utilization', 'Value', 'AverageValue'].includes(type)) errors.push(invalidValue(`${field}.type`, type, 'must be either Utilization, Value, or AverageValue'));
  for (const name of ['value', 'averageValue'] as const) {
    const amount = target?.[name];
    if (amount !== undefined && quantityOf(amount) <= 0) errors.push(invalidValue(`${field}.${name}`, String(amount), 'must be positive'));
  }
  if (averageUtilization !== undefined && averageUtilization < 1) errors.push(invalidValue(`${field}.averageUtilization`, averageUtilization, 'must be greater than 0'));
  return errors;
}

function validateRules({ stabilizationWindowSeconds: window, selectPolicy, policies }: Rules, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (window !== undefined && window < 0) errors.push(invalidValue(`${field}.stabilizationWindowSeconds`, window, 'must be greater than or equal to zero'));
  if (window !== undefined && window > longestWindow) errors.push(invalidValue(`${field}.stabilizationWindowSeconds`, window, `must be less than or equal to ${longestWindow}`));
  if (selectPolicy !== undefined && !selections.includes(selectPolicy)) errors.push(notSupported(`${field}.selectPolicy`, selectPolicy, selections));
  if (!policies?.length) errors.push(required(`${field}.policies`, 'must specify at least one Policy'));
  for (const [at, { type, value, periodSeconds }] of (policies ?? []).entries()) {
    const where = `${field}.policies[${at}]`;
    if (!policyTypes.includes(type)) errors.push(notSupported(`${where}.type`, type, policyTypes));
    if (!(value > 0)) errors.push(invalidValue(`${where}.value`, value ?? 0, 'must be greater than zero'));
    if (!(periodSeconds > 0)) errors.push(invalidValue(`${where}.periodSeconds`, periodSeconds ?? 0, 'must be greater than zero'));
    if (periodSeconds > longestPeriod) errors.push(invalidValue(`${where}.periodSeconds`, periodSeconds, `must be less than or equal to ${longestPeriod}`));
  }
  return errors;
}
