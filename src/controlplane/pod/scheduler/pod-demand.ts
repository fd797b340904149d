/** What a pod asks of its node, worked out once, so that looking at a thousand nodes stays cheap. */
import type { Pod } from '../../../api/kinds/core.ts';
import { controllerOf } from '../../../api/meta.ts';
import { nodeDemandOf, nodeTerm, type NodeDemand, type NodeTerm, type Toleration } from '../../../api/node-rules.ts';
import { podRequests } from '../../../api/pod.ts';
import { quantityOf } from '../../../api/quantity.ts';
import { matches, selectorOf, type Requirement, type Selector } from '../../../api/selector.ts';
import { runtimeLabel } from '../../../protocol/agent.ts';

export interface PodTerm {
  topologyKey: string;
  /** Namespaces whose pods count, beside those whose labels are selected. */
  namespaces: ReadonlySet<string>;
  namespaceSelector: Selector | undefined;
  /** `undefined`: no pod. */
  selector: Selector | undefined;
  /** Of a preference; negative for what is shunned. */
  weight: number;
}

export interface SpreadTerm {
  topologyKey: string;
  maxSkew: number;
  selector: Selector | undefined;
  /** Fewer domains than that count as one that is empty. */
  minDomains: number;
  /** Only nodes count that suit the pod, or whose taints it tolerates. */
  honorAffinity: boolean;
  honorTaints: boolean;
}

export interface PodDemand extends NodeDemand {
  pod: Pod;
  priority: number;
  milliCpu: number;
  memory: number;
  /** Beyond CPU and memory. */
  others: readonly (readonly [resource: string, amount: number])[];
  /** `TCP/8080`. */
  hostPorts: readonly string[];
  /** Only nodes of this driver. */
  runtime: string | undefined;
  preferredNodes: readonly NodeTerm[];
  tolerations: readonly Toleration[];
  affinity: readonly PodTerm[];
  antiAffinity: readonly PodTerm[];
  /** Pods that are liked or shunned, with weights. */
  preferredPods: readonly PodTerm[];
  spread: readonly SpreadTerm[];
  /** Spread if it can be. */
  preferredSpread: readonly SpreadTerm[];
  /** Pods of one controller, or of one template otherwise, are spread over nodes. */
  group: string | undefined;
}

export function demandOf(pod: Pod): PodDemand {
  const { spec, metadata } = pod;
  const { milliCpu, memory } = podRequests(spec);
  const node = spec.affinity?.nodeAffinity;
  const near = spec.affinity?.podAffinity;
  const far = spec.affinity?.podAntiAffinity;
  const owner = controllerOf(pod);
  const spreads = (kind: string) => (spec.topologySpreadConstraints ?? []).flatMap((one) => (one.whenUnsatisfiable === kind ? [spreadTerm(one as SpreadDocument, metadata.labels)] : []));
  const terms = (list: unknown[] | undefined) => ((list ?? []) as TermDocument[]).map((term) => podTerm(term, pod, 0));
  const weighed = (list: unknown[] | undefined, sign: 1 | -1) => ((list ?? []) as { weight: number; podAffinityTerm: TermDocument }[]).map(({ weight, podAffinityTerm }) => podTerm(podAffinityTerm, pod, sign * weight));
  return {
    pod,
    priority: spec.priority ?? 0,
    milliCpu,
    memory,
    others: otherRequests(spec),
    hostPorts: [...spec.containers, ...(spec.initContainers ?? [])].flatMap((container) => (container.ports ?? []).flatMap(({ hostPort, protocol }) => (hostPort ? [`${protocol ?? 'TCP'}/${hostPort}`] : []))),
    runtime: metadata.labels?.[runtimeLabel],
    ...nodeDemandOf(spec),
    preferredNodes: (node?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ preference, weight }) => nodeTerm(preference, weight)),
    tolerations: spec.tolerations ?? [],
    affinity: terms(near?.requiredDuringSchedulingIgnoredDuringExecution),
    antiAffinity: terms(far?.requiredDuringSchedulingIgnoredDuringExecution),
    preferredPods: [...weighed(near?.preferredDuringSchedulingIgnoredDuringExecution, 1), ...weighed(far?.preferredDuringSchedulingIgnoredDuringExecution, -1)],
    spread: spreads('DoNotSchedule'),
    preferredSpread: spreads('ScheduleAnyway'),
    group: owner ? owner.uid : undefined,
  };
}

function otherRequests({ containers }: Pod['spec']): [string, number][] {
  const sums = new Map<string, number>();
  for (const { resources } of containers) {
    for (const [name, amount] of Object.entries(resources?.requests ?? {})) if (name !== 'cpu' && name !== 'memory') sums.set(name, (sums.get(name) ?? 0) + quantityOf(amount as string));
  }
  return [...sums].filter(([, amount]) => amount > 0);
}

interface TermDocument {
  topologyKey: string;
  labelSelector?: unknown;
  namespaces?: string[];
  namespaceSelector?: unknown;
  matchLabelKeys?: string[];
  mismatchLabelKeys?: string[];
}

function podTerm(term: TermDocument, { metadata: { namespace = '', labels } }: Pod, weight: number): PodTerm {
  const own = !term.namespaces?.length && !term.namespaceSelector;
  const namespaceSelector = term.namespaceSelector ? selectorOf(term.namespaceSelector as never) : undefined;
  const selector = withOwnLabels(selectorOf(term.labelSelector as never), labels, term.matchLabelKeys, 'In');
  return { topologyKey: term.topologyKey, selector: withOwnLabels(selector, labels, term.mismatchLabelKeys, 'NotIn'), namespaces: new Set(own ? [namespace] : term.namespaces), namespaceSelector, weight };
}

interface SpreadDocument {
  topologyKey: string;
  maxSkew: number;
  labelSelector?: unknown;
  minDomains?: number;
  matchLabelKeys?: string[];
  nodeAffinityPolicy?: string;
  nodeTaintsPolicy?: string;
}

function spreadTerm({ topologyKey, maxSkew, labelSelector, minDomains = 1, matchLabelKeys, nodeAffinityPolicy, nodeTaintsPolicy }: SpreadDocument, labels: Record<string, string> | undefined): SpreadTerm {
  return { topologyKey, maxSkew, minDomains, selector: withOwnLabels(selectorOf(labelSelector as never), labels, matchLabelKeys, 'In'), honorAffinity: nodeAffinityPolicy !== 'Ignore', honorTaints: nodeTaintsPolicy === 'Honor' };
}

/** With the pod's own values of these labels. */
function withOwnLabels(selector: Selector | undefined, labels: Record<string, string> | undefined, keys: readonly string[] = [], operator: 'In' | 'NotIn'): Selector | undefined {
  const own = keys.flatMap((key): Requirement[] => { const value = labels?.[key]; return value === undefined ? [] : [{ key, operator, values: [value] }]; });
  return selector && own.length > 0 ? [...selector, ...own] : selector;
}

/** `labelsOf` gives the labels of a namespace. */
export function countsFor(term: PodTerm, pod: Pod, labelsOf: (namespace: string) => Readonly<Record<string, string>> | undefined): boolean {
  const namespace = pod.metadata.namespace ?? '';
  const here = term.namespaces.has(namespace) || (term.namespaceSelector !== undefined && matches(term.namespaceSelector, labelsOf(namespace)));
  return here && term.selector !== undefined && matches(term.selector, pod.metadata.labels);
}
