import { describe, expect, test } from 'vitest';
import type { HorizontalPodAutoscaler, Scale } from '../../../../../src/api/kinds/autoscaling.ts';
import type { Pod } from '../../../../../src/api/kinds/core.ts';
import { needsMetrics, notRescaled, planAutoscaler, rescaled, withoutScale, type AutoscalerInput } from '../../../../../src/controlplane/autoscale/hpa/autoscaler-plan.ts';
import { defaultAutoscaler } from '../../../../../src/controlplane/autoscale/hpa/horizontal-pod-autoscaler.ts';
import { applyRules, remember, rememberChange, type History } from '../../../../../src/controlplane/autoscale/hpa/scaling-rules.ts';
import { fromV1, toV1 } from '../../../../../src/controlplane/autoscale/hpa/v1.ts';

const now = new Date('2026-01-01T12:00:00Z');
const at = (seconds: number) => now.getTime() - seconds * 1000;
type Spec = HorizontalPodAutoscaler['spec'];
const hpa = (spec: Partial<Spec> = {}): HorizontalPodAutoscaler => {
  const made: HorizontalPodAutoscaler = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name: 'web', namespace: 'demo' }, spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, maxReplicas: 10, ...spec } };
  defaultAutoscaler(made);
  return made;
};
const history = (recommendations: [seconds: number, replicas: number][] = [], ups: [number, number][] = [], downs: [number, number][] = []): History => ({
  recommendations: recommendations.map(([seconds, replicas]) => ({ at: at(seconds), replicas })), ups: ups.map(([seconds, change]) => ({ at: at(seconds), change })), downs: downs.map(([seconds, change]) => ({ at: at(seconds), change })),
});
const pods = (count: number): Pod[] => Array.from({ length: count }, (_, index) => ({
  apiVersion: 'v1', kind: 'Pod', metadata: { name: `p${index}`, namespace: 'demo' }, spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '1', memory: '100' } } }] },
  status: { phase: 'Running', startTime: '2026-01-01T00:00:00Z', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:10Z' }] },
}));
const usage = (count: number, cpu: number, memory = 0) => Array.from({ length: count }, (_, index) => ({ name: `p${index}`, at: at(1), windowMs: 15_000, containers: [{ name: 'c', usage: { cpu, memory } }] }));
const scale = (replicas: number, selector = 'app=web') => ({ apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'web' }, spec: { replicas }, status: { replicas, selector } }) as Scale;
const look = (replicas: number, cpu: number, more: Partial<AutoscalerInput> = {}) => planAutoscaler({ hpa: hpa(), scale: scale(replicas), pods: pods(replicas), usage: usage(replicas, cpu), history: history(), now, ...more });
const conditions = (status: { conditions?: { type: string; status: string; reason?: string }[] }) => (status.conditions ?? []).map(({ type, status: is, reason }) => `${type}=${is} ${reason}`);

describe('what is proposed', () => {
  const plain = (current: number, wanted: number, past: History = history(), spec: Partial<Spec> = {}) => {
    const { replicas, ableToScale, limited } = applyRules({ spec: hpa(spec).spec, current, wanted, history: past, now: now.getTime() });
    return [replicas, ableToScale.reason, `${limited.status} ${limited.reason}`];
  };
  test.each<[string, number, number, History, Partial<Spec>, unknown[]]>([
    ['is taken as it is', 3, 5, history(), {}, [5, 'ReadyForNewScale', 'False DesiredWithinRange']],
    ['is at most the maximum', 6, 12, history(), {}, [10, 'ReadyForNewScale', 'True TooManyReplicas']],
    ['is at least the minimum', 3, 1, history(), { minReplicas: 2 }, [2, 'ReadyForNewScale', 'True TooFewReplicas']],
    ['grows to four at once', 1, 9, history(), {}, [4, 'ReadyForNewScale', 'True ScaleUpLimit']],
    ['at most doubles', 3, 9, history(), {}, [6, 'ReadyForNewScale', 'True ScaleUpLimit']],
    ['waits five minutes downwards', 5, 2, history([[400, 9], [200, 4]]), {}, [4, 'ScaleDownStabilized', 'False DesiredWithinRange']],
    ['falls after five minutes', 5, 2, history([[400, 9]]), {}, [2, 'ReadyForNewScale', 'False DesiredWithinRange']],
  ])('%s', (_, current, wanted, past, spec, expected) => expect(plain(current, wanted, past, spec)).toEqual(expected));

  const up = (rules: object) => ({ maxReplicas: 100, behavior: { scaleUp: rules } }) as Partial<Spec>;
  const down = (rules: object) => ({ maxReplicas: 100, behavior: { scaleDown: { stabilizationWindowSeconds: 0, ...rules } } }) as Partial<Spec>;
  const policy = (type: string, value: number, periodSeconds = 60) => ({ type, value, periodSeconds });
  test.each<[string, number, number, History, Partial<Spec>, unknown[]]>([
    ['usual rules upwards: four pods', 1, 50, history(), up({}), [5, 'ReadyForNewScale', 'True ScaleUpLimit']],
    ['usual rules upwards: twice as many', 10, 50, history(), up({}), [20, 'ReadyForNewScale', 'True ScaleUpLimit']],
    ['usual rules downwards: five minutes', 10, 1, history([[200, 7]]), up({}), [7, 'ScaleDownStabilized', 'False DesiredWithinRange']],
    ['usual rules downwards: all at once', 10, 1, history([[400, 7]]), up({}), [1, 'ReadyForNewScale', 'False DesiredWithinRange']],
    ['a window upwards takes the lowest', 3, 9, history([[30, 5], [70, 4]]), up({ stabilizationWindowSeconds: 60 }), [5, 'ScaleUpStabilized', 'False DesiredWithinRange']],
    ['pods a minute', 3, 9, history(), up({ policies: [policy('Pods', 2)] }), [5, 'ReadyForNewScale', 'True ScaleUpLimit']],
    ['less what was added in that minute', 5, 9, history([], [[30, 2]]), up({ policies: [policy('Pods', 2)] }), [5, 'ReadyForNewScale', 'True ScaleUpLimit']],
    ['again after that minute', 5, 9, history([], [[61, 2]]), up({ policies: [policy('Pods', 2)] }), [7, 'ReadyForNewScale', 'True ScaleUpLimit']],
    ['what was taken away may come back', 3, 9, history([], [], [[30, 4]]), up({ policies: [policy('Pods', 2)] }), [9, 'ReadyForNewScale', 'False DesiredWithinRange']],
    ['a share is rounded up', 3, 9, history(), up({ policies: [policy('Percent', 10)] }), [4, 'ReadyForNewScale', 'True ScaleUpLimit']],
    ['the greatest of policies', 10, 90, history(), up({ policies: [policy('Pods', 2), policy('Percent', 50)] }), [15, 'ReadyForNewScale', 'True ScaleUpLimit']],
    ['the least of policies', 10, 90, history(), up({ selectPolicy: 'Min', policies: [policy('Pods', 2), policy('Percent', 50)] }), [12, 'ReadyForNewScale', 'True ScaleUpLimit']],
    ['upwards forbidden', 10, 90, history(), up({ selectPolicy: 'Disabled' }), [10, 'ReadyForNewScale', 'True ScaleUpLimit']],
    ['downwards pods a minute', 10, 1, history(), down({ policies: [policy('Pods', 2)] }), [8, 'ReadyForNewScale', 'True ScaleDownLimit']],
    ['downwards less what went in that minute', 9, 1, history([], [], [[30, 1]]), down({ policies: [policy('Pods', 2)] }), [8, 'ReadyForNewScale', 'True ScaleDownLimit']],
    ['downwards the greatest of policies', 20, 1, history(), down({ policies: [policy('Pods', 2), policy('Percent', 50)] }), [10, 'ReadyForNewScale', 'True ScaleDownLimit']],
    ['downwards the least of policies', 20, 1, history(), down({ selectPolicy: 'Min', policies: [policy('Pods', 2), policy('Percent', 50)] }), [18, 'ReadyForNewScale', 'True ScaleDownLimit']],
    ['downwards a share always takes one', 5, 1, history(), down({ policies: [policy('Percent', 10)] }), [4, 'ReadyForNewScale', 'True ScaleDownLimit']],
    ['downwards forbidden', 5, 1, history(), down({ selectPolicy: 'Disabled' }), [5, 'ReadyForNewScale', 'True ScaleDownLimit']],
    ['downwards to the minimum', 5, 1, history(), { ...down({}), minReplicas: 2 }, [2, 'ReadyForNewScale', 'True TooFewReplicas']],
  ])('with a behavior: %s', (_, current, wanted, past, spec, expected) => expect(plain(current, wanted, past, spec)).toEqual(expected));

  test('is remembered for an hour', () => {
    const past = rememberChange(remember(history([[4000, 1], [10, 2]], [[4000, 1]]), 3, now.getTime()), 5, 3, now.getTime());
    expect(past).toEqual({ recommendations: [{ at: at(10), replicas: 2 }, { at: at(0), replicas: 3 }], ups: [], downs: [{ at: at(0), change: 2 }] });
  });
});

describe('an autoscaler', () => {
  test('follows its metric', () => {
    const plan = look(2, 1600);
    expect(plan.rescale).toEqual({ replicas: 4, reason: 'cpu resource utilization (percentage of request) above target' });
    const { status, events, history: past } = rescaled(plan, 2, now);
    expect(status).toMatchObject({ currentReplicas: 2, desiredReplicas: 4, lastScaleTime: '2026-01-01T12:00:00Z', currentMetrics: [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 160, averageValue: '1600m' } } }] });
    expect(conditions(status)).toEqual(['AbleToScale=True SucceededRescale', 'ScalingActive=True ValidMetricFound', 'ScalingLimited=False DesiredWithinRange']);
    expect(events).toEqual([{ type: 'Normal', reason: 'SuccessfulRescale', message: 'New size: 4; reason: cpu resource utilization (percentage of request) above target' }]);
    expect(past.ups).toEqual([{ at: at(0), change: 2 }]);
    expect(conditions(notRescaled(plan, 2, 'no', now).status)[0]).toBe('AbleToScale=False FailedUpdateScale');
    expect(look(2, 800).rescale).toBeUndefined();
  });

  test('takes nothing away at its first look, and down after five minutes', () => {
    expect(look(4, 100).rescale).toBeUndefined();
    expect(conditions(look(4, 100).status)[0]).toBe('AbleToScale=True ScaleDownStabilized');
    expect(look(4, 100, { history: history([[301, 4]]) }).rescale).toEqual({ replicas: 1, reason: 'All metrics below target' });
  });

  test.each<[string, number, Partial<Spec>, unknown, string]>([
    ['nothing is done for a target that was scaled to zero', 0, {}, undefined, 'ScalingActive=False ScalingDisabled'],
    ['too many are made fewer', 12, {}, { replicas: 10, reason: 'Current number of replicas above Spec.MaxReplicas' }, ''],
    ['too few are made more', 1, { minReplicas: 3 }, { replicas: 3, reason: 'Current number of replicas below Spec.MinReplicas' }, ''],
  ])('without metrics: %s', (_, replicas, spec, rescale, condition) => {
    const of = hpa(spec);
    expect(needsMetrics(of, scale(replicas))).toBe(false);
    const plan = look(replicas, 0, { hpa: of });
    expect(plan.rescale).toEqual(rescale);
    if (condition) expect(conditions(plan.status)).toContain(condition);
  });

  test('takes the largest of several metrics, and scales up though one is unknown', () => {
    const metrics: Spec['metrics'] = [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
      { type: 'ContainerResource', containerResource: { name: 'memory', container: 'c', target: { type: 'AverageValue', averageValue: '100' } } },
      { type: 'Pods', pods: { metric: { name: 'requests' }, target: { type: 'AverageValue', averageValue: '5' } } },
    ];
    const plan = look(2, 800, { hpa: hpa({ metrics }), usage: usage(2, 800, 150_000) });
    expect(plan.rescale).toEqual({ replicas: 3, reason: 'memory resource above target' });
    expect(plan.status.currentMetrics).toMatchObject([{ resource: { current: { averageUtilization: 80 } } }, { containerResource: { name: 'memory', container: 'c', current: { averageValue: '150' } } }]);
    expect(plan.events).toEqual([{ type: 'Warning', reason: 'FailedGetPodsMetric', message: 'failed to get pods metric value: unable to get metric requests: unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered' }]);
    // What cannot be known might need the pods that would go.
    const idle = look(2, 10, { hpa: hpa({ metrics }), usage: usage(2, 10, 10_000), history: history([[400, 2]]) });
    expect([idle.rescale, conditions(idle.status)[1]]).toEqual([undefined, 'ScalingActive=False FailedGetPodsMetric']);
  });

  test.each<[string, Partial<AutoscalerInput>, string, string]>([
    ['no metrics at all', { usage: [] }, 'FailedGetResourceMetric', 'the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API'],
    ['a metrics API that fails', { usage: new Error('gone') }, 'FailedGetResourceMetric', 'the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: gone'],
    ['a container that is not there', { hpa: hpa({ metrics: [{ type: 'ContainerResource', containerResource: { name: 'cpu', container: 'x', target: { type: 'Utilization', averageUtilization: 50 } } }] }) }, 'FailedGetContainerResourceMetric', 'the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for resource cpu: container x not present in metrics for pod demo/p0'],
    ['an external metric', { hpa: hpa({ metrics: [{ type: 'External', external: { metric: { name: 'queue' }, target: { type: 'Value', value: '5' } } }] }) }, 'FailedGetExternalMetric', 'the HPA was unable to compute the replica count: failed to get queue external metric: unable to get external metric demo/queue/nil: unable to fetch metrics from external metrics API: the server could not find the requested resource (get queue.external.metrics.k8s.io)'],
    ['no selector', { selectorProblem: { reason: 'InvalidSelector', message: 'no', event: { reason: 'SelectorRequired', message: 'selector is required' } } }, 'InvalidSelector', 'no'],
  ])('%s is said', (_, more, reason, message) => {
    const { status, rescale, events } = look(2, 500, more);
    expect(rescale).toBeUndefined();
    expect(status.conditions?.find(({ type }) => type === 'ScalingActive')).toMatchObject({ status: 'False', reason, message });
    expect(events.at(-1)).toMatchObject({ type: 'Warning', reason: 'FailedComputeMetricsReplicas' });
  });

  test('a target without scale is said', () => expect(withoutScale(hpa(), 'deployments.apps "web" not found', now)).toMatchObject({ status: { conditions: [{ type: 'AbleToScale', status: 'False', reason: 'FailedGetScale', message: 'the HPA controller was unable to get the target\'s current scale: deployments.apps "web" not found' }] }, events: [{ reason: 'FailedGetScale' }] }));
});

describe('autoscaling/v1', () => {
  test('has a field for CPU and annotations for the rest, and nothing is lost on the way', () => {
    const of = hpa({
      minReplicas: 2,
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } }, { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } } }],
      behavior: { scaleDown: { stabilizationWindowSeconds: 5 } },
    });
    of.status = { currentReplicas: 3, desiredReplicas: 4, currentMetrics: [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 90, averageValue: '900m' } } }] };
    const v1 = toV1(of);
    expect(v1.spec).toEqual({ scaleTargetRef: of.spec.scaleTargetRef, minReplicas: 2, maxReplicas: 10, targetCPUUtilizationPercentage: 70 });
    expect(v1.status).toEqual({ currentReplicas: 3, desiredReplicas: 4, currentCPUUtilizationPercentage: 90 });
    expect(JSON.parse(v1.metadata.annotations?.['autoscaling.alpha.kubernetes.io/metrics'] ?? '')).toEqual([{ type: 'Resource', resource: { name: 'memory', targetAverageValue: '1Gi' } }]);
    const back = fromV1(v1);
    expect(back.spec).toEqual({ ...of.spec, metrics: [of.spec.metrics?.[1], of.spec.metrics?.[0]] });
    expect(back.metadata).toEqual(of.metadata);
  });
});
