/** How a namespace ends: everything in it is deleted; when nothing is left, its own finalizer goes, and with it the namespace (kubernetes namespaced_resources_deleter). */
import type { Namespace } from '../../api/kinds/core.ts';
import { toTime, type Condition, type KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';
import { contentFinalizer } from './namespace.ts';

/** What was found in the namespace, after deletion of it was asked for. */
export interface Remaining {
  of: Resource;
  objects: readonly KubeObject[];
}

export type DeletionStep = { type: 'finalize'; finalizers: string[] } | { type: 'wait'; conditions: Condition[] };

export function planDeletion(namespace: Namespace, remaining: readonly Remaining[], failures: readonly string[], now: Date): DeletionStep {
  const left = remaining.filter(({ objects }) => objects.length > 0);
  if (left.length === 0 && failures.length === 0) return { type: 'finalize', finalizers: (namespace.spec?.finalizers ?? []).filter((one) => one !== contentFinalizer) };
  const finalizers = new Map<string, number>();
  for (const { objects } of left) for (const { metadata } of objects) for (const one of metadata.finalizers ?? []) finalizers.set(one, (finalizers.get(one) ?? 0) + 1);
  const failed = failures.length > 0;
  return {
    type: 'wait',
    conditions: [
      condition(namespace, now, 'NamespaceDeletionDiscoveryFailure', false, 'ResourcesDiscovered', 'All resources successfully discovered'),
      condition(namespace, now, 'NamespaceDeletionGroupVersionParsingFailure', false, 'ParsedGroupVersions', 'All legacy kube types successfully parsed'),
      condition(namespace, now, 'NamespaceDeletionContentFailure', failed, failed ? 'ContentDeletionFailed' : 'ContentDeleted', failed ? `Failed to delete all resource types, ${failures.length} remaining: ${failures.join(', ')}` : 'All content successfully deleted, may be waiting on finalization'),
      left.length > 0
        ? condition(namespace, now, 'NamespaceContentRemaining', true, 'SomeResourcesRemain', `Some resources are remaining: ${left.map(({ of, objects }) => `${of.plural}.${of.group} has ${objects.length} resource instances`).join(', ')}`)
        : condition(namespace, now, 'NamespaceContentRemaining', false, 'ContentRemoved', 'All content successfully removed'),
      finalizers.size > 0
        ? condition(namespace, now, 'NamespaceFinalizersRemaining', true, 'SomeFinalizersRemain', `Some content in the namespace has finalizers remaining: ${[...finalizers].map(([name, count]) => `${name} in ${count} resource instances`).join(', ')}`)
        : condition(namespace, now, 'NamespaceFinalizersRemaining', false, 'ContentHasNoFinalizers', 'All content-preserving finalizers finished'),
    ],
  };
}

function condition(namespace: Namespace, now: Date, type: string, holds: boolean, reason: string, message: string): Condition {
  const status = holds ? 'True' : 'False';
  const before = (namespace.status?.conditions as Condition[] | undefined)?.find((one) => one.type === type);
  const since = before?.status === status && before.lastTransitionTime ? before.lastTransitionTime : toTime(now);
  return { type, status, lastTransitionTime: since, reason, message };
}
