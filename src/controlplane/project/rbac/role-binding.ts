/** RoleBinding and ClusterRoleBinding. */
import { clusterRoleBindings, roleBindings, type RoleBinding, type Subject } from '../../../api/kinds/rbac.ts';
import { equalJson } from '../../../api/json.ts';
import type { Resource } from '../../../api/resource.ts';
import { invalidValue, notSupported, required, type FieldError } from '../../../api/status.ts';
import { ageColumn, nameColumn } from '../../kernel/apiserver/columns.ts';
import type { Column, StoredKind } from '../../kernel/apiserver/kind.ts';
import type { RbacAuthorizer } from './authorizer.ts';
import { requireBindable } from './escalation.ts';

const group = 'rbac.authorization.k8s.io';

const subjectsColumn = (name: string, kind: Subject['kind'], format: (subject: Subject) => string): Column<RoleBinding> => ({
  name, type: 'string', priority: 1, description: `${name} in the roleBinding`, cell: ({ subjects }) => (subjects ?? []).filter((subject) => subject.kind === kind).map(format).join(', '),
});
const columns: readonly Column<RoleBinding>[] = [
  nameColumn,
  { name: 'Role', type: 'string', description: 'Role references a Role or ClusterRole.', cell: ({ roleRef }) => `${roleRef.kind}/${roleRef.name}` },
  ageColumn,
  subjectsColumn('Users', 'User', ({ name }) => name),
  subjectsColumn('Groups', 'Group', ({ name }) => name),
  subjectsColumn('ServiceAccounts', 'ServiceAccount', ({ namespace, name }) => `${namespace ?? ''}/${name}`),
];

export const roleBindingKind = (rbac: RbacAuthorizer): StoredKind<RoleBinding> => bindingKind(rbac, roleBindings);
export const clusterRoleBindingKind = (rbac: RbacAuthorizer): StoredKind<RoleBinding> => bindingKind(rbac, clusterRoleBindings);

function bindingKind(rbac: RbacAuthorizer, of: Resource<RoleBinding>): StoredKind<RoleBinding> {
  return {
    type: 'stored',
    resource: of,
    nameRule: 'path',
    generation: false,
    columns,
    defaults(binding) {
      if (binding.roleRef) binding.roleRef.apiGroup ||= group;
      for (const subject of binding.subjects ?? []) if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= group;
    },
    prepareCreate: (binding, context) => requireBindable(rbac, context, of, binding.metadata.name, binding.roleRef),
    async prepareUpdate(binding, old, context) {
      if (!equalJson(binding.subjects ?? [], old.subjects ?? [])) await requireBindable(rbac, context, of, binding.metadata.name, binding.roleRef);
    },
    validate: (binding, old) => [...referenceErrors(binding, old, of.namespaced), ...(binding.subjects ?? []).flatMap((subject, index) => subjectErrors(subject, `subjects[${index}]`))],
  };
}

function referenceErrors({ roleRef }: RoleBinding, old: RoleBinding | undefined, namespaced: boolean): FieldError[] {
  const errors: FieldError[] = [];
  if (old && !equalJson(roleRef, old.roleRef)) return [invalidValue('roleRef', roleRef, 'cannot change roleRef')];
  if (roleRef.apiGroup !== group) errors.push(notSupported('roleRef.apiGroup', roleRef.apiGroup, [group]));
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (!kinds.includes(roleRef.kind)) errors.push(notSupported('roleRef.kind', roleRef.kind, kinds));
  if (!roleRef.name) errors.push(required('roleRef.name'));
  return errors;
}

function subjectErrors(subject: Subject, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!subject.name) errors.push(required(`${field}.name`));
  const kinds = ['ServiceAccount', 'User', 'Group'];
  if (!kinds.includes(subject.kind)) errors.push(notSupported(`${field}.kind`, subject.kind, kinds));
  else if (subject.kind === 'ServiceAccount') {
    if (!subject.namespace) errors.push(required(`${field}.namespace`));
    if (subject.apiGroup) errors.push(notSupported(`${field}.apiGroup`, subject.apiGroup, ['']));
  } else if (subject.apiGroup !== group) errors.push(notSupported(`${field}.apiGroup`, subject.apiGroup, [group]));
  return errors;
}
