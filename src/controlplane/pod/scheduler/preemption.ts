/** Which pods give way to a more important one that fits nowhere (kubernetes pkg/scheduler/framework/preemption). Pure: the cluster is as before afterwards. */
import type { Pod } from '../../../api/kinds/core.ts';
import type { PodDisruptionBudget } from '../../../api/kinds/policy.ts';
import { mirrorAnnotation } from '../../../api/pod.ts';
import { matchesLabelSelector } from '../../../api/selector.ts';
import type { LabelSelector } from '../../../api/meta.ts';
import { refusal } from './filters.ts';
import type { Cluster, NodeInfo } from './node-info.ts';
import type { PodDemand } from './pod-demand.ts';
import { podFilter } from './pod-filters.ts';

export interface Preemption {
  node: string;
  victims: Pod[];
}

/** Nodes that are looked at; the rest of a large cluster is not worth the time. */
const mostCandidates = 100;

interface Candidate {
  node: NodeInfo;
  victims: PodDemand[];
  /** Budgets that would be broken. */
  violations: number;
}

/** `nodes`: those where pods in the way are what is wrong. */
export function findPreemption(demand: PodDemand, cluster: Cluster, nodes: readonly string[], budgets: readonly PodDisruptionBudget[]): Preemption | undefined {
  return cluster.withNominated(demand, () => choose(demand, cluster, nodes, budgets));
}

function choose(demand: PodDemand, cluster: Cluster, nodes: readonly string[], budgets: readonly PodDisruptionBudget[]): Preemption | undefined {
  const candidates: Candidate[] = [];
  for (const name of nodes) {
    const node = cluster.nodes.get(name);
    const candidate = node && selectVictims(demand, cluster, node, budgets);
    if (candidate) candidates.push(candidate);
    if (candidates.length >= mostCandidates) break;
  }
  const best = candidates.sort(byHarm)[0];
  return best && { node: best.node.name, victims: best.victims.map(({ pod }) => pod) };
}

/** All that are less important go in thought; then, beginning with the most important, whoever may stay does. */
function selectVictims(demand: PodDemand, cluster: Cluster, node: NodeInfo, budgets: readonly PodDisruptionBudget[]): Candidate | undefined {
  const lower = [...node.pods.values()].filter((other) => other.priority < demand.priority && other.pod.metadata.annotations?.[mirrorAnnotation] === undefined);
  if (lower.length === 0) return undefined;
  const fits = () => refusal(demand, node) === undefined && podFilter(demand, cluster)?.(demand, node) === undefined;
  const uidOf = ({ pod }: PodDemand) => pod.metadata.uid ?? '';
  for (const one of lower) node.remove(uidOf(one));
  try {
    if (!fits()) return undefined;
    const { violating, others } = byBudget([...lower].sort(byImportance), budgets);
    const victims: PodDemand[] = [];
    let violations = 0;
    for (const one of [...violating, ...others]) {
      node.add(one);
      if (fits()) continue;
      node.remove(uidOf(one));
      victims.push(one);
      if (violating.includes(one)) violations += 1;
    }
    return victims.length > 0 ? { node, victims: victims.sort(byImportance), violations } : undefined;
  } finally {
    for (const one of lower) node.add(one);
  }
}

const startOf = ({ pod }: PodDemand) => Date.parse(String(pod.status?.startTime ?? pod.metadata.creationTimestamp ?? '')) || 0;
/** The most important first: the higher priority, then what runs longer. */
const byImportance = (one: PodDemand, other: PodDemand) => other.priority - one.priority || startOf(one) - startOf(other);

/** Each budget spares as many as it may; the rest would break it. */
function byBudget(pods: readonly PodDemand[], budgets: readonly PodDisruptionBudget[]): { violating: PodDemand[]; others: PodDemand[] } {
  const left = new Map(budgets.map((budget) => [budget, budget.status?.disruptionsAllowed ?? 0]));
  const [violating, others]: [PodDemand[], PodDemand[]] = [[], []];
  for (const one of pods) {
    const { namespace, labels, name } = one.pod.metadata;
    const own = budgets.filter((budget) => budget.metadata.namespace === namespace && matchesLabelSelector(budget.spec?.selector as LabelSelector | undefined, labels) && budget.status?.disruptedPods?.[name] === undefined);
    for (const budget of own) left.set(budget, (left.get(budget) ?? 0) - 1);
    (own.some((budget) => (left.get(budget) ?? 0) < 0) ? violating : others).push(one);
  }
  return { violating, others };
}

/** Where the least harm is done: broken budgets, then the most important victim, then their sum, their number, how long they have run. */
function byHarm(one: Candidate, other: Candidate): number {
  const highest = ({ victims }: Candidate) => victims[0]?.priority ?? -Infinity;
  const sum = ({ victims }: Candidate) => victims.reduce((total, { priority }) => total + priority + 2 ** 31, 0);
  const began = ({ victims }: Candidate) => Math.min(...victims.filter(({ priority }) => priority === victims[0]?.priority).map(startOf));
  return one.violations - other.violations || highest(one) - highest(other) || sum(one) - sum(other) || one.victims.length - other.victims.length || began(other) - began(one);
}
