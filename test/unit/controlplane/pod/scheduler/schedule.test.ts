import { describe, expect, test } from 'vitest';
import type { Node, Pod } from '../../../../../src/api/kinds/core.ts';
import { Cluster } from '../../../../../src/controlplane/pod/scheduler/node-info.ts';
import { demandOf } from '../../../../../src/controlplane/pod/scheduler/pod-demand.ts';
import { schedule } from '../../../../../src/controlplane/pod/scheduler/schedule.ts';

const node = (name: string, more: { labels?: Record<string, string>; spec?: Node['spec']; cpu?: string; memory?: string; pods?: string } = {}): Node => ({
  apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { zone: name.slice(0, 1), ...more.labels } }, ...(more.spec && { spec: more.spec }),
  status: { allocatable: { cpu: more.cpu ?? '4', memory: more.memory ?? '8Gi', pods: more.pods ?? '10' } },
});
let serial = 0;
const pod = (spec: Partial<Pod['spec']> = {}, metadata: Partial<Pod['metadata']> = {}): Pod => {
  const name = metadata.name ?? `p${serial++}`;
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'demo', uid: name, ...metadata }, spec: { containers: [{ name: 'web', image: 'a' }], ...spec } };
};
const asks = (cpu: string, memory = '1Gi') => ({ containers: [{ name: 'web', image: 'a', resources: { requests: { cpu, memory } } }] });

function cluster(nodes: Node[], placed: [Pod, string][] = []): Cluster {
  const all = new Cluster();
  for (const one of nodes) all.putNode(one);
  for (const [one, where] of placed) all.putPod({ ...one, spec: { ...one.spec, nodeName: where } });
  return all;
}
const place = (one: Pod, on: Cluster): string => {
  const found = schedule(demandOf(one), on);
  return 'node' in found ? found.node : found.message.replace(/\. preemption:.*/, '');
};

const tainted = { taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' as const }] };

describe('a pod', () => {
  test.each<[string, Pod, Cluster, string]>([
    ['goes where there is room', pod(asks('2')), cluster([node('a', { cpu: '1' }), node('b')]), 'b'],
    ['goes where most is free', pod(asks('1')), cluster([node('a'), node('b')], [[pod(asks('1')), 'a']]), 'b'],
    ['counts init containers at their peak', pod({ ...asks('1'), initContainers: [{ name: 'i', image: 'a', resources: { requests: { cpu: '3' } } }] }), cluster([node('a', { cpu: '2' })]), '0/1 nodes are available: 1 Insufficient cpu'],
    ['follows its node selector', pod({ nodeSelector: { disk: 'ssd' } }), cluster([node('a'), node('b', { labels: { disk: 'ssd' } })]), 'b'],
    ['follows its runtime label', pod({}, { labels: { 'slipway.dev/runtime': 'process' } }), cluster([node('a', { labels: { 'slipway.dev/runtime': 'sandbox' } }), node('b', { labels: { 'slipway.dev/runtime': 'process' } })]), 'b'],
    ['follows required affinity', pod({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'NotIn', values: ['a'] }] }] } } } }), cluster([node('a'), node('b')]), 'b'],
    ['follows affinity by name', pod({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['b'] }] }] } } } }), cluster([node('a'), node('b')]), 'b'],
    ['prefers as told', pod({ affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, preference: { matchExpressions: [{ key: 'zone', operator: 'In', values: ['b'] }] } }] } } }), cluster([node('a'), node('b'), node('c')]), 'b'],
    ['stays off taints', pod(), cluster([node('a', { spec: tainted })]), '0/1 nodes are available: 1 node(s) had untolerated taint {gpu: yes}'],
    ['tolerates taints', pod({ tolerations: [{ key: 'gpu', operator: 'Exists' }] }), cluster([node('a', { spec: tainted })]), 'a'],
    ['stays off cordoned nodes', pod(), cluster([node('a', { spec: { unschedulable: true } })]), '0/1 nodes are available: 1 node(s) were unschedulable'],
    ['needs its host port free', pod({ containers: [{ name: 'w', image: 'a', ports: [{ containerPort: 80, hostPort: 80 }] }] }), cluster([node('a'), node('b')], [[pod({ containers: [{ name: 'w', image: 'a', ports: [{ containerPort: 8080, hostPort: 80 }] }] }), 'a']]), 'b'],
    ['needs a place in the node\'s count', pod(), cluster([node('a', { pods: '1' })], [[pod(), 'a']]), '0/1 nodes are available: 1 Too many pods'],
    ['goes beside what it wants near', pod({ affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', labelSelector: { matchLabels: { app: 'db' } } }] } } }), cluster([node('a'), node('b')], [[pod({}, { labels: { app: 'db' } }), 'b']]), 'b'],
    ['stays away from its like', pod({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', labelSelector: { matchLabels: { app: 'web' } } }] } } }, { labels: { app: 'web' } }), cluster([node('a'), node('b')], [[pod({}, { labels: { app: 'web' } }), 'a']]), 'b'],
    ['respects who wants to be alone', pod({}, { labels: { app: 'web' } }), cluster([node('a'), node('b')], [[pod({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', labelSelector: { matchLabels: { app: 'web' } } }] } } }), 'a']]), 'b'],
    ['keeps its skew', pod({ topologySpreadConstraints: [{ topologyKey: 'zone', maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app: 'web' } } }] }, { labels: { app: 'web' } }), cluster([node('a', { cpu: '64' }), node('b')], [[pod({}, { labels: { app: 'web' } }), 'a']]), 'b'],
  ])('%s', (_name, one, on, expected) => {
    expect(place(one, on)).toBe(expected);
  });

  test('is told all reasons, counted and sorted, and whether preemption would help', () => {
    const found = schedule(demandOf(pod(asks('8'))), cluster([node('a'), node('b'), node('c', { spec: { unschedulable: true } })]));
    expect(found).toMatchObject({ candidates: ['a', 'b'], message: '0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. preemption: 0/3 nodes are available: 2 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.' });
    expect(schedule(demandOf(pod()), cluster([]))).toMatchObject({ message: 'no nodes available to schedule pods' });
  });
});

describe('a pod with preferences', () => {
  const db = (where: string, labels = { app: 'db' }, metadata: Partial<Pod['metadata']> = {}): [Pod, string] => [pod({}, { labels, ...metadata }), where];
  const term = (app: string, more: object = {}) => ({ topologyKey: 'zone', labelSelector: { matchLabels: { app } }, ...more });
  const likes = (app: string, more: object = {}) => pod({ affinity: { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: term(app, more) }] } } } as Partial<Pod['spec']>, { labels: { app: 'web' } });
  const shuns = (app: string) => pod({ affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: term(app) }] } } } as Partial<Pod['spec']>, { labels: { app: 'web' } });
  const evenly = (more: object = {}, app = 'web') => pod({ topologySpreadConstraints: [{ topologyKey: 'zone', maxSkew: 1, whenUnsatisfiable: 'ScheduleAnyway', labelSelector: { matchLabels: { app } }, ...more }] } as Partial<Pod['spec']>, { labels: { app, version: '2' } });
  const requires = (more: object) => pod({ affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term('db', more)] } } } as Partial<Pod['spec']>, { labels: { app: 'web', version: '2' } });
  const skewed = (more: object) => pod({ topologySpreadConstraints: [{ topologyKey: 'zone', maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app: 'web' } }, ...more }] } as Partial<Pod['spec']>, { labels: { app: 'web', version: '2' } });
  const two = [node('a'), node('b')];
  const web = { app: 'web', version: '1' };
  const elsewhere = (all: Cluster) => { all.namespaces.set('other', { team: 'red' }); return all; };
  test.each<[string, Pod, Cluster, string]>([
    ['goes beside what it likes', likes('db'), cluster(two, [db('b')]), 'b'],
    ['goes where more of them are', likes('db'), cluster(two, [db('a'), db('b'), db('b')]), 'b'],
    ['keeps away from what it shuns', shuns('db'), cluster(two, [db('a')]), 'b'],
    ['keeps away from who shuns it', pod({}, { labels: { app: 'db' } }), cluster(two, [[shuns('db'), 'a']]), 'b'],
    ['goes to who likes it', pod({}, { labels: { app: 'db' } }), cluster(two, [[likes('db'), 'b']]), 'b'],
    ['does without what is nowhere', likes('cache'), cluster([node('a', { cpu: '1' }), node('b')]), 'b'],
    ['sees no other namespace', likes('db'), cluster([node('a', { cpu: '16' }), node('b')], [db('b', { app: 'db' }, { namespace: 'other' })]), 'a'],
    ['sees a namespace it names', likes('db', { namespaces: ['other'] }), cluster(two, [db('b', { app: 'db' }, { namespace: 'other' })]), 'b'],
    ['sees namespaces by their labels', likes('db', { namespaceSelector: { matchLabels: { team: 'red' } } }), elsewhere(cluster(two, [db('b', { app: 'db' }, { namespace: 'other' })])), 'b'],
    ['spreads if it can', evenly(), cluster([node('a', { cpu: '16', memory: '64Gi' }), node('b')], [db('a', web)]), 'b'],
    ['spreads anyhow', evenly(), cluster([node('a'), node('b', { pods: '1' })], [db('a', web), [pod(), 'b']]), 'a'],
    ['must go beside its own version', requires({ matchLabelKeys: ['version'] }), cluster(two, [db('a', { app: 'db', version: '1' } as never), db('b', { app: 'db', version: '2' } as never)]), 'b'],
    ['must go beside another version', requires({ mismatchLabelKeys: ['version'] }), cluster(two, [db('a', { app: 'db', version: '1' } as never), db('b', { app: 'db', version: '2' } as never)]), 'a'],
    ['must spread over more domains than there are', skewed({ minDomains: 3 }), cluster(two, [db('a', web), db('b', web)]), "0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints"],
    ['spreads by its own version', skewed({ matchLabelKeys: ['version'] }), cluster([node('a', { cpu: '64', memory: '64Gi' }), node('b')], [db('a', web)]), 'a'],
    ['counts only nodes it may use', skewed({ nodeTaintsPolicy: 'Honor' }), cluster([node('a'), node('b', { spec: tainted })], [db('a', web)]), 'a'],
  ])('%s', (_, one, on, expected) => expect(place(one, on)).toBe(expected));
});

describe('other resources', () => {
  const gpu = (count: string) => pod({ containers: [{ name: 'c', image: 'a', resources: { requests: { 'example.com/gpu': count } } }] });
  const withGpu = (name: string, count: string): Node => { const made = node(name); return { ...made, status: { allocatable: { ...made.status?.allocatable, 'example.com/gpu': count } } }; };
  test.each<[string, Pod, Cluster, string]>([
    ['are where they are', gpu('1'), cluster([node('a'), withGpu('b', '2')]), 'b'],
    ['are used up', gpu('2'), cluster([withGpu('b', '2')], [[gpu('1'), 'b']]), '0/1 nodes are available: 1 Insufficient example.com/gpu'],
    ['on disk are unbounded where a node says nothing of it', pod({ containers: [{ name: 'c', image: 'a', resources: { requests: { 'ephemeral-storage': '1Ti' } } }] }), cluster([node('a')]), 'a'],
  ])('%s', (_, one, on, expected) => expect(place(one, on)).toBe(expected));
});

describe('pods of one controller', () => {
  test('are spread over nodes', () => {
    const on = cluster([node('a'), node('b'), node('c')]);
    const counts: Record<string, number> = {};
    for (let index = 0; index < 9; index++) {
      const one = demandOf(pod({}, { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'rs', uid: 'rs', controller: true }] }));
      const found = schedule(one, on);
      if (!('node' in found)) throw new Error(found.message);
      on.place(one, found.node);
      counts[found.node] = (counts[found.node] ?? 0) + 1;
    }
    expect(counts).toEqual({ a: 3, b: 3, c: 3 });
  });
});

describe('the cluster', () => {
  test('gives room back when a pod goes or ends, and keeps it over a node that comes late', () => {
    const on = cluster([node('a')]);
    const big = { ...pod(asks('4')), spec: { ...pod(asks('4')).spec, nodeName: 'a' } };
    on.putPod(big);
    expect(place(pod(asks('1')), on)).toContain('Insufficient cpu');
    on.putPod({ ...big, status: { phase: 'Succeeded' } });
    expect(place(pod(asks('1')), on)).toBe('a');
    on.putPod({ ...big, spec: { ...big.spec, nodeName: 'late' } });
    on.putNode(node('late'));
    expect(on.nodes.get('late')?.usedMilliCpu).toBe(4000);
    on.removePod(big.metadata.uid ?? '');
    expect(on.nodes.get('late')?.usedMilliCpu).toBe(0);
  });
});
