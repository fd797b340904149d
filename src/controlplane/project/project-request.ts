/** ProjectRequest: how a user who may make no namespaces gets a project, of which that user becomes the administrator. */
import { namespaces, type Namespace } from '../../api/kinds/core.ts';
import { projectAnnotations, projectRequests, projects, type ProjectRequest } from '../../api/kinds/project.ts';
import { roleBindings, type RoleBinding, type Subject } from '../../api/kinds/rbac.ts';
import type { KubeList } from '../../api/meta.ts';
import { alreadyExists, forbidden, invalid, invalidValue, isStatusError, required, serviceUnavailable } from '../../api/status.ts';
import { delay, type Clock } from '../../base/clock.ts';
import type { UserInfo, VirtualKind } from '../kernel/apiserver/kind.ts';
import { ensureContent, type ContentTools } from './namespace-content.ts';
import { toProject } from './project.ts';
import type { RbacAuthorizer } from './rbac/authorizer.ts';

/** Names that only the platform itself gives. */
const reserved = /^(kube|openshift|kubernetes|slipway)-/;
/** The new binding must be known before the client uses it. */
const visibleWithin = 5_000;
const lookEvery = 10;

export function projectRequestKind(tools: () => ContentTools, rbac: RbacAuthorizer, clock: Clock): VirtualKind<ProjectRequest> {
  return {
    type: 'virtual',
    resource: projectRequests,
    /** Clients ask so before they create; the answer is a Status. */
    async list({ user }) {
      const { allowed } = await rbac.authorize(user, { verb: 'create', group: projectRequests.group, version: projectRequests.version, resource: projectRequests.plural });
      if (!allowed) throw forbidden(projectRequests, '', 'You may not request a new project via this API.');
      return { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Success', items: [] } as unknown as KubeList<ProjectRequest>;
    },
    async create({ user, dryRun }, request) {
      const { client } = tools();
      const { name } = request.metadata;
      check(name, user);
      const wanted = namespaceFor(request, user);
      let namespace: Namespace;
      try {
        namespace = await client.create(namespaces, wanted, { dryRun });
      } catch (error) {
        throw isStatusError(error, 'AlreadyExists') ? alreadyExists(projects, name) : error;
      }
      if (dryRun) return toProject(namespace);
      await client.create(roleBindings, adminBinding(name, user));
      await ensureContent(tools(), name);
      await untilVisible(rbac, user, name, clock);
      return toProject(namespace);
    },
  };
}

function check(name: string | undefined, user: UserInfo): void {
  const kind = { group: 'project.openshift.io', kind: 'ProjectRequest' };
  if (!name) throw invalid(kind, '', [required('metadata.name', 'name or generateName is required')]);
  if (name.length < 2) throw invalid(kind, name, [invalidValue('metadata.name', name, 'must be at least 2 characters long')]);
  if (reserved.test(name) && !user.groups.includes('system:masters')) {
    throw forbidden(projectRequests, name, `cannot request a project starting with "${name.slice(0, name.indexOf('-') + 1)}"`);
  }
}

function namespaceFor({ metadata, displayName, description }: ProjectRequest, user: UserInfo): Namespace {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: metadata.name,
      ...(metadata.labels && { labels: metadata.labels }),
      annotations: {
        ...metadata.annotations,
        [projectAnnotations.displayName]: displayName ?? '', [projectAnnotations.description]: description ?? '', [projectAnnotations.requester]: user.username,
      },
    },
  };
}

function adminBinding(namespace: string, { username }: UserInfo): RoleBinding {
  const apiGroup = 'rbac.authorization.k8s.io';
  const [, accountNamespace, account] = /^system:serviceaccount:([^:]+):(.+)$/.exec(username) ?? [];
  const subject: Subject = account && accountNamespace ? { kind: 'ServiceAccount', namespace: accountNamespace, name: account } : { kind: 'User', apiGroup, name: username };
  return { apiVersion: `${apiGroup}/v1`, kind: 'RoleBinding', metadata: { name: 'admin', namespace }, roleRef: { apiGroup, kind: 'ClusterRole', name: 'admin' }, subjects: [subject] };
}

async function untilVisible(rbac: RbacAuthorizer, user: UserInfo, name: string, clock: Clock): Promise<void> {
  const end = clock.now().getTime() + visibleWithin;
  while (!(await rbac.authorize(user, { verb: 'get', group: '', version: 'v1', resource: 'namespaces', namespace: name, name })).allowed) {
    if (clock.now().getTime() > end) throw serviceUnavailable(`project ${name} was created but its role binding is not effective yet, try again in a moment`);
    await delay(clock, lookEvery);
  }
}
