/** Role and ClusterRole. */
import { clusterRoles, roles, type ClusterRole, type PolicyRule, type Role } from '../../../api/kinds/rbac.ts';
import { equalJson } from '../../../api/json.ts';
import { invalidValue, required, type FieldError } from '../../../api/status.ts';
import type { Resource } from '../../../api/resource.ts';
import { nameColumn } from '../../kernel/apiserver/columns.ts';
import type { Column, StoredKind } from '../../kernel/apiserver/kind.ts';
import type { RbacAuthorizer } from './authorizer.ts';
import { requireHeld } from './escalation.ts';

const createdAt: Column = { name: 'Created At', type: 'date', description: 'CreationTimestamp is a timestamp representing the server time when this object was created.', cell: ({ metadata }) => metadata.creationTimestamp ?? null };

export const roleKind = (rbac: RbacAuthorizer): StoredKind<Role> => rulesKind(rbac, roles, false);
export const clusterRoleKind = (rbac: RbacAuthorizer): StoredKind<ClusterRole> => rulesKind(rbac, clusterRoles, true);

function rulesKind<T extends Role>(rbac: RbacAuthorizer, of: Resource<T>, clusterWide: boolean): StoredKind<T> {
  return {
    type: 'stored',
    resource: of,
    nameRule: 'path',
    generation: false,
    columns: [nameColumn, createdAt],
    prepareCreate: (role, context) => requireHeld(rbac, context, of, role.metadata.name, role.rules ?? []),
    async prepareUpdate(role, old, context) {
      if (!equalJson(role.rules ?? [], old.rules ?? [])) await requireHeld(rbac, context, of, role.metadata.name, role.rules ?? []);
    },
    validate: (role) => (role.rules ?? []).flatMap((rule, index) => ruleErrors(rule, `rules[${index}]`, clusterWide)),
  };
}

function ruleErrors(rule: PolicyRule, field: string, clusterWide: boolean): FieldError[] {
  const errors: FieldError[] = [];
  if (!rule.verbs?.length) errors.push(required(`${field}.verbs`, 'verbs must contain at least one value'));
  if (rule.nonResourceURLs?.length) {
    if (!clusterWide) errors.push(invalidValue(`${field}.nonResourceURLs`, rule.nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'));
    if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length) {
      errors.push(invalidValue(`${field}.nonResourceURLs`, rule.nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs'));
    }
    return errors;
  }
  if (!rule.apiGroups?.length) errors.push(required(`${field}.apiGroups`, 'resource rules must supply at least one api group'));
  if (!rule.resources?.length) errors.push(required(`${field}.resources`, 'resource rules must supply at least one resource'));
  return errors;
}
