/** Role-based access control: what bindings and roles in the caches allow. */
import { clusterRoleBindings, clusterRoles, roleBindings, roles, type PolicyRule, type Role, type RoleBinding, type RoleRef } from '../../../api/kinds/rbac.ts';
import type { Informer } from '../../../client/informer.ts';
import type { UserInfo } from '../../kernel/apiserver/kind.ts';
import type { Authorizer, Decision, RequestAttributes } from '../../kernel/apiserver/ports.ts';
import type { InformerFactory } from '../../kernel/reconcile/informer-factory.ts';
import { rulesAllow } from './rules.ts';

const allowed: Decision = Object.freeze({ allowed: true });
const denied: Decision = Object.freeze({ allowed: false });
const starting: Decision = Object.freeze({ allowed: false, reason: 'the platform is starting, try again in a moment' });

interface Caches {
  roles: Informer<Role>;
  clusterRoles: Caches['roles'];
  roleBindings: Informer<RoleBinding>;
  clusterRoleBindings: Informer<RoleBinding>;
}

/** The subjects a user answers to, as the indexes file them. */
const subjectsOf = (user: UserInfo): string[] => [`User:${user.username}`, ...user.groups.map((group) => `Group:${group}`)];

function boundSubjects(binding: RoleBinding): string[] {
  return (binding.subjects ?? []).map(({ kind, name, namespace }) =>
    kind === 'ServiceAccount' ? `User:system:serviceaccount:${namespace ?? binding.metadata.namespace ?? ''}:${name}` : `${kind}:${name}`,
  );
}

/** Made before the API server, which needs `authorize`; refuses everything until `start` has filled the caches. */
export class RbacAuthorizer {
  #caches: Caches | undefined;

  async start(informers: InformerFactory): Promise<void> {
    const caches: Caches = {
      roles: informers.for(roles),
      clusterRoles: informers.for(clusterRoles),
      roleBindings: informers.for(roleBindings, { subject: (binding) => boundSubjects(binding).map((subject) => `${binding.metadata.namespace ?? ''}/${subject}`) }),
      clusterRoleBindings: informers.for(clusterRoleBindings, { subject: boundSubjects }),
    };
    await Promise.all(Object.values(caches).map(({ synced }) => synced as Promise<void>));
    this.#caches = caches;
  }

  readonly authorize: Authorizer = (user, attributes) => {
    if (user.groups.includes('system:masters')) return allowed;
    if (!this.#caches) return starting;
    for (const rules of this.#ruleSets(user, namespaceOf(attributes))) if (rulesAllow(rules, attributes)) return allowed;
    return denied;
  };

  /** Everything a user may do in a namespace (and cluster-wide), or only cluster-wide without one. */
  rulesFor(user: UserInfo, namespace: string | undefined): PolicyRule[] {
    if (user.groups.includes('system:masters')) return [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { verbs: ['*'], nonResourceURLs: ['*'] }];
    return [...this.#ruleSets(user, namespace)].flat();
  }

  /** The rules a binding's reference stands for; undefined if there is no such role. */
  rulesOf(reference: Pick<RoleRef, 'kind' | 'name'>, namespace: string | undefined): readonly PolicyRule[] | undefined {
    const role = reference.kind === 'ClusterRole' ? this.#caches?.clusterRoles.get(reference.name) : this.#caches?.roles.get(`${namespace ?? ''}/${reference.name}`);
    return role && (role.rules ?? []);
  }

  /** Users and groups (service accounts by their user name) that may do something, without those of `system:masters`. */
  whoCan(attributes: RequestAttributes): { users: string[]; groups: string[] } {
    const namespace = namespaceOf(attributes);
    const bindings = [...(this.#caches?.clusterRoleBindings.list() ?? []), ...(namespace ? (this.#caches?.roleBindings.list(namespace) ?? []) : [])];
    const found = new Set(['Group:system:masters']);
    for (const binding of bindings) {
      if (rulesAllow(this.rulesOf(binding.roleRef, binding.metadata.namespace), attributes)) for (const subject of boundSubjects(binding)) found.add(subject);
    }
    const named = (kind: string) => [...found].filter((subject) => subject.startsWith(kind)).map((subject) => subject.slice(kind.length)).sort();
    return { users: named('User:'), groups: named('Group:') };
  }

  *#ruleSets(user: UserInfo, namespace: string | undefined): Generator<readonly PolicyRule[]> {
    if (!this.#caches) return;
    const { clusterRoleBindings: wide, roleBindings: local } = this.#caches;
    const subjects = subjectsOf(user);
    for (const subject of subjects) for (const binding of wide.byIndex('subject', subject)) yield this.rulesOf(binding.roleRef, undefined) ?? [];
    if (!namespace) return;
    for (const subject of subjects) for (const binding of local.byIndex('subject', `${namespace}/${subject}`)) yield this.rulesOf(binding.roleRef, namespace) ?? [];
  }
}

/** A namespace and the project that shows it lie in themselves: whoever has a role inside may be given rights on it there. */
function namespaceOf({ namespace, resource, name, path }: RequestAttributes): string | undefined {
  if (namespace || path !== undefined) return namespace;
  return resource === 'namespaces' || resource === 'projects' ? name : undefined;
}
