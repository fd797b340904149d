// Reads namespaces, service accounts, secrets, config maps, limit ranges, quotas, roles, bindings, events, pods; to end a namespace everything in it.
// Writes namespaces, service accounts, secrets, config maps, roles and bindings, the status of quotas; fills in pods by limit ranges; deletes events by age and everything in namespaces that end.
import { namespaces } from '../../api/kinds/core.ts';
import { projectAnnotations } from '../../api/kinds/project.ts';
import type { Resource } from '../../api/resource.ts';
import { isStatusError } from '../../api/status.ts';
import type { Clock } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';
import { kind } from '../kernel/apiserver/kind.ts';
import type { Module } from '../kernel/boot/module.ts';
import type { Reader } from '../kernel/store/store.ts';
import type { InformerFactory } from '../kernel/reconcile/informer-factory.ts';
import { configMapKind } from './config-map.ts';
import { eventKind } from './event.ts';
import { startEventExpiry } from './event-expiry.ts';
import { eventViewKind } from './event-view.ts';
import { LateClient } from '../kernel/boot/late-client.ts';
import { leaseKind } from './lease.ts';
import { limitRangeKind } from './limit-range.ts';
import { builtInProjects, namespaceKind } from './namespace.ts';
import { startContentController } from './namespace-content-controller.ts';
import { startDeletionController } from './namespace-deletion-controller.ts';
import { projectKind } from './project.ts';
import { projectRequestKind } from './project-request.ts';
import { limitsAdmission } from './quota/limits-admission.ts';
import { startQuotaController } from './quota/quota-controller.ts';
import { QuotaUsage } from './quota/quota-usage.ts';
import { startAggregationController } from './rbac/aggregation-controller.ts';
import type { RbacAuthorizer } from './rbac/authorizer.ts';
import { ensureBootstrapPolicy } from './rbac/bootstrap.ts';
import { clusterRoleKind, roleKind } from './rbac/role.ts';
import { clusterRoleBindingKind, roleBindingKind } from './rbac/role-binding.ts';
import { localSubjectAccessReviewKind, selfSubjectAccessReviewKind, selfSubjectRulesReviewKind, subjectAccessReviewKind } from './review/access-review.ts';
import { selfSubjectReviewKind, tokenReviewKind } from './review/identity-review.ts';
import { openshiftReviewKinds } from './review/openshift-review.ts';
import { resourceQuotaKind } from './resource-quota.ts';
import { secretKind } from './secret.ts';
import { serviceAccountKind } from './service-account.ts';
import type { TokenAuthority } from './token/token-authority.ts';

export interface ProjectDependencies {
  clock: Clock;
  /** Limits and quotas are looked up and counted in it, in one step with letting something in. */
  store: Reader;
  /** The same that decides for the API server. Refuses until this module has started. */
  rbac: RbacAuthorizer;
  /** The same that reviews tokens for the API server. */
  tokens: TokenAuthority;
  /** PEM; goes into every project as `kube-root-ca.crt`. */
  caCertificate: string;
  /** Every kind of thing that is stored in a namespace: what is emptied when one ends. */
  namespaced(): readonly Resource[];
}

/** Its client must belong to `system:masters`: it makes the roles by which everyone else is judged. */
export function projectModule({ clock, store, rbac, tokens, caCertificate, namespaced }: ProjectDependencies): Module {
  const late = new LateClient();
  const usage = new QuotaUsage(store, clock);
  let informers: InformerFactory | undefined;
  const factory = (): InformerFactory => {
    late.get();
    if (!informers) throw new Error('the project module has not started');
    return informers;
  };
  const tools = () => ({ client: late.get(), tokens, caCertificate });
  return {
    name: 'project',
    dependsOn: [],
    kinds: [
      kind(namespaceKind), kind(projectKind(late, rbac, factory)), kind(projectRequestKind(tools, rbac, clock)), kind(serviceAccountKind(late, tokens)), kind(secretKind),
      kind(configMapKind), kind(eventKind), kind(eventViewKind(late)), kind(leaseKind), kind(limitRangeKind), kind(resourceQuotaKind), kind(roleKind(rbac)), kind(roleBindingKind(rbac)), kind(clusterRoleKind(rbac)),
      kind(clusterRoleBindingKind(rbac)), kind(subjectAccessReviewKind(rbac)), kind(localSubjectAccessReviewKind(rbac)), kind(selfSubjectAccessReviewKind(rbac)),
      kind(selfSubjectRulesReviewKind(rbac)), kind(selfSubjectReviewKind), kind(tokenReviewKind(tokens)), ...openshiftReviewKinds(rbac).map((one) => kind(one)),
    ],
    admission: [limitsAdmission(store, usage)],
    async start(context) {
      late.set(context.client);
      informers = context.informers;
      tokens.start(context.client);
      await Promise.all([ensureBootstrapPolicy(context.client), ensureBuiltInProjects(context.client)]);
      await rbac.start(context.informers);
      await startAggregationController(context);
      await startContentController(context, tools());
      await startDeletionController(context, namespaced);
      startEventExpiry(context);
      startQuotaController(context, usage, namespaced);
    },
  };
}

async function ensureBuiltInProjects(client: Client): Promise<void> {
  const kept = new Set((await client.list(namespaces)).items.map(({ metadata }) => metadata.name));
  const missing = builtInProjects.filter((name) => !kept.has(name));
  await Promise.all(missing.map((name) =>
    client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name, annotations: { [projectAnnotations.displayName]: '', [projectAnnotations.description]: '' } } }).catch((error: unknown) => {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
    }),
  ));
}
