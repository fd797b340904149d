/** autoscaling/v1 in and out of v2: what v1 has no field for stands in annotations (kubernetes pkg/apis/autoscaling/v1/conversion.go). Pure. */
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerV1 } from '../../../api/kinds/autoscaling.ts';
import { copyJson, isObject } from '../../../api/json.ts';

type SpecV2 = HorizontalPodAutoscaler['spec'];
type StatusV2 = NonNullable<HorizontalPodAutoscaler['status']>;
type Metric = NonNullable<SpecV2['metrics']>[number];
type Measured = NonNullable<StatusV2['currentMetrics']>[number];
type StatusV1 = NonNullable<HorizontalPodAutoscalerV1['status']>;

const annotation = (name: string) => `autoscaling.alpha.kubernetes.io/${name}`;
const names = { metrics: annotation('metrics'), behavior: annotation('behavior'), conditions: annotation('conditions'), currentMetrics: annotation('current-metrics') };

/** The one metric that v1 has a field for. */
const isPlain = ({ type, resource }: Metric) => type === 'Resource' && resource?.name === 'cpu' && resource.target.averageUtilization !== undefined;
const isPlainStatus = ({ type, resource }: Measured) => type === 'Resource' && resource?.name === 'cpu' && resource.current.averageUtilization !== undefined;

export function toV1({ metadata, spec, status }: HorizontalPodAutoscaler): HorizontalPodAutoscalerV1 {
  const { scaleTargetRef, minReplicas, maxReplicas, metrics = [], behavior } = spec;
  const plain = metrics.find(isPlain);
  const others = metrics.filter((one) => one !== plain);
  const measured = status?.currentMetrics ?? [];
  const plainStatus = measured.find(isPlainStatus);
  const annotations = {
    ...metadata.annotations,
    ...(others.length > 0 && { [names.metrics]: JSON.stringify(others.map(metricToV1)) }),
    ...(behavior && { [names.behavior]: JSON.stringify(behavior) }),
    ...(status?.conditions?.length && { [names.conditions]: JSON.stringify(status.conditions) }),
    ...(measured.length > 0 && { [names.currentMetrics]: JSON.stringify(measured.map(statusToV1)) }),
  };
  const target = plain?.resource?.target.averageUtilization;
  const current = plainStatus?.resource?.current.averageUtilization;
  const shown: StatusV1 = {
    currentReplicas: status?.currentReplicas ?? 0,
    desiredReplicas: status?.desiredReplicas ?? 0,
    ...(status?.lastScaleTime && { lastScaleTime: status.lastScaleTime }),
    ...(current !== undefined && { currentCPUUtilizationPercentage: current }),
  };
  return {
    apiVersion: 'autoscaling/v1', kind: 'HorizontalPodAutoscaler',
    metadata: { ...metadata, ...(Object.keys(annotations).length > 0 && { annotations }) },
    spec: { scaleTargetRef, ...(minReplicas !== undefined && { minReplicas }), maxReplicas, ...(target !== undefined && { targetCPUUtilizationPercentage: target }) },
    status: shown,
  };
}

/** Without its status, which nobody sets by way of v1. */
export function fromV1({ metadata, spec }: HorizontalPodAutoscalerV1): HorizontalPodAutoscaler {
  const { scaleTargetRef, minReplicas, maxReplicas, targetCPUUtilizationPercentage: target } = spec ?? {};
  const given = metadata.annotations ?? {};
  const annotations = Object.fromEntries(Object.entries(given).filter(([name]) => !(Object.values(names) as string[]).includes(name)));
  const others = parsed(given[names.metrics]);
  const behavior = parsed(given[names.behavior]);
  const metrics: Metric[] = [
    ...(Array.isArray(others) ? others.map((one) => metricFromV1(one as Document)) : []),
    ...(target !== undefined ? [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: target } } }] : []),
  ];
  const { annotations: _, ...rest } = copyJson(metadata);
  return {
    apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler',
    metadata: { ...rest, ...(Object.keys(annotations).length > 0 && { annotations }) },
    spec: {
      scaleTargetRef: scaleTargetRef as SpecV2['scaleTargetRef'],
      ...(minReplicas !== undefined && { minReplicas }),
      maxReplicas: maxReplicas ?? 0,
      ...(metrics.length > 0 && { metrics }),
      ...(isObject(behavior) && { behavior: behavior as SpecV2['behavior'] & object }),
    },
  };
}

type Document = Record<string, unknown>;

function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** v1's own writing of a metric: flat where v2 has a target. */
function metricToV1(metric: Metric): Document {
  const { type, resource, containerResource } = metric;
  const source = resource ?? containerResource;
  if (!source) return metric as unknown as Document;
  const { target, ...rest } = source;
  const flat = { ...rest, ...(target.averageUtilization !== undefined && { targetAverageUtilization: target.averageUtilization }), ...(target.averageValue !== undefined && { targetAverageValue: target.averageValue }) };
  return { type, [resource ? 'resource' : 'containerResource']: flat };
}

function metricFromV1(document: Document): Metric {
  const key = document.resource ? 'resource' : 'containerResource';
  const source = document[key];
  if (!isObject(source)) return document as unknown as Metric;
  const { targetAverageUtilization, targetAverageValue, ...rest } = source;
  const target = targetAverageUtilization !== undefined ? { type: 'Utilization', averageUtilization: targetAverageUtilization } : { type: 'AverageValue', averageValue: targetAverageValue };
  return { type: document.type, [key]: { ...rest, target } } as unknown as Metric;
}

function statusToV1(status: Measured): Document {
  const { type, resource, containerResource } = status;
  const source = resource ?? containerResource;
  if (!source) return status as unknown as Document;
  const { current, ...rest } = source;
  const flat = { ...rest, ...(current.averageUtilization !== undefined && { currentAverageUtilization: current.averageUtilization }), currentAverageValue: current.averageValue };
  return { type, [resource ? 'resource' : 'containerResource']: flat };
}
