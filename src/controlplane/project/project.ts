/** Project: a namespace as its users see it. Lists and watches show those that the asking user may get. */
import { namespaces, type Namespace } from '../../api/kinds/core.ts';
import { projectAnnotations, projects, type Project } from '../../api/kinds/project.ts';
import { roleBindings, clusterRoleBindings } from '../../api/kinds/rbac.ts';
import { copyJson } from '../../api/json.ts';
import type { KubeObject, WatchEvent } from '../../api/meta.ts';
import { isStatusError, notFound } from '../../api/status.ts';
import { Scope } from '../../base/disposable.ts';
import { ageColumn, nameColumn } from '../kernel/apiserver/columns.ts';
import type { UserInfo, VirtualKind } from '../kernel/apiserver/kind.ts';
import type { InformerFactory } from '../kernel/reconcile/informer-factory.ts';
import type { LateClient } from '../kernel/boot/late-client.ts';
import type { RbacAuthorizer } from './rbac/authorizer.ts';
import { followVirtually } from '../kernel/apiserver/follow-virtually.ts';

const apiVersion = 'project.openshift.io/v1';

export function toProject({ metadata, spec, status }: Namespace): Project {
  const { managedFields: _managed, ...shown } = metadata;
  return {
    apiVersion, kind: 'Project', metadata: shown, spec: { finalizers: spec?.finalizers ?? [] }, status: { phase: status?.phase === 'Terminating' ? 'Terminating' : 'Active' },
  };
}

export function projectKind(late: LateClient, rbac: RbacAuthorizer, informers: () => InformerFactory): VirtualKind<Project> {
  const mayGet = async (user: UserInfo, name: string) => (await rbac.authorize(user, { verb: 'get', group: '', version: 'v1', resource: 'namespaces', namespace: name, name })).allowed;
  return {
    type: 'virtual',
    resource: projects,
    columns: [
      nameColumn,
      { name: 'Display Name', type: 'string', description: 'The name shown to users.', cell: ({ metadata }) => metadata.annotations?.[projectAnnotations.displayName] ?? '' },
      { name: 'Status', type: 'string', description: 'The status of the project.', cell: ({ status }) => status?.phase ?? '' },
      { ...ageColumn, priority: 1 },
    ],
    selectableFields: { 'status.phase': ({ status }) => status?.phase ?? '' },
    get: async (_context, name) => toProject(await renamed(name, late.get().get(namespaces, { name }))),
    async list({ user }) {
      const { items, metadata } = await late.get().list(namespaces);
      const visible = await Promise.all(items.map(({ metadata: { name } }) => mayGet(user, name)));
      return { apiVersion, kind: 'ProjectList', metadata, items: items.filter((_, index) => visible[index]).map(toProject) };
    },
    watch: ({ user }, resourceVersion, emit) => watchVisible({ late, informers: informers(), mayGet: (name) => mayGet(user, name) }, resourceVersion, emit),
    async update(_context, project) {
      const { name, annotations, resourceVersion } = project.metadata;
      const namespace = copyJson(await renamed(name, late.get().get(namespaces, { name })));
      namespace.metadata.annotations = { ...annotations };
      if (resourceVersion) namespace.metadata.resourceVersion = resourceVersion;
      return toProject(await renamed(name, late.get().update(namespaces, namespace)));
    },
    async delete(_context, name) {
      await renamed(name, late.get().delete(namespaces, { name }));
      return { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Success' } as unknown as KubeObject;
    },
  };
}

/** What is said of the namespace is said of the project. */
async function renamed<T>(name: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw isStatusError(error, 'NotFound') ? notFound(projects, name) : error;
  }
}

interface VisibleWatch {
  late: LateClient;
  informers: InformerFactory;
  mayGet(name: string): Promise<boolean>;
}

/** Follows namespaces, and bindings, since they decide who sees which: a project appears when its user gets a role in it and vanishes with the role. */
function watchVisible({ late, informers, mayGet }: VisibleWatch, resourceVersion: string | undefined, emit: (event: WatchEvent<Project>) => void): { dispose(): void } {
  const scope = new Scope();
  const cache = informers.for(namespaces);
  const shown = new Set<string>();
  /** Looked at and not shown; what is in neither set went away before this watch began, and its watcher may know it from a list. */
  const hidden = new Set<string>();
  /** One after the other: rights are asked asynchronously, and events must keep their order. */
  let last: Promise<void> = (async () => {
    await cache.synced;
    for (const { metadata } of cache.list()) ((await mayGet(metadata.name)) ? shown : hidden).add(metadata.name);
  })();
  const then = (work: () => Promise<void>) => void (last = last.then(async () => (scope.disposed ? undefined : work())).catch(() => undefined));

  const tell = async ({ type, object }: WatchEvent<Namespace>): Promise<void> => {
    if (type === 'ERROR') return emit({ type, object: object as unknown as Project });
    const { name } = object.metadata;
    if (type === 'DELETED') {
      shown.delete(name);
      if (!hidden.delete(name)) emit({ type, object: toProject(object) });
      return;
    }
    const before = shown.has(name);
    if (await mayGet(name)) {
      hidden.delete(name);
      shown.add(name);
      emit({ type: before ? type : 'ADDED', object: toProject(object) });
    } else {
      hidden.add(name);
      if (shown.delete(name)) emit({ type: 'DELETED', object: toProject(object) });
    }
  };
  const look = async (names: readonly string[]): Promise<void> => {
    for (const name of names) {
      const namespace = cache.get(name);
      if (namespace && (await mayGet(name)) !== shown.has(name)) await tell({ type: 'MODIFIED', object: namespace });
    }
  };
  scope.own(followVirtually(late.get().watch(namespaces, { ...(resourceVersion && { resourceVersion }) }), (event) => then(() => tell(event))));
  scope.own(informers.for(roleBindings).onChange(({ object }) => then(() => look([object.metadata.namespace ?? '']))));
  scope.own(informers.for(clusterRoleBindings).onChange(() => then(() => look(cache.list().map(({ metadata }) => metadata.name)))));
  return { dispose: () => void scope.dispose() };
}
