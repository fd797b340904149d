import type { KubeObject } from '../../../../api/meta.ts';
import { methodNotAllowed } from '../../../../api/status.ts';
import type { Answer } from '../answer.ts';
import type { Call } from '../call.ts';
import type { Core } from '../core.ts';
import { isStored } from '../kind-table.ts';
import { removeObject, type RemovalOptions } from '../write/removal.ts';
import { list } from './list.ts';

/** Deletes what the same query would list, all at once so that the store can commit it together. */
export async function deleteCollection(core: Core, call: Call, options: RemovalOptions): Promise<Answer> {
  const { served } = call;
  if (!isStored(served) || !served.verbs.has('deletecollection')) throw methodNotAllowed();
  const found = await list(core, call);
  if (found.type !== 'page') throw methodNotAllowed();
  const removals = await Promise.all(
    found.entries.map(({ object: { metadata } }) => {
      const one = call.with({ namespace: metadata.namespace, name: metadata.name });
      return removeObject(core, one, served, metadata.name, { ...options, uid: metadata.uid });
    }),
  );
  const items = removals.flatMap((removal): KubeObject[] => (removal ? [removal.object] : []));
  return { type: 'list', served, list: { apiVersion: served.apiVersion, kind: served.listKind, metadata: { resourceVersion: String(core.store.revision) }, items } };
}
