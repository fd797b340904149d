/** Host and path to route. Rules: the longest path of a host wins, wildcards come last; a path matches at segment borders. */
import { equalJson } from '../../../api/json.ts';
import type { RouterBackend, RouterRoute } from '../../../protocol/router.ts';
import { endpointWeights } from '../data-plane/endpoint-weights.ts';
import type { Server } from './balance.ts';
import type { EndpointSet, Transport } from './endpoint.ts';
import { Guard } from './guard.ts';
import { compileActions, type HeaderAction } from './header-actions.ts';
import { Counters } from './statistics.ts';
import { setCookie } from './sticky.ts';

/** A route as it is now: changed in place, so that a request under way is retried on endpoints that came meanwhile. */
export interface Target {
  route: RouterRoute;
  all: readonly Server[];
  /** Those that new clients are spread over. Empty once the route is gone. */
  servers: readonly Server[];
  /** By the value of the sticky cookie; those of services of weight 0 too. */
  byCookie: ReadonlyMap<string, Server>;
  guard: Guard | undefined;
  requestActions: readonly HeaderAction[] | undefined;
  responseActions: readonly HeaderAction[] | undefined;
  readonly counters: Counters;
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

  get all(): Iterable<Target> {
    return this.#targets.values();
  }

  apply(change: { replace: boolean; set: readonly RouterRoute[]; remove: readonly string[] }): void {
    const kept = new Set(change.set.map(({ key }) => key));
    const gone = (change.replace ? [...this.#targets.keys()] : change.remove).filter((key) => !kept.has(key));
    const dropped: Server[] = [];
    for (const route of change.set) {
      const before = this.#targets.get(route.key);
      const all = this.#servers(route, before);
      const now = {
        route,
        all,
        servers: all.filter(({ weight }) => weight > 0),
        byCookie: new Map(all.map((server) => [server.id, server])),
        guard: before && equalJson([before.route.allow, before.route.rateLimits], [route.allow, route.rateLimits]) ? before.guard : Guard.of(route),
        requestActions: compileActions(route.requestHeaders),
        responseActions: compileActions(route.responseHeaders),
      };
      if (before) {
        dropped.push(...before.all);
        Object.assign(before, now);
      } else this.#targets.set(route.key, { ...now, counters: new Counters() });
    }
    for (const key of gone) {
      const target = this.#targets.get(key);
      if (!target) continue;
      this.#targets.delete(key);
      dropped.push(...target.all);
      target.all = [];
      target.servers = [];
      target.byCookie = new Map();
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

  #servers(route: RouterRoute, before: Target | undefined): Server[] {
    const weights = endpointWeights(route.backends);
    return route.backends.flatMap((backend, at) => {
      const weight = weights[at] ?? 0;
      const transport = transportOf(route, backend);
      return backend.endpoints.map(({ address, id, pod, wakes = false }) => {
        const old = before?.byCookie.get(id);
        const endpoint = this.#endpoints.acquire(address, transport);
        return { id, endpoint, service: backend.service, pod, wakes, weight, current: old?.current ?? 0, requests: old?.requests ?? 0, cookie: route.cookie && setCookie(route.cookie, id) };
      });
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
    for (const map of [this.#exact, this.#wildcard]) for (const list of map.values()) list.sort(mostSpecificFirst);
  }
}

function transportOf({ key, tls, requestsPerEndpoint }: RouterRoute, { service, h2c }: RouterBackend): Transport {
  // What waits for a place at an endpoint waits for one of this route's.
  const most = requestsPerEndpoint === undefined ? {} : { bound: { requests: requestsPerEndpoint, route: key } };
  if (tls?.termination !== 'reencrypt') return { ...most, ...(h2c && { h2c }) };
  const [namespace, name] = service.split('/');
  return { ...most, tls: { ca: tls.destinationCa, serverName: `${name}.${namespace}.svc`, verifyName: tls.verifyServiceName === true } };
}

function mostSpecificFirst({ route: a }: Target, { route: b }: Target): number {
  return b.path.length - a.path.length || Number(b.exactPath ?? false) - Number(a.exactPath ?? false) || (a.key < b.key ? -1 : 1);
}

const parent = (host: string) => host.slice(host.indexOf('.') + 1);

function find(list: readonly Target[] | undefined, path: string, secure: boolean): Target | undefined {
  if (!list) return undefined;
  for (const target of list) {
    const { route } = target;
    const served = secure ? route.tls !== undefined && route.tls.termination !== 'passthrough' : route.insecure !== 'refuse';
    if (served && (route.exactPath ? route.path === path : pathMatches(route.path, path))) return target;
  }
  return undefined;
}

export function pathMatches(pattern: string, path: string): boolean {
  if (pattern === '' || pattern === '/') return true;
  if (!path.startsWith(pattern)) return false;
  return pattern.endsWith('/') || path.length === pattern.length || path.charCodeAt(pattern.length) === 47;
}
