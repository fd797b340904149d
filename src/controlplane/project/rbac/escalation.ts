/** Nobody gives away what they do not have: rules for writing roles and bindings (kubernetes.io, "Privilege escalation prevention and bootstrapping"). */
import type { PolicyRule, RoleRef } from '../../../api/kinds/rbac.ts';
import type { Resource } from '../../../api/resource.ts';
import { forbidden } from '../../../api/status.ts';
import type { RequestContext } from '../../kernel/apiserver/kind.ts';
import type { RbacAuthorizer } from './authorizer.ts';
import { compactRules, formatRule, missingRules } from './rules.ts';

/** Throws 403 unless the user holds every rule, or may `escalate` on the role. */
export async function requireHeld(rbac: RbacAuthorizer, context: RequestContext, of: Resource, name: string, rules: readonly PolicyRule[]): Promise<void> {
  if (await may(rbac, context, 'escalate', of.plural, name)) return;
  refuseMissing(rbac, context, of, name, rules);
}

/** Throws 403 unless the user holds every rule of the role, or may `bind` it. */
export async function requireBindable(rbac: RbacAuthorizer, context: RequestContext, of: Resource, name: string, reference: RoleRef): Promise<void> {
  if (await may(rbac, context, 'bind', reference.kind === 'ClusterRole' ? 'clusterroles' : 'roles', reference.name)) return;
  // A role that does not exist yet grants nothing now, but what it will grant is unknown.
  const rules = rbac.rulesOf(reference, context.namespace) ?? [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }];
  refuseMissing(rbac, context, of, name, rules);
}

async function may(rbac: RbacAuthorizer, { user, namespace }: RequestContext, verb: string, resource: string, name: string): Promise<boolean> {
  return (await rbac.authorize(user, { verb, group: 'rbac.authorization.k8s.io', version: 'v1', resource, name, namespace })).allowed;
}

function refuseMissing(rbac: RbacAuthorizer, { user, namespace }: RequestContext, of: Resource, name: string, rules: readonly PolicyRule[]): void {
  const missing = missingRules(rbac.rulesFor(user, namespace), rules);
  if (missing.length === 0) return;
  const who = `user ${JSON.stringify(user.username)} (groups=[${user.groups.map((group) => JSON.stringify(group)).join(' ')}])`;
  throw forbidden(of, name, `${who} is attempting to grant RBAC permissions not currently held:\n${compactRules(missing).map(formatRule).join('\n')}`);
}
