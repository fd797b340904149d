import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { replicaSets, statefulSets, deployments } from '../../../../src/api/kinds/apps.ts';
import { horizontalPodAutoscalers, horizontalPodAutoscalersV1, type HorizontalPodAutoscaler, type Scale } from '../../../../src/api/kinds/autoscaling.ts';
import { pods, replicationControllers } from '../../../../src/api/kinds/core.ts';
import { deploymentConfigs } from '../../../../src/api/kinds/deployment-config.ts';
import type { KubeObject } from '../../../../src/api/meta.ts';
import type { Resource } from '../../../../src/api/resource.ts';
import type { StatusError } from '../../../../src/api/status.ts';
import { eventually } from '../../../support/eventually.ts';
import { startWorkloads, template, type WorkloadPlatform } from '../../../support/workload-platform.ts';

let platform: WorkloadPlatform;
beforeAll(async () => {
  platform = await startWorkloads();
});
afterAll(() => platform.dispose());

const namespace = 'demo';
const hpa = (name: string, target: { apiVersion: string; kind: string; name: string }, spec: Partial<HorizontalPodAutoscaler['spec']> = {}): HorizontalPodAutoscaler => ({ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name, namespace }, spec: { scaleTargetRef: target, minReplicas: 2, maxReplicas: 3, ...spec } });
const refused = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'accepted', (error: StatusError) => error.message);
const create = (object: KubeObject, of: Resource = horizontalPodAutoscalers) => platform.client.create(of, object, { namespace });

describe('an autoscaler of', () => {
  const labels = (name: string) => ({ app: name });
  const selector = (name: string) => ({ matchLabels: labels(name) });
  test.each<[Resource, string, (name: string) => object]>([
    [deployments, 'apps/v1', (name) => ({ selector: selector(name), template: template('i', labels(name)) })],
    [replicaSets, 'apps/v1', (name) => ({ selector: selector(name), template: template('i', labels(name)) })],
    [statefulSets, 'apps/v1', (name) => ({ serviceName: name, selector: selector(name), template: template('i', labels(name)) })],
    [replicationControllers, 'v1', (name) => ({ selector: labels(name), template: template('i', labels(name)) })],
    [deploymentConfigs, 'apps.openshift.io/v1', (name) => ({ replicas: 1, selector: labels(name), template: template('i', labels(name)) })],
  ])('$kind scales it', async (of, apiVersion, spec) => {
    const name = `of-${of.singular}`;
    await create({ apiVersion, kind: of.kind, metadata: { name, namespace }, spec: spec(name) } as KubeObject, of);
    await create(hpa(name, { apiVersion, kind: of.kind, name }));
    await eventually(async () => {
      const scale = (await platform.client.get(of, { namespace, name, subresource: 'scale' })) as unknown as Scale;
      expect(scale.spec.replicas).toBe(2);
      expect((await platform.client.get(horizontalPodAutoscalers, { namespace, name })).status).toMatchObject({ currentReplicas: 1, desiredReplicas: 2, conditions: [{ type: 'AbleToScale', status: 'True', reason: 'SucceededRescale', message: 'the HPA controller was able to update the target scale to 2' }] });
      expect(await platform.story(name)).toContain('SuccessfulRescale');
    });
  });

  test('pods that another follows too says so', async () => {
    const name = 'shared';
    await create({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace }, spec: { selector: selector(name), template: template('i', labels(name)) } } as KubeObject, deployments);
    await eventually(async () => (await platform.client.list(pods, { namespace, labelSelector: 'app=shared' })).items.length).toBe(1);
    const target = { apiVersion: 'apps/v1', kind: 'Deployment', name };
    for (const one of ['one', 'two']) await create(hpa(one, target, { minReplicas: 1 }));
    const active = async (one: string) => (await platform.client.get(horizontalPodAutoscalers, { namespace, name: one })).status?.conditions?.find(({ type }) => type === 'ScalingActive');
    for (const one of ['one', 'two']) await eventually(() => active(one)).toMatchObject({ status: 'False' });
    // Another rule makes it look again at once, now that both are known.
    await platform.client.patch(horizontalPodAutoscalers, { namespace, name: 'one' }, 'merge', { spec: { maxReplicas: 4 } });
    await eventually(() => active('one')).toMatchObject({ status: 'False', reason: 'AmbiguousSelector', message: 'pods by selector app=shared are controlled by multiple HPAs: [demo/one demo/two]' });
  });

  test.each<[string, { apiVersion: string; kind: string; name: string }, string]>([
    ['nothing', { apiVersion: 'apps/v1', kind: 'Deployment', name: 'nobody' }, 'deployments.apps "nobody" not found'],
    ['a kind that is not served', { apiVersion: 'example.com/v1', kind: 'Gadget', name: 'x' }, 'no matches for kind "Gadget" in group "example.com"'],
    ['what has no replicas', { apiVersion: 'v1', kind: 'ConfigMap', name: 'x' }, 'the server could not find the requested resource (configmaps has no scale)'],
  ])('%s says so', async (_, target, message) => {
    const name = `lost-${target.kind.toLowerCase()}`;
    await create(hpa(name, target));
    await eventually(async () => expect((await platform.client.get(horizontalPodAutoscalers, { namespace, name })).status?.conditions).toMatchObject([{ type: 'AbleToScale', status: 'False', reason: 'FailedGetScale', message: `the HPA controller was unable to get the target's current scale: ${message}` }]));
  });
});

describe('the API', () => {
  const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'nobody' };
  test('fills in what is absent', async () => {
    const made = (await create(hpa('defaults', target, { behavior: { scaleDown: { stabilizationWindowSeconds: 5 } } }))) as HorizontalPodAutoscaler;
    expect(made.spec).toEqual({
      scaleTargetRef: target, minReplicas: 2, maxReplicas: 3, metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }],
      behavior: {
        scaleUp: { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }, { type: 'Percent', value: 100, periodSeconds: 15 }] },
        scaleDown: { stabilizationWindowSeconds: 5, selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] },
      },
    });
  });

  test.each<[string, Partial<HorizontalPodAutoscaler['spec']>, string]>([
    ['no maximum', { maxReplicas: 0 }, 'spec.maxReplicas: Invalid value: 0: must be greater than 0'],
    ['a maximum below the minimum', { minReplicas: 5 }, 'spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`'],
    ['no name of a target', { scaleTargetRef: { kind: 'Deployment', name: '' } }, 'spec.scaleTargetRef.name: Required value'],
    ['a metric without aim', { metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization' } } }] }, 'spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization'],
    ['a metric without source', { metrics: [{ type: 'Pods' }] }, 'spec.metrics[0].pods: Required value: must populate information for the given metric source'],
    ['an unknown metric', { metrics: [{ type: 'Moon' }] }, 'spec.metrics[0].type: Unsupported value: "Moon": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"'],
    ['too long a window', { behavior: { scaleUp: { stabilizationWindowSeconds: 4000 } } }, 'spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 4000: must be less than or equal to 3600'],
    ['too long a period', { behavior: { scaleDown: { policies: [{ type: 'Pods', value: 1, periodSeconds: 2000 }] } } }, 'spec.behavior.scaleDown.policies[0].periodSeconds: Invalid value: 2000: must be less than or equal to 1800'],
  ])('refuses %s', async (_, spec, message) => expect(await refused(create(hpa('bad', target, spec)))).toBe(`HorizontalPodAutoscaler.autoscaling "bad" is invalid: ${message}`));

  test('speaks v1 too', async () => {
    await create({ apiVersion: 'autoscaling/v1', kind: 'HorizontalPodAutoscaler', metadata: { name: 'old', namespace }, spec: { scaleTargetRef: target, maxReplicas: 4, targetCPUUtilizationPercentage: 60 } } as KubeObject, horizontalPodAutoscalersV1);
    expect((await platform.client.get(horizontalPodAutoscalers, { namespace, name: 'old' })).spec).toMatchObject({ minReplicas: 1, maxReplicas: 4, metrics: [{ resource: { target: { averageUtilization: 60 } } }] });
    await platform.client.patch(horizontalPodAutoscalersV1, { namespace, name: 'old' }, 'merge', { spec: { maxReplicas: 5 } });
    expect((await platform.client.get(horizontalPodAutoscalersV1, { namespace, name: 'old' })).spec).toMatchObject({ minReplicas: 1, maxReplicas: 5, targetCPUUtilizationPercentage: 60 });
    expect((await platform.table(`/apis/autoscaling/v1/namespaces/${namespace}/horizontalpodautoscalers?fieldSelector=metadata.name=old`)).rows).toEqual([['old', 'Deployment/nobody', 'cpu: <unknown>/60%', '1', 5, 0]]);
  });

  test('shows metrics in a line', async () => {
    await create(hpa('many', target, { metrics: [
      { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } } }, { type: 'Pods', pods: { metric: { name: 'p' }, target: { type: 'AverageValue', averageValue: '5' } } },
      { type: 'External', external: { metric: { name: 'q' }, target: { type: 'Value', value: '5' } } },
    ] }));
    const { columns, rows } = await platform.table(`/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers?fieldSelector=metadata.name=many`);
    expect(columns).toEqual(['Name', 'Reference', 'Targets', 'MinPods', 'MaxPods', 'Replicas']);
    expect(rows).toEqual([['many', 'Deployment/nobody', 'memory: <unknown>/1Gi, <unknown>/5 + 1 more...', '2', 3, 0]]);
  });
});

