/** Finds the best node for a pod, pure: filter, then score. */
import { matchesTerm, tolerates } from '../../../api/node-rules.ts';
import { podFilter, refusal } from './filters.ts';
import type { Cluster, NodeInfo } from './node-info.ts';
import type { PodDemand } from './pod-demand.ts';

export type Placement = { node: string } | { message: string };

export function schedule(demand: PodDemand, cluster: Cluster): Placement {
  if (cluster.nodes.size === 0) return { message: 'no nodes available to schedule pods' };
  const between = podFilter(demand, cluster);
  let best: NodeInfo | undefined;
  let bestScore = -Infinity;
  let reasons: Map<string, number> | undefined;
  let helpless = 0;
  const nodes = cluster.list();
  for (let index = 0; index < nodes.length; index++) {
    const node = nodes[index] as NodeInfo;
    const reason = refusal(demand, node) ?? between?.(demand, node);
    if (reason !== undefined) {
      reasons ??= new Map();
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      if (!reason.startsWith('Insufficient') && reason !== 'Too many pods') helpless++;
      continue;
    }
    const score = scoreOf(demand, node);
    // Equal nodes take turns by how much they hold.
    if (score > bestScore) {
      best = node;
      bestScore = score;
    }
  }
  return best ? { node: best.name } : { message: unavailable(cluster.nodes.size, reasons ?? new Map(), helpless) };
}

/** Requests assumed of a pod that states none, so that such pods spread too (kube-scheduler's values). */
const assumed = { milliCpu: 100, memory: 200 * 1024 * 1024 };
const spreadWeight = 2;

/** Higher is better; every part is between 0 and 100 before its weight. */
function scoreOf(demand: PodDemand, node: NodeInfo): number {
  const count = node.pods.size;
  const cpu = free(node.milliCpu, Math.max(node.usedMilliCpu, count * assumed.milliCpu) + (demand.milliCpu || assumed.milliCpu));
  const memory = free(node.memory, Math.max(node.usedMemory, count * assumed.memory) + (demand.memory || assumed.memory));
  let score = (cpu + memory) / 2;
  if (demand.group !== undefined) score += spreadWeight * (100 / (1 + (node.groups.get(demand.group) ?? 0)));
  if (demand.preferredNodes.length > 0) for (const term of demand.preferredNodes) if (matchesTerm(term, node)) score += 2 * term.weight;
  if (node.preferred.length > 0) for (const taint of node.preferred) if (!demand.tolerations.some((one) => tolerates(one, taint))) score -= 100;
  return score;
}

function free(has: number, used: number): number {
  return has <= 0 || used >= has ? 0 : ((has - used) * 100) / has;
}

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable. preemption: …`. */
function unavailable(nodes: number, reasons: ReadonlyMap<string, number>, helpless: number): string {
  const list = [...reasons].map(([reason, count]) => `${count} ${reason}`).sort();
  const victims = nodes - helpless;
  const preemption = [...(victims > 0 ? [`${victims} No preemption victims found for incoming pod`] : []), ...(helpless > 0 ? [`${helpless} Preemption is not helpful for scheduling`] : [])];
  return `0/${nodes} nodes are available: ${list.join(', ')}. preemption: 0/${nodes} nodes are available: ${preemption.join(', ')}.`;
}
