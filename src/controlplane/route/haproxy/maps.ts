/**
 * Which backend serves a host and path, as maps that HAProxy reads as prefix trees: one look-up a request, however many routes there are.
 *
 * A request is looked for as `<host><path>` followed by `pathEnd`. A route's path stands in the map once with `pathEnd` (the path and nothing more) and once with a slash (what is below it);
 * the longest key that the request begins with wins, which is the longest path.
 */
import type { RouterRoute } from '../../../protocol/router.ts';
import { backendName } from './names.ts';

/** Delete: no path of a request holds it. */
export const pathEnd = '\x7f';
/** In place of a backend, in the map of the plain listener: the client is sent to the TLS one. */
export const redirectMark = 'redirect';

export const mapNames = ['http', 'http_wildcard', 'https', 'https_wildcard', 'sni', 'sni_wildcard'] as const;
export type MapName = (typeof mapNames)[number];
export type Maps = Record<MapName, Map<string, string>>;

export function mapsOf(routes: readonly RouterRoute[]): Maps {
  const maps = Object.fromEntries(mapNames.map((name) => [name, new Map()])) as Maps;
  // Of two that claim the same key the more specific is written last.
  for (const route of [...routes].sort(leastSpecificFirst)) {
    const backend = backendName(route);
    const place = (name: 'http' | 'https' | 'sni') => (route.wildcard ? maps[`${name}_wildcard`] : maps[name]);
    if (route.tls?.termination === 'passthrough') place('sni').set(route.host, backend);
    const plain = { serve: backend, redirect: redirectMark, refuse: undefined }[route.insecure];
    for (const key of keysOf(route)) {
      if (plain !== undefined) place('http').set(key, plain);
      if (route.tls && route.tls.termination !== 'passthrough') place('https').set(key, backend);
    }
  }
  return maps;
}

/** None for a path that no request can have; it would break a line of the map. */
function keysOf({ host, path, exactPath }: RouterRoute): string[] {
  if (/[^\x21-\x7e]/.test(path)) return [];
  if (exactPath) return [`${host}${path}${pathEnd}`];
  if (path === '' || path === '/') return [`${host}/`];
  return path.endsWith('/') ? [`${host}${path}`] : [`${host}${path}/`, `${host}${path}${pathEnd}`];
}

function leastSpecificFirst(a: RouterRoute, b: RouterRoute): number {
  return a.path.length - b.path.length || Number(a.exactPath ?? false) - Number(b.exactPath ?? false) || (a.key < b.key ? 1 : -1);
}
