import { describe, expect, test } from 'vitest';
import type { DaemonSet } from '../../../../../src/api/kinds/apps.ts';
import type { Node, Pod } from '../../../../../src/api/kinds/core.ts';
import { daemonDemand, daemonTemplate, nodeOf, placement } from '../../../../../src/controlplane/deployment/daemon-set/daemon-pod.ts';
import { planDaemonSet } from '../../../../../src/controlplane/deployment/daemon-set/daemon-set-plan.ts';
import { FailureBackoff } from '../../../../../src/controlplane/deployment/daemon-set/failure-backoff.ts';

const now = new Date('2026-01-01T01:00:00Z');
type Spec = DaemonSet['spec'];
const set = (spec: Partial<Spec> = {}, pod: Partial<NonNullable<Spec['template']['spec']>> = {}): DaemonSet => ({
  apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'agent', namespace: 'demo', uid: 'u', generation: 2, annotations: { 'deprecated.daemonset.template.generation': '3' } },
  spec: { selector: { matchLabels: { app: 'agent' } }, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } }, template: { metadata: { labels: { app: 'agent' } }, spec: { containers: [{ name: 'c', image: 'i' }], ...pod } }, ...spec },
});
const node = (name: string, { labels = {}, taints }: { labels?: Record<string, string>; taints?: NonNullable<Node['spec']>['taints'] } = {}): Node => ({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } }, ...(taints && { spec: { taints } }) });
const nodes = ['a', 'b', 'c'].map((name) => node(name));
/** `a`, `a:old`, `a:new:unready`, `a:new:gone`, `a:new:Failed`: the node, the revision, what about it. */
const pod = (text: string): Pod => {
  const [on = '', revision = 'new', state = 'ready'] = text.split(':');
  return {
    apiVersion: 'v1', kind: 'Pod',
    metadata: { name: text.replaceAll(':', '-'), namespace: 'demo', labels: { app: 'agent', 'controller-revision-hash': revision }, creationTimestamp: `2026-01-01T00:0${revision === 'old' ? 0 : 1}:00Z`, ...(state === 'gone' && { deletionTimestamp: '2026-01-01T00:59:59Z' }) },
    spec: { nodeName: on, containers: [] },
    status: { phase: (['Failed', 'Succeeded'].includes(state) ? state : 'Running') as 'Running', conditions: [{ type: 'Ready', status: state === 'ready' || state === 'fresh' ? 'True' : 'False', lastTransitionTime: state === 'fresh' ? '2026-01-01T00:59:55Z' : '2026-01-01T00:30:00Z' }] },
  };
};
const plan = (pods: string[], { of = set(), on = nodes, backoffMs = 0 }: { of?: DaemonSet; on?: Node[]; backoffMs?: number } = {}) => {
  const { create, remove, ...rest } = planDaemonSet({ set: of, hash: 'new', nodes: on, pods: pods.map(pod), backoffMs: () => backoffMs, now });
  return { create, remove: remove.map(({ metadata }) => metadata.name), ...rest };
};
const rolling = (rollingUpdate: object, more: Partial<Spec> = {}) => set({ updateStrategy: { type: 'RollingUpdate', rollingUpdate }, ...more });

describe('a node', () => {
  const taint = (effect: 'NoSchedule' | 'NoExecute' | 'PreferNoSchedule', key = 'special') => node('a', { taints: [{ key, effect }] });
  const affinity = (key: string, value: string) => ({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'In' as const, values: [value] }] }] } } } });
  test.each<[string, DaemonSet, Node, boolean, boolean]>([
    ['without anything', set(), node('a'), true, true],
    ['of another name', set({}, { nodeName: 'b' }), node('a'), false, false],
    ['whose labels do not fit', set({}, { nodeSelector: { disk: 'ssd' } }), node('a'), false, false],
    ['whose labels fit', set({}, { nodeSelector: { disk: 'ssd' } }), node('a', { labels: { disk: 'ssd' } }), true, true],
    ['that affinity refuses', set({}, affinity('disk', 'ssd')), node('a'), false, false],
    ['that affinity asks for', set({}, affinity('disk', 'ssd')), node('a', { labels: { disk: 'ssd' } }), true, true],
    ['with a taint for new pods', set(), taint('NoSchedule'), false, true],
    ['with a taint for all pods', set(), taint('NoExecute'), false, false],
    ['that is merely avoided', set(), taint('PreferNoSchedule'), true, true],
    ['with a tolerated taint', set({}, { tolerations: [{ key: 'special', operator: 'Exists' }] }), taint('NoExecute'), true, true],
    ['that is cordoned', set(), taint('NoSchedule', 'node.kubernetes.io/unschedulable'), true, true],
    ['that is away', set(), taint('NoExecute', 'node.kubernetes.io/unreachable'), true, true],
    ['that is short of memory', set(), taint('NoSchedule', 'node.kubernetes.io/memory-pressure'), true, true],
  ])('%s', (_, of, on, run, stay) => expect(placement(daemonDemand(of), on)).toEqual({ run, stay }));

  test('is named by the affinity of its pod, which tolerates what is wrong with nodes', () => {
    const { metadata, spec } = daemonTemplate(set({}, { hostNetwork: true, tolerations: [{ key: 'mine', operator: 'Exists' }] }), 'b', 'h1');
    expect(metadata?.labels).toEqual({ app: 'agent', 'controller-revision-hash': 'h1', 'pod-template-generation': '3' });
    expect(spec.affinity).toEqual({ nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['b'] }] }] } } });
    expect(spec.tolerations?.map(({ key, effect }) => `${key} ${effect}`)).toEqual([
      'mine undefined', 'node.kubernetes.io/not-ready NoExecute', 'node.kubernetes.io/unreachable NoExecute', 'node.kubernetes.io/disk-pressure NoSchedule', 'node.kubernetes.io/memory-pressure NoSchedule',
      'node.kubernetes.io/pid-pressure NoSchedule', 'node.kubernetes.io/unschedulable NoSchedule', 'node.kubernetes.io/network-unavailable NoSchedule',
    ]);
    expect(nodeOf({ ...pod('x'), spec: { ...spec, nodeName: undefined } as unknown as Pod['spec'] })).toBe('b');
  });
});

describe('pods', () => {
  test('come to every node, one each', () => {
    expect(plan([])).toMatchObject({ create: ['a', 'b', 'c'], remove: [], status: { desiredNumberScheduled: 3, currentNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0, numberUnavailable: 3, observedGeneration: 2 } });
    expect(plan(['a', 'b'])).toMatchObject({ create: ['c'], remove: [] });
    expect(plan(['a', 'b', 'c'])).toMatchObject({ create: [], remove: [], status: { desiredNumberScheduled: 3, currentNumberScheduled: 3, numberReady: 3, numberAvailable: 3, updatedNumberScheduled: 3 } });
    expect(plan(['a', 'a:new:unready', 'b', 'c'])).toMatchObject({ create: [], remove: ['a-new-unready'] });
  });

  test('wait for the end of the one before them', () => expect(plan(['a:new:gone', 'b', 'c']).create).toEqual([]));

  test('leave nodes that are not theirs, and stay where only new ones are refused', () => {
    const on = [node('a', { taints: [{ key: 'x', effect: 'NoSchedule' }] }), node('b', { taints: [{ key: 'x', effect: 'NoExecute' }] }), node('c')];
    expect(plan(['a', 'b', 'c'], { on })).toMatchObject({ create: [], remove: ['b'], status: { desiredNumberScheduled: 1, currentNumberScheduled: 1, numberMisscheduled: 2 } });
  });

  test('that were meant for a node that is gone go before they are placed', () => {
    const lost = pod('z');
    lost.spec = daemonTemplate(set(), 'z', 'new').spec as Pod['spec'];
    const { remove } = planDaemonSet({ set: set(), hash: 'new', nodes, pods: [lost, ...['a', 'b', 'c', 'y'].map(pod)], backoffMs: () => 0, now });
    expect(remove.map(({ metadata }) => metadata.name)).toEqual(['z']);
  });

  test('that ended are made again, those that failed after a pause', () => {
    expect(plan(['a:new:Failed', 'b:new:Succeeded', 'c'])).toMatchObject({
      create: [], remove: ['a-new-Failed', 'b-new-Succeeded'], failed: ['a'],
      events: [{ type: 'Warning', reason: 'FailedDaemonPod', message: 'Found failed daemon pod demo/a-new-Failed on node a, will try to kill it' }, { type: 'Normal', reason: 'SucceededDaemonPod', message: 'Found succeeded daemon pod demo/b-new-Succeeded on node b, will try to delete it' }],
    });
    expect(plan(['a:new:Failed', 'b', 'c'], { backoffMs: 700 })).toMatchObject({ remove: [], failed: [], afterMs: 700 });
    const backoff = new FailureBackoff();
    const left = (seconds: number) => backoff.leftMs('u', 'a', new Date(now.getTime() + seconds * 1000));
    expect(left(0)).toBe(0);
    backoff.note('u', 'a', now);
    expect([left(0), left(1)]).toEqual([1000, 0]);
    for (let times = 0; times < 12; times += 1) backoff.note('u', 'a', now);
    expect(left(0)).toBe(900_000);
  });

  test('nothing happens to a set that is being deleted', () => {
    const of = set();
    of.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    expect(plan(['a', 'a:old'], { of })).toMatchObject({ create: [], remove: [] });
  });
});

describe('a new template', () => {
  test.each<[string, DaemonSet, string[], string[], string[]]>([
    ['replaces one at a time', set(), ['a:old', 'b:old', 'c:old'], [], ['a-old']],
    ['waits while one is missing', set(), ['a:new:unready', 'b:old', 'c:old'], [], []],
    ['waits while one ends', set(), ['a:old:gone', 'b:old', 'c:old'], [], []],
    ['replaces at once what does not serve', set(), ['a:old:unready', 'b:old:unready', 'c:old'], [], ['a-old-unready', 'b-old-unready', 'c-old']],
    ['replaces as many as may be missing', rolling({ maxUnavailable: '50%' }), ['a:old', 'b:old', 'c:old'], [], ['a-old', 'b-old']],
    ['waits for new ones to prove themselves', rolling({ maxUnavailable: 1 }, { minReadySeconds: 60 }), ['a:new:fresh', 'b:old', 'c:old'], [], []],
    ['changes nothing by itself where that is asked', set({ updateStrategy: { type: 'OnDelete' } }), ['a:old', 'b:old', 'c:old'], [], []],
    ['surges one at a time', rolling({ maxSurge: 1, maxUnavailable: 0 }), ['a:old', 'b:old', 'c:old'], ['a'], []],
    ['ends the old one when the new one serves', rolling({ maxSurge: 1, maxUnavailable: 0 }), ['a:old', 'a:new', 'b:old', 'c:old'], [], ['a-old']],
    ['keeps the old one while the new one does not', rolling({ maxSurge: 1, maxUnavailable: 0 }), ['a:old', 'a:new:unready', 'b:old', 'c:old'], [], []],
    ['surges at once where the old one does not serve', rolling({ maxSurge: 1, maxUnavailable: 0 }), ['a:old:unready', 'b:old', 'c:old'], ['a', 'b'], []],
    ['keeps the new one where neither serves', rolling({ maxSurge: 1, maxUnavailable: 0 }), ['a:old:unready', 'a:new:unready', 'b:old', 'c:old'], [], ['a-old-unready']],
    ['surges as many as may', rolling({ maxSurge: '60%', maxUnavailable: 0 }), ['a:old', 'b:old', 'c:old'], ['a', 'b'], []],
  ])('%s', (_, of, pods, create, remove) => expect(plan(pods, { of })).toMatchObject({ create, remove }));

  test('is looked at again when a pod becomes available by staying ready', () => expect(plan(['a:new:fresh', 'b', 'c'], { of: rolling({ maxUnavailable: 1 }, { minReadySeconds: 60 }) }).afterMs).toBe(55_000));
});
