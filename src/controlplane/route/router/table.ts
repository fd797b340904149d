/** Host and path to route. Rules: the longest path of a host wins, wildcards come last; a path matches at segment borders. */
import type { RouterRoute } from '../../../protocol/router.ts';
import { endpointWeights, type Server } from './balance.ts';
import type { EndpointSet, Transport } from './endpoint.ts';

/** A route as it is now: changed in place, so that a request under way is retried on endpoints that came meanwhile. */
export interface Target {
  route: RouterRoute;
  /** Empty once the route is gone. */
  servers: readonly Server[];
  /** An endpoint has answered since the route is there. */
  answered?: true;
}

export class RoutingTable {
  readonly #targets = new Map<string, Target>();
  readonly #endpoints: EndpointSet;
  #exact = new Map<string, Target[]>();
  #wildcard = new Map<string, Target[]>();
  #passthrough = 0;

  constructor(endpoints: EndpointSet) {
    this.#endpoints = endpoints;
  }

  get size(): number {
    return this.#targets.size;
  }

  /** Without passed-through routes nobody has to look at a TLS hello before it is terminated. */
  get hasPassthrough(): boolean {
    return this.#passthrough > 0;
  }

  get routes(): RouterRoute[] {
    return [...this.#targets.values()].map(({ route }) => route);
  }

  apply(change: { replace: boolean; set: readonly RouterRoute[]; remove: readonly string[] }): void {
    const kept = new Set(change.set.map(({ key }) => key));
    const gone = (change.replace ? [...this.#targets.keys()] : change.remove).filter((key) => !kept.has(key));
    const dropped: Server[] = [];
    for (const route of change.set) {
      const target = this.#targets.get(route.key) ?? { route, servers: [] };
      dropped.push(...target.servers);
      Object.assign(target, { route, servers: this.#servers(route) });
      this.#targets.set(route.key, target);
    }
    for (const key of gone) {
      const target = this.#targets.get(key);
      this.#targets.delete(key);
      dropped.push(...(target?.servers ?? []));
      if (target) target.servers = [];
    }
    // Only now, so that endpoints that stay keep their connections.
    for (const { endpoint } of dropped) this.#endpoints.release(endpoint);
    this.#index();
  }

  /** `host` as the client sent it, in lower case and without port. `path` without query. */
  match(host: string, path: string, secure: boolean): Target | undefined {
    const name = host.endsWith('.') ? host.slice(0, -1) : host;
    return find(this.#exact.get(name), path, secure) ?? this.#matchWildcard(name, path, secure);
  }

  matchPassthrough(host: string): Target | undefined {
    const name = host.endsWith('.') ? host.slice(0, -1) : host;
    const passed = ({ route }: Target) => route.tls?.termination === 'passthrough';
    return this.#exact.get(name)?.find(passed) ?? this.#wildcard.get(parent(name))?.find(passed);
  }

  #matchWildcard(host: string, path: string, secure: boolean): Target | undefined {
    return this.#wildcard.size === 0 ? undefined : find(this.#wildcard.get(parent(host)), path, secure);
  }

  #servers(route: RouterRoute): Server[] {
    const weights = endpointWeights(route.backends);
    return route.backends.flatMap((backend, at) => {
      const weight = weights[at] ?? 0;
      if (weight === 0) return [];
      const transport = transportOf(route, backend.service);
      return backend.endpoints.map((address) => ({ endpoint: this.#endpoints.acquire(address, transport), weight, current: 0 }));
    });
  }

  #index(): void {
    this.#exact = new Map();
    this.#wildcard = new Map();
    this.#passthrough = 0;
    for (const target of this.#targets.values()) {
      const { host, wildcard, tls } = target.route;
      const map = wildcard ? this.#wildcard : this.#exact;
      const list = map.get(host);
      if (list) list.push(target);
      else map.set(host, [target]);
      if (tls?.termination === 'passthrough') this.#passthrough += 1;
    }
    for (const map of [this.#exact, this.#wildcard]) for (const list of map.values()) list.sort((a, b) => b.route.path.length - a.route.path.length || (a.route.key < b.route.key ? -1 : 1));
  }
}

function transportOf(route: RouterRoute, service: string): Transport {
  if (route.tls?.termination !== 'reencrypt') return {};
  const [namespace, name] = service.split('/');
  return { tls: { ca: route.tls.destinationCa, serverName: `${name}.${namespace}.svc` } };
}

const parent = (host: string) => host.slice(host.indexOf('.') + 1);

function find(list: readonly Target[] | undefined, path: string, secure: boolean): Target | undefined {
  if (!list) return undefined;
  for (const target of list) {
    const { route } = target;
    const served = secure ? route.tls !== undefined && route.tls.termination !== 'passthrough' : route.insecure !== 'refuse';
    if (served && pathMatches(route.path, path)) return target;
  }
  return undefined;
}

export function pathMatches(pattern: string, path: string): boolean {
  if (pattern === '' || pattern === '/') return true;
  if (!path.startsWith(pattern)) return false;
  return pattern.endsWith('/') || path.length === pattern.length || path.charCodeAt(pattern.length) === 47;
}
