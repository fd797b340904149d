import { methodNotAllowed, notFound } from '../../../../api/status.ts';
import type { Answer } from '../answer.ts';
import type { Call } from '../call.ts';
import type { Core } from '../core.ts';
import { storeKey } from '../kind-table.ts';
import { checkNotTooNew } from './list-options.ts';

/** A single object; `resourceVersion` only asks not to be older than it. */
export async function get(core: Core, call: Call): Promise<Answer> {
  const { served } = call;
  if (served.kind.type === 'virtual') {
    if (!served.kind.get) throw methodNotAllowed();
    return { type: 'object', code: 200, served, object: await served.kind.get(call, call.object) };
  }
  const asked = call.query.size > 0 ? call.query.get('resourceVersion') : null;
  if (asked) checkNotTooNew(core.store, asked);
  const entry = core.store.get(storeKey(served, call.namespace, call.object));
  if (!entry) throw notFound(served.resource, call.object);
  return { type: 'entry', code: 200, served, entry };
}
