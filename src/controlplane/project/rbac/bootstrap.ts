/** Makes the roles and bindings a cluster starts with, and gives back rules that an upgrade brought or somebody took away, unless told not to. */
import { clusterRoleBindings, clusterRoles, type ClusterRole, type PolicyRule, type RoleBinding } from '../../../api/kinds/rbac.ts';
import type { KubeObject } from '../../../api/meta.ts';
import type { Resource } from '../../../api/resource.ts';
import { isStatusError } from '../../../api/status.ts';
import type { Client } from '../../../client/client.ts';
import { aggregated, aggregationRuleFor, aggregateLabel } from './aggregation-plan.ts';
import distilled from './bootstrap-roles.json' with { type: 'json' };
import { bootstrapBindings, platformRoles, type BootstrapRole } from './platform-roles.ts';
import { compactRules, missingRules } from './rules.ts';

/** `false` on an object keeps the platform from mending it. */
const autoUpdate = 'rbac.authorization.kubernetes.io/autoupdate';
const metadata = (name: string, labels: Record<string, string> = {}) => ({
  name, labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels }, annotations: { [autoUpdate]: 'true' },
});

function bootstrapRoles(): ClusterRole[] {
  const all: Record<string, BootstrapRole> = { ...(distilled as Record<string, BootstrapRole>), ...platformRoles };
  const made = Object.entries(all).map(([name, { rules, into, from }]): ClusterRole => ({
    apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: metadata(name, into ? { [aggregateLabel + into]: 'true' } : {}),
    ...(from && { aggregationRule: aggregationRuleFor(from) }), rules: rules ?? [],
  }));
  // Once more for each level: admin takes in edit, which takes in view.
  for (let pass = 0; pass < 3; pass += 1) for (const role of made) if (role.aggregationRule) role.rules = aggregated(role, made);
  return made;
}

function bindings(): RoleBinding[] {
  return bootstrapBindings.map(({ name, role, groups }) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: metadata(name),
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: groups.map((group) => ({ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: group })),
  }));
}

export async function ensureBootstrapPolicy(client: Client): Promise<void> {
  await Promise.all([ensure(client, clusterRoles, bootstrapRoles(), mendRole), ensure(client, clusterRoleBindings, bindings(), mendBinding)]);
}

async function ensure<T extends KubeObject>(client: Client, of: Resource<T>, wanted: readonly T[], mend: (kept: T, wanted: T) => T | undefined): Promise<void> {
  const kept = new Map((await client.list(of)).items.map((one) => [one.metadata.name, one]));
  await Promise.all(wanted.map(async (one) => {
    const existing = kept.get(one.metadata.name);
    if (!existing) return void (await client.create(of, one).catch(ignoreExisting));
    if (existing.metadata.annotations?.[autoUpdate] !== 'true') return;
    const mended = mend(existing, one);
    if (mended) await client.update(of, mended);
  }));
}

function ignoreExisting(error: unknown): void {
  if (!isStatusError(error, 'AlreadyExists')) throw error;
}

function mendRole(kept: ClusterRole, wanted: ClusterRole): ClusterRole | undefined {
  // Rules of aggregated roles are the aggregation controller's.
  if (wanted.aggregationRule) return undefined;
  const missing: PolicyRule[] = missingRules(kept.rules ?? [], wanted.rules ?? []);
  return missing.length > 0 ? { ...structuredClone(kept), rules: [...(kept.rules ?? []), ...compactRules(missing)] } : undefined;
}

function mendBinding(kept: RoleBinding, wanted: RoleBinding): RoleBinding | undefined {
  const has = (name: string) => kept.subjects?.some((subject) => subject.kind === 'Group' && subject.name === name);
  const missing = (wanted.subjects ?? []).filter(({ name }) => !has(name));
  return missing.length > 0 ? { ...structuredClone(kept), subjects: [...(kept.subjects ?? []), ...missing] } : undefined;
}
