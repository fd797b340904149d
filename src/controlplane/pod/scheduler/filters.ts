/** Whether a node can take a pod at all; the reasons are kube-scheduler's texts. */
import { suitsNode, tolerates } from '../../../api/node-rules.ts';
import { matches } from '../../../api/selector.ts';
import { runtimeLabel } from '../../../protocol/agent.ts';
import type { Cluster, NodeInfo } from './node-info.ts';
import { countsFor, type PodDemand } from './pod-demand.ts';

/** `undefined`: it fits. */
export type Filter = (demand: PodDemand, node: NodeInfo) => string | undefined;

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
  return undefined;
}

/** Rules between pods: counted over the cluster once a pod, asked for each node. `undefined` if the pod has none and none concerns it. */
export function podFilter(demand: PodDemand, cluster: Cluster): Filter | undefined {
  if (demand.affinity.length === 0 && demand.antiAffinity.length === 0 && demand.spread.length === 0 && cluster.withAntiAffinity === 0) return undefined;
  const { pod } = demand;
  const near = demand.affinity.map((term) => ({ term, domains: new Set<string>() }));
  const far = demand.antiAffinity.map((term) => ({ term, domains: new Set<string>() }));
  /** `key=value` domains that a pod there refuses this one. */
  const refused = new Set<string>();
  const spread = demand.spread.map((term) => ({ term, counts: new Map<string, number>() }));
  for (const node of cluster.nodes.values()) {
    for (const { term, counts } of spread) {
      const domain = node.labels[term.topologyKey];
      if (domain !== undefined && !counts.has(domain) && suitsNode(demand, node)) counts.set(domain, 0);
    }
    for (const other of node.pods.values()) {
      for (const { term, domains } of [...near, ...far]) {
        const domain = node.labels[term.topologyKey];
        if (domain !== undefined && countsFor(term, other.pod)) domains.add(domain);
      }
      for (const term of other.antiAffinity) {
        const domain = node.labels[term.topologyKey];
        if (domain !== undefined && countsFor(term, pod)) refused.add(`${term.topologyKey}=${domain}`);
      }
      for (const { term, counts } of spread) {
        const domain = node.labels[term.topologyKey];
        if (domain !== undefined && counts.has(domain) && other.pod.metadata.namespace === pod.metadata.namespace && matches(term.selector, other.pod.metadata.labels)) counts.set(domain, (counts.get(domain) ?? 0) + 1);
      }
    }
  }
  return (_, { labels }) => {
    for (const { term, domains } of near) {
      const domain = labels[term.topologyKey];
      // The first pod of a group that wants to be together may start it.
      const first = domains.size === 0 && countsFor(term, pod);
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
      const own = matches(term.selector, pod.metadata.labels) ? 1 : 0;
      if ((counts.get(domain) ?? 0) + own - Math.min(...counts.values()) > term.maxSkew) return "node(s) didn't match pod topology spread constraints";
    }
    return undefined;
  };
}
