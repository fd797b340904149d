/** Namespaces: what holds everything else. They go only when what they held has gone (see namespace-deletion-controller.ts). */
import { namespaces, type Namespace } from '../../api/kinds/core.ts';
import { forbidden } from '../../api/status.ts';
import { ageColumn, nameColumn } from '../kernel/apiserver/columns.ts';
import type { StoredKind } from '../kernel/apiserver/kind.ts';

/** The finalizer whose holder is the deletion controller. */
export const contentFinalizer = 'kubernetes';
const nameLabel = 'kubernetes.io/metadata.name';

/** Projects that are there from the beginning; the first three may not be deleted, as in Kubernetes. */
export const builtInProjects = ['default', 'kube-system', 'kube-public', 'kube-node-lease', 'openshift', 'openshift-infra'] as const;
const undeletable: readonly string[] = ['default', 'kube-system', 'kube-public'];

export const namespaceKind: StoredKind<Namespace> = {
  type: 'stored',
  resource: namespaces,
  nameRule: 'dns1123Label',
  generation: false,
  statusSubresource: true,
  columns: [nameColumn, { name: 'Status', type: 'string', description: 'The status of the namespace', cell: ({ status }) => status?.phase ?? '' }, ageColumn],
  selectableFields: { 'status.phase': ({ status }) => status?.phase ?? '' },
  defaults(namespace) {
    // Cannot be taken away: selectors of network policies rely on it.
    namespace.metadata.labels = { ...namespace.metadata.labels, [nameLabel]: namespace.metadata.name };
  },
  prepareCreate(namespace) {
    namespace.metadata.labels = { ...namespace.metadata.labels, [nameLabel]: namespace.metadata.name };
    const finalizers = namespace.spec?.finalizers ?? [];
    namespace.spec = { finalizers: finalizers.includes(contentFinalizer) ? finalizers : [...finalizers, contentFinalizer] };
    namespace.status = { phase: 'Active' };
  },
  prepareUpdate(namespace, old) {
    // Only `finalize` takes finalizers away.
    namespace.spec = old.spec ?? {};
  },
  prepareDelete(namespace) {
    const { name } = namespace.metadata;
    if (undeletable.includes(name)) throw forbidden(namespaces, name, 'this namespace may not be deleted');
    namespace.status = { ...namespace.status, phase: 'Terminating' };
  },
  finalizers: ({ spec }) => spec?.finalizers ?? [],
  subresources: {
    finalize: {
      type: 'fields',
      kind: 'Namespace',
      copy(from, to) {
        to.spec = { ...to.spec, finalizers: from.spec?.finalizers ?? [] };
      },
    },
  },
};
