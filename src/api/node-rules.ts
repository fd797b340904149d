/** Which nodes a pod may be on: taints it tolerates, labels it asks for (Kubernetes docs, "Taints and Tolerations", "Assigning Pods to Nodes"). Pure. */
import type { Node, PodSpec } from './kinds/core.ts';
import { matches, type Operator, type Requirement, type Selector } from './selector.ts';

export type Taint = NonNullable<NonNullable<Node['spec']>['taints']>[number];

export interface Toleration {
  key?: string;
  operator?: string;
  value?: string;
  effect?: string;
  tolerationSeconds?: number;
}

export function tolerates(toleration: Toleration, taint: Pick<Taint, 'key' | 'value' | 'effect'>): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (!toleration.key) return toleration.operator === 'Exists';
  if (toleration.key !== taint.key) return false;
  return toleration.operator === 'Exists' || (toleration.value ?? '') === (taint.value ?? '');
}

/** One term of a node affinity: labels and fields must both match. */
export interface NodeTerm {
  labels: Selector;
  /** `metadata.name` is the only field. */
  names: Selector;
  weight: number;
}

type TermDocument = { matchExpressions?: { key: string; operator: string; values?: string[] }[]; matchFields?: { key: string; operator: string; values?: string[] }[] };

export function nodeTerm(term: TermDocument, weight = 0): NodeTerm {
  const requirements = (list: TermDocument['matchExpressions']): Selector => (list ?? []).map(({ key, operator, values }) => ({ key, operator: operator as Operator, values: values ?? [] }));
  return { labels: requirements(term.matchExpressions), names: requirements(term.matchFields), weight };
}

/** What a pod demands of its node: labels of `nodeSelector`, and any one of the terms. */
export interface NodeDemand {
  nodeSelector: Selector;
  /** None: every node does. */
  nodeTerms: readonly NodeTerm[] | undefined;
}

export function nodeDemandOf(spec: Pick<PodSpec, 'nodeSelector' | 'affinity'>): NodeDemand {
  return {
    nodeSelector: Object.entries(spec.nodeSelector ?? {}).map(([key, value]): Requirement => ({ key, operator: 'In', values: [value] })),
    nodeTerms: spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms.map((term) => nodeTerm(term)),
  };
}

interface NamedNode {
  name: string;
  labels: Readonly<Record<string, string>>;
}

export function suitsNode({ nodeSelector, nodeTerms }: NodeDemand, node: NamedNode): boolean {
  if (nodeSelector.length > 0 && !matches(nodeSelector, node.labels)) return false;
  return nodeTerms === undefined || nodeTerms.some((term) => matchesTerm(term, node));
}

/** A term that names nothing matches no node. */
export function matchesTerm(term: NodeTerm, node: NamedNode): boolean {
  if (term.labels.length === 0 && term.names.length === 0) return false;
  return matches(term.labels, node.labels) && matches(term.names, { 'metadata.name': node.name });
}
