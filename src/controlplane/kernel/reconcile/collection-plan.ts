/** What the garbage collector does with one object, as a pure function of the graph. */
import type { OwnerReference } from '../../../api/meta.ts';
import { foregroundFinalizer, orphanFinalizer } from '../apiserver/write/removal.ts';
import type { GraphNode, OwnerGraph } from './owner-graph.ts';

export type CollectionAction =
  | { do: 'delete'; node: GraphNode; policy: 'Foreground' | 'Background' | 'Orphan' }
  /** Takes the references with these uids off the object. */
  | { do: 'disown'; node: GraphNode; uids: readonly string[] }
  | { do: 'unfinalize'; node: GraphNode; finalizer: string };

/** Owners of kinds that are not kept in this store can be anything: they are taken to exist. */
export function planCollection(graph: OwnerGraph, node: GraphNode, isStoredKind: (reference: OwnerReference) => boolean): CollectionAction[] {
  if (node.deleting && node.finalizers.includes(orphanFinalizer)) {
    const dependents = graph.dependentsOf(node.uid);
    if (dependents.length === 0) return [{ do: 'unfinalize', node, finalizer: orphanFinalizer }];
    return dependents.map((dependent) => ({ do: 'disown', node: dependent, uids: [node.uid] }));
  }
  if (isForeground(node)) return planForeground(graph, node);
  if (node.deleting || node.owners.length === 0) return [];
  return planDependent(graph, node, isStoredKind);
}

/** The owner goes once nothing is left that holds it back. */
function planForeground(graph: OwnerGraph, node: GraphNode): CollectionAction[] {
  const dependents = graph.dependentsOf(node.uid);
  const holding = dependents.filter((dependent) => dependent.owners.some((owner) => owner.uid === node.uid && owner.blockOwnerDeletion));
  if (holding.length === 0) return [{ do: 'unfinalize', node, finalizer: foregroundFinalizer }];
  return dependents.flatMap((dependent) => planDependent(graph, dependent, () => true));
}

function planDependent(graph: OwnerGraph, node: GraphNode, isStoredKind: (reference: OwnerReference) => boolean): CollectionAction[] {
  if (node.deleting) return [];
  const absent: string[] = [];
  const ending: string[] = [];
  let solid = 0;
  for (const reference of node.owners) {
    const owner = graph.ownerOf(node, reference);
    if (!owner) {
      if (isStoredKind(reference)) absent.push(reference.uid);
      else solid++;
    } else if (isForeground(owner)) ending.push(reference.uid);
    else solid++;
  }
  if (absent.length + ending.length === 0) return [];
  if (solid > 0) return [{ do: 'disown', node, uids: [...absent, ...ending] }];
  const foreground = ending.length > 0 && graph.dependentsOf(node.uid).length > 0;
  return [{ do: 'delete', node, policy: foreground ? 'Foreground' : node.finalizers.includes(orphanFinalizer) ? 'Orphan' : 'Background' }];
}

const isForeground = (node: GraphNode): boolean => node.deleting && node.finalizers.includes(foregroundFinalizer);
