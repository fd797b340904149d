/**
 * How many pods a second are placed on 1,000 nodes: by the scheduler's core alone, and from their creation over HTTPS to the binding that everybody sees.
 * `node test/bench/scheduler.ts [pods]`
 */
import { fileURLToPath } from 'node:url';
import { namespaces, pods, type Node, type Pod } from '../../src/api/kinds/core.ts';
import { Cluster } from '../../src/controlplane/pod/scheduler/node-info.ts';
import { demandOf } from '../../src/controlplane/pod/scheduler/pod-demand.ts';
import { schedule } from '../../src/controlplane/pod/scheduler/schedule.ts';
import { caller, withPlatform, type MeasuredPlatform } from './platform.ts';
import { printTable, recorded, type Row } from './table.ts';

const nodeCount = 1_000;

const node = (index: number): Node => ({
  apiVersion: 'v1', kind: 'Node', metadata: { name: `node-${index}`, labels: { 'kubernetes.io/hostname': `node-${index}`, zone: `zone-${index % 3}` } },
  status: { allocatable: { cpu: '16', memory: '64Gi', pods: '250' } },
});
const pod = (index: number): Pod => ({
  apiVersion: 'v1', kind: 'Pod',
  metadata: { name: `pod-${index}`, namespace: 'demo', uid: `uid-${index}`, labels: { app: `app-${index % 50}` }, ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'rs', uid: `rs-${index % 50}`, controller: true }] },
  spec: {
    containers: [{ name: 'web', image: 'app', resources: { requests: { cpu: '100m', memory: '128Mi' } } }],
    tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }],
  },
});

/** Nodes without an agent, and pods that fit only there: nothing is started. */
export async function benchBinding(platform: MeasuredPlatform, podCount = 3_000): Promise<Row[]> {
  const pool = platform.pool(16);
  const call = caller(pool);
  const { client, dispose } = await platform.connection();
  const namespace = 'bench-scheduler';
  const labels = { bench: 'scheduler' };
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const watch = client.watch(pods, { namespace });
  try {
    await together(nodeCount, async (index) => {
      const name = `bench-node-${index}`;
      await call('POST', '/api/v1/nodes', { metadata: { name, labels: { ...labels, 'kubernetes.io/hostname': name } } });
      await call('PATCH', `/api/v1/nodes/${name}/status`, { status: { capacity: { cpu: '16', memory: '64Gi', pods: '250' }, allocatable: { cpu: '16', memory: '64Gi', pods: '250' }, conditions: [{ type: 'Ready', status: 'True' }] } }, 'application/merge-patch+json');
    });
    const bound = new Set<string>();
    const all = (async () => {
      for await (const event of watch) if (event.type === 'MODIFIED' && event.object.spec.nodeName && bound.add(event.object.metadata.name).size === podCount) return;
    })();
    const began = performance.now();
    await together(podCount, (index) => call('POST', `/api/v1/namespaces/${namespace}/pods`, { ...pod(index), metadata: { name: `pod-${index}`, labels: { app: `app-${index % 50}` } }, spec: { ...pod(index).spec, nodeSelector: labels } }));
    await all;
    const seconds = (performance.now() - began) / 1000;
    return [{ what: `  from creation over HTTPS to binding`, value: podCount / seconds, unit: 'pods/s', better: 'more', peer: recorded('kube-scheduler', 810) }];
  } finally {
    watch.dispose();
    await client.delete(namespaces, { name: namespace });
    await together(nodeCount, (index) => call('DELETE', `/api/v1/nodes/bench-node-${index}`));
    await pool.close();
    await dispose();
  }
}

/** 16 at a time. */
async function together(count: number, run: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: 16 }, async () => {
    while (next < count) await run(next++);
  }));
}

export function benchScheduler(podCount = 20_000): Row[] {
  const cluster = new Cluster();
  for (let index = 0; index < nodeCount; index++) cluster.putNode(node(index));
  const made = Array.from({ length: podCount }, (_, index) => pod(index));
  const start = performance.now();
  for (const one of made) {
    const demand = demandOf(one);
    const placement = schedule(demand, cluster);
    if (!('node' in placement)) throw new Error(placement.message);
    cluster.place(demand, placement.node);
  }
  const seconds = (performance.now() - start) / 1000;
  const most = Math.max(...[...cluster.nodes.values()].map(({ pods: placed }) => placed.size));
  return [{
    what: `scheduler, ${nodeCount.toLocaleString('en')} nodes`, value: podCount / seconds, unit: 'pods/s', better: 'more', peer: recorded('kube-scheduler', 810), least: { value: 2_000 }, aim: { value: 5_000 },
    note: `decisions alone; at most ${most} pods on one node`,
  }];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printTable([...benchScheduler(Number(process.argv[2] ?? 20_000)), ...(await withPlatform((platform) => benchBinding(platform)))]);
