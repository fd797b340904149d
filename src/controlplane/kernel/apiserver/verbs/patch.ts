import { copyJson, isObject, type JsonObject } from '../../../../api/json.ts';
import type { KubeObject } from '../../../../api/meta.ts';
import { jsonPatch } from '../../../../api/patch/json-patch.ts';
import { mergePatch } from '../../../../api/patch/merge-patch.ts';
import { strategicMerge } from '../../../../api/patch/strategic-merge.ts';
import { badRequest, methodNotAllowed, StatusError } from '../../../../api/status.ts';
import type { PatchType } from '../../../../client/client.ts';
import type { Answer } from '../answer.ts';
import type { Call } from '../call.ts';
import type { Core } from '../core.ts';
import { decodeObject } from '../decode.ts';
import { isStored, type Served } from '../kind-table.ts';
import { replace } from '../write/replace.ts';
import { apply } from './apply.ts';
import { partOf } from './subresource.ts';
import { writeScale, type Scale } from './scale.ts';

export interface PatchRequest {
  type: PatchType;
  /** The parsed patch; private. */
  patch: unknown;
  /** Apply only: take fields that others own. */
  force?: boolean;
}

const mediaTypes: Record<string, PatchType> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

/** The patch type of a content type, or 415 with those that this kind takes. */
export function patchTypeOf(served: Served, contentType: string): PatchType {
  const type = mediaTypes[contentType];
  if (type && (type !== 'strategic' || served.type)) return type;
  const accepted = Object.keys(mediaTypes).filter((one) => served.type || mediaTypes[one] !== 'strategic');
  throw new StatusError(415, 'UnsupportedMediaType', `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`);
}

export async function patch(core: Core, call: Call, request: PatchRequest): Promise<Answer> {
  const { served } = call;
  if (!served.verbs.has('patch')) throw methodNotAllowed();
  if (call.subresource === 'scale' && served.subresources.get('scale')?.type === 'scale') {
    return writeScale(core, call, (current: Scale) => patched(undefined, current as unknown as JsonObject, request));
  }
  if (request.type === 'apply') return apply(core, call, request);
  if (!isStored(served)) return patchVirtual(call, request);
  return replace(core, call, served, {
    part: partOf(call),
    next: (current) => patchObject(call, current.object, request),
  });
}

function patchObject(call: Call, current: KubeObject, request: PatchRequest): KubeObject {
  // A patch leaves untouched parts as they lie in the store, frozen.
  const result = copyJson(patched(call.served.type, current as unknown as JsonObject, request));
  // A version that the patch does not name must not read as a demand of the client's.
  if (!namesVersion(request)) delete (result.metadata as JsonObject | undefined)?.resourceVersion;
  return decodeObject(call.served, result, { validation: call.fieldValidation, warn: (text) => call.warn(text) });
}

function patched(type: Served['type'], current: JsonObject, { type: kind, patch }: PatchRequest): JsonObject {
  const result = kind === 'json' ? jsonPatch(current, patch) : isObject(patch) ? (kind === 'merge' ? mergePatch(current, patch) : strategicMerge(type, current, patch)) : undefined;
  if (!isObject(result)) throw badRequest('json: cannot unmarshal into Go value of type map[string]interface {}');
  return result;
}

/** A version in the patch itself makes it a compare-and-swap. */
function namesVersion({ type, patch }: PatchRequest): boolean {
  if (type === 'json') return Array.isArray(patch) && patch.some((one) => isObject(one) && one.op !== 'test' && (one.path === '/metadata/resourceVersion' || one.path === '/metadata' || one.path === ''));
  return isObject(patch) && isObject(patch.metadata) && patch.metadata.resourceVersion !== undefined;
}

async function patchVirtual(call: Call, request: PatchRequest): Promise<Answer> {
  const { served } = call;
  if (served.kind.type !== 'virtual' || !served.kind.get || !served.kind.update) throw methodNotAllowed();
  const current = await served.kind.get(call, call.object);
  return { type: 'object', code: 200, served, object: await served.kind.update(call, patchObject(call, current, request)) };
}
