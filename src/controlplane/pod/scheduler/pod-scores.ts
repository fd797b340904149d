/** Preferences between pods: what a node's neighbours and an even spread are worth (kube-scheduler's InterPodAffinity and PodTopologySpread). */
import type { Cluster, NodeInfo } from './node-info.ts';
import { countsFor, type PodDemand } from './pod-demand.ts';
import { spreadCounts } from './pod-filters.ts';

const best = 100;
/** kube-scheduler's weight of both. */
const weight = 2;

export type Score = (node: NodeInfo) => number;

/** `undefined` where nobody prefers anything. */
export function podScore(demand: PodDemand, cluster: Cluster): Score | undefined {
  const parts = [neighbours(demand, cluster), evenness(demand, cluster)].filter((part) => part !== undefined);
  if (parts.length === 0) return undefined;
  return (node) => parts.reduce((sum, part) => sum + weight * (part.get(node.name) ?? 0), 0);
}

/** Likes and dislikes of the pod, and of those that are there, by name of node: 0 to 100. */
function neighbours(demand: PodDemand, cluster: Cluster): Map<string, number> | undefined {
  if (demand.preferredPods.length === 0 && cluster.withPreferences === 0) return undefined;
  const labelsOf = (namespace: string) => cluster.namespaces.get(namespace);
  const byDomain = new Map<string, number>();
  const add = (key: string, domain: string | undefined, amount: number) => domain !== undefined && byDomain.set(`${key}=${domain}`, (byDomain.get(`${key}=${domain}`) ?? 0) + amount);
  for (const node of cluster.nodes.values()) {
    for (const other of node.pods.values()) {
      for (const term of demand.preferredPods) if (countsFor(term, other.pod, labelsOf)) add(term.topologyKey, node.labels[term.topologyKey], term.weight);
      for (const term of other.preferredPods) if (countsFor(term, demand.pod, labelsOf)) add(term.topologyKey, node.labels[term.topologyKey], term.weight);
    }
  }
  if (byDomain.size === 0) return undefined;
  const keys = new Set([...byDomain.keys()].map((entry) => entry.slice(0, entry.indexOf('='))));
  const raw = new Map([...cluster.nodes.values()].map((node) => [node.name, [...keys].reduce((sum, key) => sum + (byDomain.get(`${key}=${node.labels[key]}`) ?? 0), 0)]));
  const [least, most] = [Math.min(...raw.values()), Math.max(...raw.values())];
  return most === least ? undefined : new Map([...raw].map(([name, value]) => [name, (best * (value - least)) / (most - least)]));
}

/** The fewer of its like in a domain, the better: 0 to 100. */
function evenness(demand: PodDemand, cluster: Cluster): Map<string, number> | undefined {
  if (demand.preferredSpread.length === 0) return undefined;
  const parts = demand.preferredSpread.map((term) => ({ term, counts: spreadCounts(demand, term, cluster) }));
  const raw = new Map<string, number>();
  for (const { name, labels } of cluster.nodes.values()) {
    let sum = 0;
    let counted = true;
    for (const { term, counts } of parts) {
      const domain = labels[term.topologyKey];
      if (domain === undefined) counted = false;
      else sum += (counts.get(domain) ?? 0) * Math.log(counts.size + 2) + term.maxSkew - 1;
    }
    if (counted) raw.set(name, sum);
  }
  const [least, most] = [Math.min(...raw.values()), Math.max(...raw.values())];
  return new Map([...raw].map(([name, value]) => [name, most === 0 ? best : (best * (most + least - value)) / most]));
}
