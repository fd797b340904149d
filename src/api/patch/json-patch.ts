import { applyPatch, type Operation } from 'rfc6902';
import { copyJson, isObject } from '../json.ts';
import { badRequest, StatusError } from '../status.ts';

const names = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test']);
/** As in the real server: a patch beyond this is refused rather than applied slowly. */
const mostOperations = 10_000;

/** RFC 6902. Returns a new value. Throws 400 for what is no patch, 422 for one that does not apply. */
export function jsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest('error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  if (patch.length > mostOperations) throw new StatusError(413, 'RequestEntityTooLarge', `The allowed maximum operations in a JSON patch is ${mostOperations}, got ${patch.length}`);
  for (const operation of patch as unknown[]) {
    if (!isObject(operation) || typeof operation.op !== 'string' || !names.has(operation.op) || typeof operation.path !== 'string') throw refused();
  }
  const result = { root: copyJson(target) };
  const rooted = (copyJson(patch) as Operation[]).map((operation) => ({
    ...operation,
    path: `/root${operation.path}`,
    ...('from' in operation && { from: `/root${operation.from}` }),
  })) as Operation[];
  for (const failure of applyPatch(result, rooted)) if (failure !== null) throw refused();
  return result.root;
}

const refused = () => new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request');
