import { applyPatch, type Operation } from 'rfc6902';
import { copyJson, isObject, type JsonObject } from '../json.ts';
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
  for (const operation of copyJson(patch) as Operation[]) {
    const path = `/root${operation.path}`;
    const from = 'from' in operation ? { from: `/root${operation.from}` } : undefined;
    if (!isOwn(result, path) || (from && !isOwn(result, from.from))) throw refused();
    const [failure] = applyPatch(result, [{ ...operation, path, ...from } as Operation]);
    if (failure) throw refused();
  }
  return result.root;
}

/** Whether everything above the path's end belongs to the document: `/metadata/toString/…` would lead into what all objects share. */
function isOwn(document: unknown, path: string): boolean {
  let at = document;
  for (const part of path.split('/').slice(1, -1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return false;
    at = (at as JsonObject)[key];
  }
  return true;
}

const refused = () => new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request');
