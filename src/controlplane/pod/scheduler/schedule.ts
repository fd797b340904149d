/** Finds the best node for a pod, pure: filter, then score. */
import { matchesTerm, tolerates } from '../../../api/node-rules.ts';
import { isCausedByPods, refusal } from './filters.ts';
import type { Cluster, NodeInfo } from './node-info.ts';
import type { PodDemand } from './pod-demand.ts';
import { podFilter } from './pod-filters.ts';
import { podScore } from './pod-scores.ts';

/** `candidates`: nodes where pods in the way are what is wrong. `reasons`: `message` without the word about preemption. */
export type Placement = { node: string } | { message: string; reasons: string; candidates: readonly string[] };

export function schedule(demand: PodDemand, cluster: Cluster): Placement {
  if (cluster.nodes.size === 0) return { message: 'no nodes available to schedule pods', reasons: 'no nodes available to schedule pods', candidates: [] };
  return cluster.withNominated(demand, () => choose(demand, cluster));
}

function choose(demand: PodDemand, cluster: Cluster): Placement {
  const between = podFilter(demand, cluster);
  const preferred = podScore(demand, cluster);
  const candidates: string[] = [];
  let best: NodeInfo | undefined;
  let bestScore = -Infinity;
  let reasons: Map<string, number> | undefined;
  const nodes = cluster.list();
  for (let index = 0; index < nodes.length; index++) {
    const node = nodes[index] as NodeInfo;
    const reason = refusal(demand, node) ?? between?.(demand, node);
    if (reason !== undefined) {
      reasons ??= new Map();
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      if (isCausedByPods(reason)) candidates.push(node.name);
      continue;
    }
    const score = scoreOf(demand, node) + (preferred?.(node) ?? 0);
    // Equal nodes take turns by how much they hold.
    if (score > bestScore) {
      best = node;
      bestScore = score;
    }
  }
  if (best) return { node: best.name };
  const list = [...(reasons ?? new Map<string, number>())].map(([reason, count]) => `${count} ${reason}`).sort();
  const text = `0/${nodes.length} nodes are available: ${list.join(', ')}.`;
  return { message: `${text} ${helpless(nodes.length, candidates.length)}`, reasons: text, candidates };
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

/** `preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.` */
export function helpless(nodes: number, candidates: number): string {
  const others = nodes - candidates;
  const parts = [...(candidates > 0 ? [`${candidates} No preemption victims found for incoming pod`] : []), ...(others > 0 ? [`${others} Preemption is not helpful for scheduling`] : [])];
  return `preemption: 0/${nodes} nodes are available: ${parts.join(', ')}.`;
}
