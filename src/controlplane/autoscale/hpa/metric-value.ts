/** One metric of an autoscaler: what it asks for, what its status shows, or why it cannot be known. Pure. */
import type { HorizontalPodAutoscaler } from '../../../api/kinds/autoscaling.ts';
import type { Pod } from '../../../api/kinds/core.ts';
import { canonicalQuantity, quantityOf } from '../../../api/quantity.ts';
import { formatSelector, selectorOf } from '../../../api/selector.ts';
import type { LabelSelector } from '../../../api/meta.ts';
import { replicasForAverage, replicasForUtilization, thousandths, type Proposal, type Tolerances } from './replica-calculator.ts';
import { samplesOf, type PodUsage } from './usage-samples.ts';

type Spec = HorizontalPodAutoscaler['spec'];
export type MetricSpec = NonNullable<Spec['metrics']>[number];
type MetricStatus = NonNullable<NonNullable<HorizontalPodAutoscaler['status']>['currentMetrics']>[number];
type Target = NonNullable<MetricSpec['resource']>['target'];

export type MetricResult = { proposal: number; status: MetricStatus } | { reason: string; failure: string };

export interface MetricInput {
  hpa: HorizontalPodAutoscaler;
  currentReplicas: number;
  pods: readonly Pod[];
  usage: readonly PodUsage[] | Error;
  now: Date;
}

const failureReasons: Readonly<Record<string, string>> = {
  Resource: 'FailedGetResourceMetric', ContainerResource: 'FailedGetContainerResourceMetric', Pods: 'FailedGetPodsMetric', Object: 'FailedGetObjectMetric', External: 'FailedGetExternalMetric',
};
const noCustomMetrics = 'unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered';

/** As conditions and events call it. */
export function nameOf({ resource, containerResource }: Pick<MetricSpec, 'type' | 'resource' | 'containerResource'>): string {
  const source = resource ?? containerResource;
  if (!source) return '';
  if (source.target.averageValue !== undefined) return `${source.name} resource`;
  return `${source.name} ${containerResource ? 'container resource' : 'resource'} utilization (percentage of request)`;
}

export function evaluateMetric(spec: MetricSpec, input: MetricInput): MetricResult {
  const reason = failureReasons[spec.type] ?? 'InvalidMetricSourceType';
  try {
    if (spec.resource) {
      const { name, target } = spec.resource;
      const { replicas, current } = ofResource(name, undefined, target, input);
      return { proposal: replicas, status: { type: spec.type, resource: { name, current } } };
    }
    if (spec.containerResource) {
      const { name, container, target } = spec.containerResource;
      const { replicas, current } = ofResource(name, container, target, input);
      return { proposal: replicas, status: { type: spec.type, containerResource: { name, container, current } } };
    }
    return { reason, failure: notMeasured(spec, input.hpa.metadata.namespace ?? '') };
  } catch (error) {
    return { reason, failure: (error as Error).message };
  }
}

function ofResource(name: string, container: string | undefined, target: Target, { hpa, currentReplicas, pods, usage, now }: MetricInput): { replicas: number; current: NonNullable<MetricStatus['resource']>['current'] } {
  const { averageValue, averageUtilization } = target;
  if (averageValue === undefined && averageUtilization === undefined) throw new Error('invalid resource metric source: neither an average utilization target nor an average value (usage) target was set');
  try {
    if (usage instanceof Error) throw new Error(`unable to get metrics for resource ${name}: unable to fetch metrics from resource metrics API: ${usage.message}`);
    if (usage.length === 0) throw new Error(`unable to get metrics for resource ${name}: no metrics returned from resource metrics API`);
    const samples = gathered(() => samplesOf(usage, name, container, hpa.metadata.namespace), name);
    const input = { resource: name, container, currentReplicas, pods, samples, tolerances: tolerancesOf(hpa.spec), now };
    const proposal = averageValue !== undefined ? replicasForAverage(input, thousandths(averageValue)) : replicasForUtilization(input, averageUtilization ?? 0);
    return { replicas: proposal.replicas, current: currentOf(proposal) };
  } catch (error) {
    throw new Error(`failed to get ${name} ${averageValue !== undefined ? 'usage' : 'utilization'}: ${(error as Error).message}`, { cause: error });
  }
}

function gathered<T>(read: () => T, name: string): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`unable to get metrics for resource ${name}: ${(error as Error).message}`, { cause: error });
  }
}

function currentOf({ utilization, average }: Proposal): NonNullable<MetricStatus['resource']>['current'] {
  return { ...(utilization !== undefined && { averageUtilization: utilization }), averageValue: canonicalQuantity(`${average}m`) };
}

const usualTolerance = 0.1;

function tolerancesOf({ behavior }: Spec): Tolerances {
  const of = (rules: object | undefined) => {
    const { tolerance } = (rules ?? {}) as { tolerance?: string | number };
    return tolerance === undefined ? usualTolerance : quantityOf(tolerance);
  };
  return { up: of(behavior?.scaleUp), down: of(behavior?.scaleDown) };
}

/** Metrics of other APIs, which nobody serves here. */
function notMeasured({ type, pods, object, external }: MetricSpec, namespace: string): string {
  if (pods) return `failed to get pods metric value: unable to get metric ${pods.metric.name}: ${noCustomMetrics}`;
  if (object) {
    const { kind, name } = object.describedObject;
    return `failed to get object metric value: unable to get metric ${object.metric.name}: ${kind} on ${namespace} ${name}/${noCustomMetrics}`;
  }
  if (external) {
    const { name, selector } = external.metric;
    const shown = selector ? formatSelector(selectorOf(selector as LabelSelector) ?? []) : 'nil';
    return `failed to get ${name} external metric: unable to get external metric ${namespace}/${name}/${shown}: unable to fetch metrics from external metrics API: the server could not find the requested resource (get ${name}.external.metrics.k8s.io)`;
  }
  return `unknown metric source type "${type}"`;
}
