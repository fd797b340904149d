/** How many pods a second the scheduler's core places on 1,000 nodes. `node test/bench/scheduler.ts [pods]` */
import { fileURLToPath } from 'node:url';
import type { Node, Pod } from '../../src/api/kinds/core.ts';
import { Cluster } from '../../src/controlplane/pod/scheduler/node-info.ts';
import { demandOf } from '../../src/controlplane/pod/scheduler/pod-demand.ts';
import { schedule } from '../../src/controlplane/pod/scheduler/schedule.ts';
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

export function benchScheduler(podCount = 20_000): Row[] {
  const cluster = new Cluster();
  for (let index = 0; index < nodeCount; index++) cluster.putNode(node(index));
  const pods = Array.from({ length: podCount }, (_, index) => pod(index));
  const start = performance.now();
  for (const one of pods) {
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

if (process.argv[1] === fileURLToPath(import.meta.url)) printTable(benchScheduler(Number(process.argv[2] ?? 20_000)));
