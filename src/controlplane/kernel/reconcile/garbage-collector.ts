/**
 * Deletes what lost its owners, and works off the finalizers `foregroundDeletion` and `orphan` (kubernetes.io "Garbage Collection").
 * Reads the store itself, since it needs every kind at once; writes through the client like everyone.
 */
import type { OwnerReference } from '../../../api/meta.ts';
import { apiVersionOf, type Resource } from '../../../api/resource.ts';
import { isStatusError } from '../../../api/status.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Disposable } from '../../../base/disposable.ts';
import type { Log } from '../../../base/log.ts';
import type { Client } from '../../../client/client.ts';
import { collectionPrefix } from '../apiserver/kind-table.ts';
import type { StoreEvent, Watchable } from '../store/store.ts';
import { planCollection, type CollectionAction } from './collection-plan.ts';
import { controller } from './controller.ts';
import { OwnerGraph, type GraphNode } from './owner-graph.ts';

export interface GarbageCollectorOptions {
  store: Watchable;
  /** May delete and patch everything. */
  client: Client;
  /** The kinds that the store holds. */
  resources: readonly Resource[];
  clock: Clock;
  log: Log;
}

export function garbageCollector({ store, client, resources, clock, log }: GarbageCollectorOptions): Disposable {
  const graph = new OwnerGraph();
  const byPrefix = new Map(resources.map((one) => [collectionPrefix(one), one]));
  const kinds = new Set(resources.map((one) => `${apiVersionOf(one)}/${one.kind}`));
  const isStoredKind = ({ apiVersion, kind }: OwnerReference) => kinds.has(`${apiVersion}/${kind}`);
  const resourceOf = (key: string) => byPrefix.get(key.split('/', 2).join('/') + '/');

  const loop = controller({
    name: 'garbage-collector',
    clock,
    log,
    async reconcile(key) {
      const node = graph.get(key);
      if (!node) return;
      const actions = planCollection(graph, node, isStoredKind);
      await Promise.all(actions.map((action) => perform(action)));
    },
  });

  async function perform(action: CollectionAction): Promise<void> {
    const { node } = action;
    const of = resourceOf(node.key);
    const entry = store.get(node.key);
    if (!of || !entry || entry.object.metadata.uid !== node.uid) return;
    const { metadata } = entry.object;
    const at = { namespace: metadata.namespace, name: metadata.name };
    const pinned = { uid: node.uid, resourceVersion: metadata.resourceVersion };
    try {
      switch (action.do) {
        case 'delete':
          log.debug('deleting what lost its owner', { key: node.key });
          await client.delete(of, at, { propagationPolicy: action.policy, preconditions: { uid: node.uid } });
          return;
        case 'disown': {
          const ownerReferences = (metadata.ownerReferences ?? []).filter((one) => !action.uids.includes(one.uid));
          await client.patch(of, at, 'merge', { metadata: { ...pinned, ownerReferences } });
          return;
        }
        case 'unfinalize': {
          const finalizers = (metadata.finalizers ?? []).filter((one) => one !== action.finalizer);
          await client.patch(of, at, 'merge', { metadata: { ...pinned, finalizers } });
        }
      }
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
    }
  }

  function take(event: StoreEvent): void {
    const { key } = event.entry;
    if (event.type === 'remove') {
      const gone = graph.remove(key);
      if (gone) leave(gone);
      return;
    }
    const before = graph.get(key);
    const now = graph.put(key, event.entry.object);
    if (before && before.uid !== now.uid) leave(before);
    const owned = now.owners.length > 0 && !(before && sameOwners(before, now));
    const ending = now.deleting && !(before?.deleting && before.finalizers.length === now.finalizers.length);
    if (owned || ending) loop.enqueue(key);
    // A dependent that let go may have been the last one its owner waited for.
    if (before) for (const owner of before.owners) enqueueEnding(owner);
  }

  function leave(gone: GraphNode): void {
    for (const dependent of graph.dependentsOf(gone.uid)) loop.enqueue(dependent.key);
    for (const owner of gone.owners) enqueueEnding(owner);
  }

  function enqueueEnding({ uid }: OwnerReference): void {
    const owner = graph.byUid(uid);
    if (owner?.deleting && owner.finalizers.length > 0) loop.enqueue(owner.key);
  }

  const watch = store.watch('', undefined, (events) => events.forEach(take));
  for (const { key, object } of store.list('').entries) {
    const node = graph.put(key, object);
    if (node.owners.length > 0 || node.deleting) loop.enqueue(key);
  }
  return {
    async dispose() {
      await watch.dispose();
      await loop.dispose();
    },
  };
}

function sameOwners(a: GraphNode, b: GraphNode): boolean {
  return a.owners.length === b.owners.length && a.owners.every((owner, index) => owner.uid === b.owners[index]?.uid);
}
