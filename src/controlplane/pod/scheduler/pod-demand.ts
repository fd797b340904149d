/** What a pod asks of its node, worked out once, so that looking at a thousand nodes stays cheap. */
import type { Pod } from '../../../api/kinds/core.ts';
import { controllerOf } from '../../../api/meta.ts';
import { nodeDemandOf, nodeTerm, type NodeDemand, type NodeTerm, type Toleration } from '../../../api/node-rules.ts';
import { podRequests } from '../../../api/pod.ts';
import { matches, selectorOf, type Selector } from '../../../api/selector.ts';
import { runtimeLabel } from '../../../protocol/agent.ts';

export interface PodTerm {
  topologyKey: string;
  /** Namespaces whose pods count. */
  namespaces: ReadonlySet<string>;
  selector: Selector;
}

export interface SpreadTerm {
  topologyKey: string;
  maxSkew: number;
  selector: Selector;
}

export interface PodDemand extends NodeDemand {
  pod: Pod;
  milliCpu: number;
  memory: number;
  /** `TCP/8080`. */
  hostPorts: readonly string[];
  /** Only nodes of this driver. */
  runtime: string | undefined;
  preferredNodes: readonly NodeTerm[];
  tolerations: readonly Toleration[];
  affinity: readonly PodTerm[];
  antiAffinity: readonly PodTerm[];
  spread: readonly SpreadTerm[];
  /** Pods of one controller, or of one template otherwise, are spread over nodes. */
  group: string | undefined;
}

export function demandOf(pod: Pod): PodDemand {
  const { spec, metadata } = pod;
  const { milliCpu, memory } = podRequests(spec);
  const node = spec.affinity?.nodeAffinity;
  const owner = controllerOf(pod);
  return {
    pod,
    milliCpu,
    memory,
    hostPorts: [...spec.containers, ...(spec.initContainers ?? [])].flatMap((container) => (container.ports ?? []).flatMap(({ hostPort, protocol }) => (hostPort ? [`${protocol ?? 'TCP'}/${hostPort}`] : []))),
    runtime: metadata.labels?.[runtimeLabel],
    ...nodeDemandOf(spec),
    preferredNodes: (node?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ preference, weight }) => nodeTerm(preference, weight)),
    tolerations: spec.tolerations ?? [],
    affinity: (spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => podTerm(term, metadata.namespace)),
    antiAffinity: (spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => podTerm(term, metadata.namespace)),
    spread: (spec.topologySpreadConstraints ?? []).flatMap(({ whenUnsatisfiable, topologyKey, maxSkew, labelSelector }) => (whenUnsatisfiable === 'DoNotSchedule' ? [{ topologyKey, maxSkew, selector: selectorOf(labelSelector as never) ?? [] }] : [])),
    group: owner ? owner.uid : undefined,
  };
}

function podTerm(term: { topologyKey: string; labelSelector?: unknown; namespaces?: string[] }, namespace = ''): PodTerm {
  return { topologyKey: term.topologyKey, selector: selectorOf(term.labelSelector as never) ?? [], namespaces: new Set(term.namespaces?.length ? term.namespaces : [namespace]) };
}

export function countsFor(term: PodTerm, pod: Pod): boolean {
  return term.namespaces.has(pod.metadata.namespace ?? '') && matches(term.selector, pod.metadata.labels);
}
