/** Cluster roles made of others: `admin`, `edit` and `view` take in every role that carries their label. */
import type { ClusterRole, PolicyRule } from '../../../api/kinds/rbac.ts';
import { matchesLabelSelector } from '../../../api/selector.ts';

export const aggregateLabel = 'rbac.authorization.k8s.io/aggregate-to-';

export function aggregationRuleFor(names: readonly string[]): NonNullable<ClusterRole['aggregationRule']> {
  return { clusterRoleSelectors: names.map((name) => ({ matchLabels: { [aggregateLabel + name]: 'true' } })) };
}

/** The rules an aggregating role must have: those of all matching roles in the order of their names, each once. */
export function aggregated(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] {
  const selectors = role.aggregationRule?.clusterRoleSelectors ?? [];
  const sources = all.filter((one) => one.metadata.name !== role.metadata.name && selectors.some((selector) => matchesLabelSelector(selector, one.metadata.labels)));
  const rules = sources.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)).flatMap((one) => one.rules ?? []);
  return [...new Map(rules.map((rule) => [JSON.stringify(rule), rule])).values()];
}
