import { copyJson } from '../../../../api/json.ts';
import type { KubeObject } from '../../../../api/meta.ts';
import { methodNotAllowed } from '../../../../api/status.ts';
import type { Answer } from '../answer.ts';
import type { Call } from '../call.ts';
import type { Core } from '../core.ts';
import { isStored } from '../kind-table.ts';
import { placeInNamespace } from '../write/metadata.ts';
import { replace } from '../write/replace.ts';
import { partOf } from './subresource.ts';

/** `object` is private and decoded. */
export async function update(core: Core, call: Call, object: KubeObject): Promise<Answer> {
  const { served } = call;
  placeInNamespace(call, object.metadata);
  if (!isStored(served)) {
    if (served.kind.type !== 'virtual' || !served.kind.update) throw methodNotAllowed();
    return { type: 'object', code: 200, served, object: await served.kind.update(call, object) };
  }
  // Rules change the object they are given; every attempt starts from what the client sent.
  return replace(core, call, served, { part: partOf(call), next: () => copyJson(object) });
}
