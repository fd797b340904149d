/** rbac.authorization.k8s.io/v1. */
import type { KubeObject, LabelSelector } from '../meta.ts';
import { resource } from '../resource.ts';

export interface PolicyRule {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}
export interface Subject {
  kind: 'User' | 'Group' | 'ServiceAccount';
  apiGroup?: string;
  name: string;
  namespace?: string;
}
export interface RoleRef {
  apiGroup: 'rbac.authorization.k8s.io';
  kind: 'Role' | 'ClusterRole';
  name: string;
}
export interface Role extends KubeObject {
  rules?: PolicyRule[] | null;
}
export interface ClusterRole extends Role {
  aggregationRule?: { clusterRoleSelectors?: LabelSelector[] };
}
export interface RoleBinding extends KubeObject {
  subjects?: Subject[];
  roleRef: RoleRef;
}
export type ClusterRoleBinding = RoleBinding;

const version = 'rbac.authorization.k8s.io/v1';
export const roles = resource<Role>(version, { kind: 'Role', plural: 'roles', namespaced: true });
export const roleBindings = resource<RoleBinding>(version, { kind: 'RoleBinding', plural: 'rolebindings', namespaced: true });
export const clusterRoles = resource<ClusterRole>(version, { kind: 'ClusterRole', plural: 'clusterroles', namespaced: false });
export const clusterRoleBindings = resource<ClusterRoleBinding>(version, { kind: 'ClusterRoleBinding', plural: 'clusterrolebindings', namespaced: false });
