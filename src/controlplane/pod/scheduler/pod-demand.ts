/** What a pod asks of its node, worked out once, so that looking at a thousand nodes stays cheap. */
import type { Pod } from '../../../api/kinds/core.ts';
import { controllerOf } from '../../../api/meta.ts';
import { podRequests } from '../../../api/pod.ts';
import { matches, selectorOf, type Operator, type Requirement, type Selector } from '../../../api/selector.ts';
import { runtimeLabel } from '../../../protocol/agent.ts';
import type { Toleration } from '../node-lifecycle-plan.ts';

/** One term of a node affinity: labels and fields must both match. */
export interface NodeTerm {
  labels: Selector;
  /** `metadata.name` is the only field. */
  names: Selector;
  weight: number;
}

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

export interface PodDemand {
  pod: Pod;
  milliCpu: number;
  memory: number;
  /** `TCP/8080`. */
  hostPorts: readonly string[];
  /** Only nodes of this driver. */
  runtime: string | undefined;
  nodeSelector: Selector;
  /** Any of them must match; none: every node does. */
  nodeTerms: readonly NodeTerm[] | undefined;
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
    nodeSelector: Object.entries(spec.nodeSelector ?? {}).map(([key, value]): Requirement => ({ key, operator: 'In', values: [value] })),
    nodeTerms: node?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms.map((term) => nodeTerm(term, 0)),
    preferredNodes: (node?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ preference, weight }) => nodeTerm(preference, weight)),
    tolerations: spec.tolerations ?? [],
    affinity: (spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => podTerm(term, metadata.namespace)),
    antiAffinity: (spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => podTerm(term, metadata.namespace)),
    spread: (spec.topologySpreadConstraints ?? []).flatMap(({ whenUnsatisfiable, topologyKey, maxSkew, labelSelector }) => (whenUnsatisfiable === 'DoNotSchedule' ? [{ topologyKey, maxSkew, selector: selectorOf(labelSelector as never) ?? [] }] : [])),
    group: owner ? owner.uid : undefined,
  };
}

type SelectorTerm = { matchExpressions?: { key: string; operator: string; values?: string[] }[]; matchFields?: { key: string; operator: string; values?: string[] }[] };

function nodeTerm(term: SelectorTerm, weight: number): NodeTerm {
  const requirements = (list: SelectorTerm['matchExpressions']): Selector => (list ?? []).map(({ key, operator, values }) => ({ key, operator: operator as Operator, values: values ?? [] }));
  return { labels: requirements(term.matchExpressions), names: requirements(term.matchFields), weight };
}

function podTerm(term: { topologyKey: string; labelSelector?: unknown; namespaces?: string[] }, namespace = ''): PodTerm {
  return { topologyKey: term.topologyKey, selector: selectorOf(term.labelSelector as never) ?? [], namespaces: new Set(term.namespaces?.length ? term.namespaces : [namespace]) };
}

export function countsFor(term: PodTerm, pod: Pod): boolean {
  return term.namespaces.has(pod.metadata.namespace ?? '') && matches(term.selector, pod.metadata.labels);
}
