/** Who gives way to whom. */
import { describe, expect, test } from 'vitest';
import type { Node, Pod } from '../../../../../src/api/kinds/core.ts';
import type { PodDisruptionBudget } from '../../../../../src/api/kinds/policy.ts';
import { Cluster } from '../../../../../src/controlplane/pod/scheduler/node-info.ts';
import { demandOf } from '../../../../../src/controlplane/pod/scheduler/pod-demand.ts';
import { findPreemption } from '../../../../../src/controlplane/pod/scheduler/preemption.ts';
import { schedule } from '../../../../../src/controlplane/pod/scheduler/schedule.ts';

const node = (name: string): Node => ({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { host: name } }, status: { allocatable: { cpu: '4', memory: '8Gi', pods: '10' } } });
/** `name:priority:cpu:minutes of age`. */
const pod = (text: string, spec: Partial<Pod['spec']> = {}, labels: Record<string, string> = {}): Pod => {
  const [name = '', priority = '0', cpu = '1', age = '0'] = text.split(':');
  return {
    apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'demo', uid: name, labels: { app: name, ...labels } },
    spec: { priority: Number(priority), containers: [{ name: 'c', image: 'a', resources: { requests: { cpu } } }], ...spec }, status: { startTime: new Date(Date.parse('2026-01-01T12:00:00Z') - Number(age) * 60_000).toISOString() },
  } as Pod;
};
const cluster = (placed: Record<string, (string | Pod)[]>): Cluster => {
  const all = new Cluster();
  for (const [name, list] of Object.entries(placed)) {
    all.putNode(node(name));
    for (const one of list) {
      const made = typeof one === 'string' ? pod(one) : one;
      all.putPod({ ...made, spec: { ...made.spec, nodeName: name } });
    }
  }
  return all;
};
const budget = (app: string, disruptionsAllowed: number): PodDisruptionBudget => ({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: app, namespace: 'demo' }, spec: { selector: { matchLabels: { app } } }, status: { disruptionsAllowed, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 } });

/** `node: victims`, or why there are none. */
function outcome(one: Pod, on: Cluster, budgets: PodDisruptionBudget[] = []): string {
  const demand = demandOf(one);
  const before = JSON.stringify(on.list().map((info) => [info.name, info.usedMilliCpu, [...info.pods.keys()].sort()]));
  const placed = schedule(demand, on);
  if ('node' in placed) return `fits ${placed.node}`;
  const found = findPreemption(demand, on, placed.candidates, budgets);
  expect(JSON.stringify(on.list().map((info) => [info.name, info.usedMilliCpu, [...info.pods.keys()].sort()]))).toBe(before);
  return found ? `${found.node}: ${found.victims.map(({ metadata }) => metadata.name).join(' ')}` : 'nobody';
}

const alone = { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'host', labelSelector: { matchLabels: { tier: 'x' } } }] } } };

describe('pods that give way', () => {
  test.each<[string, Pod, Cluster, PodDisruptionBudget[], string]>([
    ['are not needed where there is room', pod('new:10:1'), cluster({ a: ['old:0:3'] }), [], 'fits a'],
    ['are less important', pod('new:10:2'), cluster({ a: ['equal:10:2', 'low:0:2'] }), [], 'a: low'],
    ['are none where all are as important', pod('new:10:2'), cluster({ a: ['x:10:2', 'y:11:2'] }), [], 'nobody'],
    ['are as few as will do', pod('new:10:2'), cluster({ a: ['x:1:2', 'y:2:1', 'z:3:1'] }), [], 'a: x'],
    ['are the youngest of equals', pod('new:10:2'), cluster({ a: ['young:0:2:1', 'old:0:2:90'] }), [], 'a: young'],
    ['are on the node where the least important suffice', pod('new:10:4'), cluster({ a: ['x:5:4'], b: ['y:1:2', 'z:1:2'] }), [], 'b: y z'],
    ['are few rather than many', pod('new:10:4'), cluster({ a: ['x:1:2', 'y:1:2'], b: ['z:1:4'] }), [], 'b: z'],
    ['are those that began last', pod('new:10:4'), cluster({ a: ['x:1:4:90'], b: ['y:1:4:1'] }), [], 'b: y'],
    ['leave budgets whole where they can', pod('new:10:4'), cluster({ a: ['x:0:4'], b: ['y:1:4'] }), [budget('x', 0)], 'b: y'],
    ['are spared by their budget on a node', pod('new:10:2'), cluster({ a: ['x:0:2:1', 'y:0:2:90'] }), [budget('x', 0)], 'a: y'],
    ['break a budget where nothing else helps', pod('new:10:4'), cluster({ a: ['x:0:4'] }), [budget('x', 0)], 'a: x'],
    ['are of no use where the node itself is wrong', pod('new:10:4', { nodeSelector: { host: 'z' } }), cluster({ a: ['x:0:4'] }), [], 'nobody'],
    ['are of no use where the node is too small', pod('new:10:8'), cluster({ a: ['x:0:4'] }), [], 'nobody'],
    ['are those that must not be near', pod('new:10:1', alone), cluster({ a: [pod('x:0:1', {}, { tier: 'x' }), 'y:0:1'] }), [], 'a: x'],
    ['are no parts of the platform', pod('new:10:4'), cluster({ a: [{ ...pod('x:0:4'), metadata: { ...pod('x:0:4').metadata, annotations: { 'kubernetes.io/config.mirror': 'x' } } }] }), [], 'nobody'],
  ])('%s', (_, one, on, budgets, expected) => expect(outcome(one, on, budgets)).toBe(expected));
});

test('the place they made is kept, but not from somebody more important', () => {
  const on = cluster({ a: ['old:0:2'] });
  on.nominated.set('new', { demand: demandOf(pod('new:10:3')), node: 'a' });
  expect(outcome(pod('other:5:2'), on)).toBe('nobody');
  expect(outcome(pod('better:11:1'), on)).toBe('fits a');
  on.removePod('old');
  expect(outcome(pod('new:10:3'), on)).toBe('fits a');
  on.place(demandOf(pod('new:10:3')), 'a');
  expect(on.nominated.size).toBe(0);
});
