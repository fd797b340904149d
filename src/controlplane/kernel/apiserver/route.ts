/** What a path and method ask for, before anyone looks whether it exists (apiserver RequestInfo). */
import type { RequestAttributes } from './ports.ts';

export interface ResourceRequest {
  readonly type: 'resource';
  /** `v1`, `apps/v1`. */
  readonly apiVersion: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  /** The rest of the path; `proxy/…` keeps its tail. */
  readonly subresource: string | undefined;
  /** The same in parts, each without its escapes. */
  readonly rest: readonly string[];
  readonly verb: string;
}

export interface PathRequest {
  readonly type: 'path';
  readonly path: string;
  readonly verb: string;
}

const verbs: Record<string, string> = { GET: 'get', HEAD: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };
/** Parts of a namespace itself; any other word after a namespace's name is a resource in it. */
const namespaceParts = new Set(['status', 'finalize']);

export const isTrue = (value: string | null | undefined): boolean => value === 'true' || value === '1';

export function routeOf(method: string, path: string, query: URLSearchParams): ResourceRequest | PathRequest {
  const parts = path.split('/');
  if (parts.at(-1) === '') parts.pop();
  // ['', 'api', 'v1', …] or ['', 'apis', group, version, …]
  const root = parts[1];
  const start = root === 'api' ? 3 : root === 'apis' ? 4 : Infinity;
  if (parts.length <= start || parts.includes('', 1)) return { type: 'path', path, verb: method.toLowerCase() };
  const group = root === 'apis' ? (parts[2] ?? '') : '';
  const version = (root === 'apis' ? parts[3] : parts[2]) ?? '';
  let at = start;
  let namespace: string | undefined;
  if (parts[at] === 'namespaces' && parts.length > at + 1) {
    namespace = decode(parts[at + 1]);
    const after = parts[at + 2];
    if (after !== undefined && !namespaceParts.has(after)) at += 2;
  }
  const resource = parts[at] ?? '';
  const name = decode(parts[at + 1]);
  const rest = parts.slice(at + 2).map((part) => decode(part) ?? '');
  const subresource = rest.length > 0 ? rest.join('/') : undefined;
  let verb = verbs[method] ?? method.toLowerCase();
  if (name === undefined) {
    if (verb === 'get') verb = isTrue(query.get('watch')) ? 'watch' : 'list';
    else if (verb === 'delete') verb = 'deletecollection';
  }
  return { type: 'resource', apiVersion: group ? `${group}/${version}` : version, group, version, resource, namespace, name, subresource, rest, verb };
}

export function decode(part: string | undefined): string | undefined {
  if (part === undefined || !part.includes('%')) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function attributesOf(request: ResourceRequest | PathRequest): RequestAttributes {
  if (request.type === 'path') return { verb: request.verb, group: '', version: '', resource: '', path: request.path };
  const { verb, group, version, resource, subresource, namespace, name } = request;
  return { verb, group, version, resource, subresource: subresource?.split('/')[0], namespace, name };
}
