/** Whether a node can take a pod at all; the reasons are kube-scheduler's texts. */
import { suitsNode, tolerates } from '../../../api/node-rules.ts';
import { runtimeLabel } from '../../../protocol/agent.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodDemand } from './pod-demand.ts';

/** `undefined`: it fits. */
export type Filter = (demand: PodDemand, node: NodeInfo) => string | undefined;

const byPods: ReadonlySet<string> = new Set([
  'Too many pods', "node(s) didn't have free ports for the requested pod ports", "node(s) didn't match pod anti-affinity rules",
  "node(s) didn't satisfy existing pods anti-affinity rules", "node(s) didn't match pod topology spread constraints",
]);
const unschedulableTaint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' } as const;

/** What one node has against a pod: the most telling reason first. One function, since it runs for every node and pod. */
export function refusal(demand: PodDemand, node: NodeInfo): string | undefined {
  if (node.unschedulable && !demand.tolerations.some((one) => tolerates(one, unschedulableTaint))) return 'node(s) were unschedulable';
  if (node.taints.length > 0) {
    for (const taint of node.taints) {
      if (demand.tolerations.some((one) => tolerates(one, taint))) continue;
      // The flag itself was looked at above.
      if (taint.key === unschedulableTaint.key) return 'node(s) were unschedulable';
      return `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`;
    }
  }
  if ((demand.nodeSelector.length > 0 || demand.nodeTerms !== undefined) && !suitsNode(demand, node)) return "node(s) didn't match Pod's node affinity/selector";
  if (demand.runtime !== undefined && node.labels[runtimeLabel] !== demand.runtime) return `node(s) didn't have runtime ${demand.runtime}`;
  if (demand.hostPorts.length > 0 && demand.hostPorts.some((port) => node.ports.has(port))) return "node(s) didn't have free ports for the requested pod ports";
  if (node.pods.size >= node.mostPods) return 'Too many pods';
  if (demand.milliCpu > 0 && demand.milliCpu > node.milliCpu - node.usedMilliCpu) return 'Insufficient cpu';
  if (demand.memory > 0 && demand.memory > node.memory - node.usedMemory) return 'Insufficient memory';
  for (const [name, amount] of demand.others) if (amount > node.roomFor(name)) return `Insufficient ${name}`;
  return undefined;
}

/** True for what other pods are to blame for: with fewer of them the pod might fit. */
export function isCausedByPods(reason: string): boolean {
  return reason.startsWith('Insufficient') || byPods.has(reason);
}
