import type { KubeObject } from '../../../../api/meta.ts';
import { methodNotAllowed, notFound, type Status } from '../../../../api/status.ts';
import type { Answer } from '../answer.ts';
import type { Call } from '../call.ts';
import type { Core } from '../core.ts';
import { isStored, type Served } from '../kind-table.ts';
import { removeObject, type RemovalOptions } from '../write/removal.ts';

/** The object where it stays or ends gracefully, else a Status that names what is gone. */
export async function remove(core: Core, call: Call, options: RemovalOptions): Promise<Answer> {
  const { served } = call;
  if (!served.verbs.has('delete')) throw methodNotAllowed();
  if (!isStored(served)) {
    if (served.kind.type !== 'virtual' || !served.kind.delete) throw methodNotAllowed();
    const { gracePeriodSeconds, propagationPolicy } = options;
    const object = await served.kind.delete(call, call.object, { ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }), ...(propagationPolicy && { propagationPolicy }) });
    return { type: 'object', code: 200, served, object };
  }
  const removal = await removeObject(core, call, served, call.object, options);
  if (!removal) throw notFound(served.resource, call.object);
  if (!removal.gone && removal.entry) return { type: 'entry', code: 200, served, entry: removal.entry };
  if (!removal.gone || served.kind.gracePeriod) return { type: 'object', code: 200, served, object: removal.object };
  return { type: 'object', code: 200, served, object: goneStatus(served, removal.object) };
}

function goneStatus(served: Served, { metadata }: KubeObject): Status {
  const { group, plural } = served.resource;
  return {
    apiVersion: 'v1',
    kind: 'Status',
    metadata: {},
    status: 'Success',
    details: { name: metadata.name, ...(group && { group }), kind: plural, ...(metadata.uid && { uid: metadata.uid }) },
  };
}
