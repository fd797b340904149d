/** Budgets and priorities as the API serves them, with pods that nobody runs. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { priorityClasses } from '../../../../../src/api/kinds/cluster.ts';
import { pods, type Pod } from '../../../../../src/api/kinds/core.ts';
import { podDisruptionBudgets, type PodDisruptionBudget } from '../../../../../src/api/kinds/policy.ts';
import type { KubeObject } from '../../../../../src/api/meta.ts';
import type { StatusError } from '../../../../../src/api/status.ts';
import { smallPlatform, type SmallPlatform } from '../../../../support/agent/small-platform.ts';
import { eventually } from '../../../../support/eventually.ts';

let platform: SmallPlatform;
const namespace = 'demo';
beforeAll(async () => {
  platform = await smallPlatform();
  await platform.project(namespace);
});
afterAll(() => platform.dispose());

const refused = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'accepted', (error: StatusError) => error.message);
const budget = (name: string, spec: PodDisruptionBudget['spec']) => platform.client.create<PodDisruptionBudget>(podDisruptionBudgets, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name, namespace }, spec } as KubeObject, { namespace });
const evict = (name: string, more: object = {}) => platform.client.create(pods, { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name }, ...more } as KubeObject, { namespace, name, subresource: 'eviction' });

describe('evictions', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const allowed = async () => (await platform.client.get(podDisruptionBudgets, { namespace, name: 'web' })).status?.disruptionsAllowed;
  beforeAll(async () => {
    for (const name of names) {
      await platform.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels: { app: 'web' }, finalizers: ['example.com/stay'] }, spec: { schedulerName: 'nobody', containers: [{ name: 'c', image: 'i' }] } } as KubeObject, { namespace });
      await platform.client.patch(pods, { namespace, name, subresource: 'status' }, 'merge', { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } });
    }
    await budget('web', { minAvailable: 3, selector: { matchLabels: { app: 'web' } } });
  });

  test('that come together take no more than the budget has', async () => {
    await eventually(allowed).toBe(2);
    const answers = await Promise.all(names.map((name) => evict(name).then(() => 'evicted', ({ status }: StatusError) => `${status.code} ${status.details?.causes?.[0]?.reason}`)));
    expect(answers.sort()).toEqual(['429 DisruptionBudget', '429 DisruptionBudget', '429 DisruptionBudget', 'evicted', 'evicted']);
    const leaving = (await platform.client.list(pods, { namespace })).items.filter(({ metadata }) => metadata.deletionTimestamp);
    expect(leaving.length).toBe(2);
    for (const { status } of leaving) {
      expect(status?.conditions?.map(({ type }) => type).sort()).toEqual(['DisruptionTarget', 'Ready']);
      expect(status?.conditions?.find(({ type }) => type === 'DisruptionTarget')).toMatchObject({ status: 'True', reason: 'EvictionByEvictionAPI', message: 'Eviction API: evicting' });
    }
    await eventually(allowed).toBe(0);
  });

  test('of a pod that is not there, or goes by another name, are refused', async () => {
    expect(await refused(evict('nobody'))).toBe('pods "nobody" not found');
    expect(await refused(evict('a', { metadata: { name: 'b' } }))).toBe('name in URL does not match name in Eviction object');
  });
});

test.each<[string, PodDisruptionBudget['spec'], string]>([
  ['two aims', { minAvailable: 1, maxUnavailable: 1 }, 'spec: Invalid value: {"minAvailable":1,"maxUnavailable":1}: minAvailable and maxUnavailable cannot be both set'],
  ['a negative number', { minAvailable: -1 }, 'spec.minAvailable: Invalid value: -1: must be greater than or equal to 0'],
  ['more than all', { maxUnavailable: '120%' }, 'spec.maxUnavailable: Invalid value: "120%": must not be greater than 100%'],
  ['an unknown policy', { minAvailable: 1, unhealthyPodEvictionPolicy: 'Never' as never }, 'spec.unhealthyPodEvictionPolicy: Unsupported value: "Never": supported values: "AlwaysAllow", "IfHealthyBudget"'],
  ['a selector that is none', { minAvailable: 1, selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } }, "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"],
])('a budget with %s is refused', async (_, spec, message) => expect(await refused(budget('bad', spec))).toBe(`PodDisruptionBudget.policy "bad" is invalid: ${message}`));

describe('priorities', () => {
  const make = (name: string, value: number, more: object = {}) => platform.client.create(priorityClasses, { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name }, value, ...more } as KubeObject);
  const pod = (name: string, spec: Partial<Pod['spec']> = {}) => platform.run(namespace, name, { schedulerName: 'nobody', ...spec });

  test('come from classes, by name or by default', async () => {
    expect((await pod('usual')).spec.priority).toBe(0);
    await make('high', 100, { preemptionPolicy: 'Never' });
    expect((await pod('named', { priorityClassName: 'high' })).spec).toMatchObject({ priority: 100, preemptionPolicy: 'Never', priorityClassName: 'high' });
    expect((await pod('system', { priorityClassName: 'system-node-critical' })).spec).toMatchObject({ priority: 2_000_001_000, preemptionPolicy: 'PreemptLowerPriority' });
    await make('usual', 7, { globalDefault: true });
    expect((await pod('by-default')).spec).toMatchObject({ priority: 7, priorityClassName: 'usual' });
    expect(await refused(make('other', 8, { globalDefault: true }))).toBe('priorityclasses.scheduling.k8s.io "other" is forbidden: PriorityClass usual is already marked as default. Only one default can exist');
    expect(await refused(pod('own', { priority: 5 }))).toBe('pods "own" is forbidden: the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 7 from the given PriorityClass name');
    await platform.client.delete(priorityClasses, { name: 'usual' });
  });

  test.each<[string, string, number, string]>([
    ['more than a user may', 'huge', 1_000_000_001, 'value: Forbidden: maximum allowed value of a user defined priority is 1000000000'],
    ['a name of the system', 'system-mine', 5, "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class"],
  ])('a class with %s is refused', async (_, name, value, message) => expect(await refused(make(name, value))).toBe(`PriorityClass.scheduling.k8s.io "${name}" is invalid: ${message}`));
});
