/** Rules between pods: affinity, anti-affinity, spreading. Counted over the cluster once a pod, asked for each node. */
import type { Pod } from '../../../api/kinds/core.ts';
import { suitsNode, tolerates } from '../../../api/node-rules.ts';
import { matches } from '../../../api/selector.ts';
import type { Filter } from './filters.ts';
import type { Cluster, NodeInfo } from './node-info.ts';
import { countsFor, type PodDemand, type SpreadTerm } from './pod-demand.ts';

/** `undefined` if the pod has none and none concerns it. */
export function podFilter(demand: PodDemand, cluster: Cluster): Filter | undefined {
  if (demand.affinity.length === 0 && demand.antiAffinity.length === 0 && demand.spread.length === 0 && cluster.withAntiAffinity === 0) return undefined;
  const { pod } = demand;
  const near = demand.affinity.map((term) => ({ term, domains: new Set<string>() }));
  const far = demand.antiAffinity.map((term) => ({ term, domains: new Set<string>() }));
  /** `key=value` domains that a pod there refuses this one. */
  const refused = new Set<string>();
  const spread = demand.spread.map((term) => ({ term, counts: spreadCounts(demand, term, cluster) }));
  const labelsOf = (namespace: string) => cluster.namespaces.get(namespace);
  for (const node of cluster.nodes.values()) {
    for (const other of node.pods.values()) {
      for (const { term, domains } of [...near, ...far]) {
        const domain = node.labels[term.topologyKey];
        if (domain !== undefined && countsFor(term, other.pod, labelsOf)) domains.add(domain);
      }
      for (const term of other.antiAffinity) {
        const domain = node.labels[term.topologyKey];
        if (domain !== undefined && countsFor(term, pod, labelsOf)) refused.add(`${term.topologyKey}=${domain}`);
      }
    }
  }
  return (_, { labels }) => {
    for (const { term, domains } of near) {
      const domain = labels[term.topologyKey];
      // The first pod of a group that wants to be together may start it.
      const first = domains.size === 0 && countsFor(term, pod, labelsOf);
      if (domain === undefined || (!first && !domains.has(domain))) return "node(s) didn't match pod affinity rules";
    }
    for (const { term, domains } of far) {
      const domain = labels[term.topologyKey];
      if (domain !== undefined && domains.has(domain)) return "node(s) didn't match pod anti-affinity rules";
    }
    for (const entry of refused) {
      const equals = entry.indexOf('=');
      if (labels[entry.slice(0, equals)] === entry.slice(equals + 1)) return "node(s) didn't satisfy existing pods anti-affinity rules";
    }
    for (const { term, counts } of spread) {
      const domain = labels[term.topologyKey];
      if (domain === undefined) return "node(s) didn't match pod topology spread constraints (missing required label)";
      const own = isCounted(term, pod, pod) ? 1 : 0;
      const least = counts.size < term.minDomains ? 0 : Math.min(...counts.values());
      if ((counts.get(domain) ?? 0) + own - least > term.maxSkew) return "node(s) didn't match pod topology spread constraints";
    }
    return undefined;
  };
}

const isCounted = ({ selector }: SpreadTerm, pod: Pod, other: Pod) => selector !== undefined && other.metadata.namespace === pod.metadata.namespace && matches(selector, other.metadata.labels);

/** Pods in each domain that has a node where the pod might go. */
export function spreadCounts(demand: PodDemand, term: SpreadTerm, cluster: Cluster): Map<string, number> {
  const counts = new Map<string, number>();
  const counting: [NodeInfo, string][] = [];
  for (const node of cluster.nodes.values()) {
    const domain = node.labels[term.topologyKey];
    if (domain === undefined || (term.honorAffinity && !suitsNode(demand, node))) continue;
    if (term.honorTaints && node.taints.some((taint) => !demand.tolerations.some((one) => tolerates(one, taint)))) continue;
    counting.push([node, domain]);
    if (!counts.has(domain)) counts.set(domain, 0);
  }
  for (const [node, domain] of counting) for (const other of node.pods.values()) if (isCounted(term, demand.pod, other.pod)) counts.set(domain, (counts.get(domain) ?? 0) + 1);
  return counts;
}
