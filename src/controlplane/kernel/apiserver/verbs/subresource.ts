import type { KubeObject } from '../../../../api/meta.ts';
import { methodNotAllowed } from '../../../../api/status.ts';
import type { Call } from '../call.ts';
import type { FieldsSubresource, Subresource } from '../kind.ts';

/** What is under the path's subresource; undefined for the object itself. */
export function subresourceOf(call: Call): Subresource | { type: 'scale' } | undefined {
  return call.subresource === undefined ? undefined : call.served.subresources.get(call.subresource);
}

/** The part of the object a write is about; undefined when it is the whole. */
export function partOf(call: Call): FieldsSubresource<KubeObject> | undefined {
  if (call.subresource === undefined) return undefined;
  const found = subresourceOf(call);
  if (found?.type !== 'fields') throw methodNotAllowed();
  return found;
}
