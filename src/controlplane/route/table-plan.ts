/** What the router worker is told of a route: from the route, its services and their endpoints. Pure. */
import type { Endpoints, Service } from '../../api/kinds/core.ts';
import type { Route, RouteTarget } from '../../api/kinds/route.ts';
import { keyOf } from '../../api/meta.ts';
import type { RouterBackend, RouterRoute, RouterTls } from '../../protocol/router.ts';

export interface Lookup {
  service(key: string): Service | undefined;
  endpoints(key: string): Endpoints | undefined;
}

const prefix = 'haproxy.router.openshift.io/';
/** Annotations end up in requests and responses: only what cannot break out of its place is taken. */
const strictTransport = /^max-age=\d+( *; *(includeSubDomains|preload))*$/i;
const defaultTimeoutMs = 30_000;
const defaultTunnelMs = 3_600_000;
/** Largest time-out HAProxy takes. */
const longestMs = 2_147_483_647;

/** `host`: the one the route was admitted with. */
export function routerRoute(route: Route, host: string, lookup: Lookup): RouterRoute {
  const annotations = route.metadata.annotations ?? {};
  const wildcard = route.spec.wildcardPolicy === 'Subdomain';
  const tls = tlsOf(route);
  const backends = [route.spec.to, ...(route.spec.alternateBackends ?? [])].map((target) => backendOf(route, target, lookup));
  const rewrite = annotations[`${prefix}rewrite-target`];
  const hsts = annotations[`${prefix}hsts_header`];
  return {
    key: keyOf(route),
    host: wildcard ? host.slice(host.indexOf('.') + 1) : host,
    wildcard,
    path: route.spec.path ?? '',
    insecure: insecureOf(route),
    ...(tls && { tls }),
    backends,
    balance: balanceOf(route, backends),
    timeoutMs: parseTime(annotations[`${prefix}timeout`]) ?? defaultTimeoutMs,
    tunnelTimeoutMs: parseTime(annotations[`${prefix}timeout-tunnel`]) ?? defaultTunnelMs,
    forwardedHeaders: forwardedOf(annotations[`${prefix}set-forwarded-headers`]),
    ...(rewrite && /^\/[\x21-\x7e]*$/.test(rewrite) && { rewriteTarget: rewrite }),
    ...(hsts && tls && tls.termination !== 'passthrough' && strictTransport.test(hsts) && { hsts }),
  };
}

function insecureOf({ spec }: Route): RouterRoute['insecure'] {
  if (!spec.tls) return 'serve';
  if (spec.tls.insecureEdgeTerminationPolicy === 'Redirect') return 'redirect';
  return spec.tls.insecureEdgeTerminationPolicy === 'Allow' ? 'serve' : 'refuse';
}

function tlsOf({ spec: { tls } }: Route): RouterTls | undefined {
  if (!tls) return undefined;
  const chain = [tls.certificate, tls.caCertificate].filter((pem) => pem?.trim()).join('\n');
  return {
    termination: tls.termination,
    ...(tls.certificate && tls.key && { certificate: chain, key: tls.key }),
    ...(tls.destinationCACertificate && { destinationCa: tls.destinationCACertificate }),
  };
}

function backendOf(route: Route, target: RouteTarget, lookup: Lookup): RouterBackend {
  const key = `${route.metadata.namespace}/${target.name}`;
  return { service: key, weight: target.weight ?? 1, endpoints: addresses(route.spec.port?.targetPort, lookup.service(key), lookup.endpoints(key)) };
}

/** Ready addresses at the port the route names: by the service port's name, its target, or its number; the service's first port otherwise. */
function addresses(wanted: number | string | undefined, service: Service | undefined, endpoints: Endpoints | undefined): string[] {
  if (!service || !endpoints) return [];
  const ports = (service.spec.ports ?? []).filter(({ protocol }) => (protocol ?? 'TCP') === 'TCP');
  const chosen = wanted === undefined ? ports[0] : (ports.find(({ name }) => name === wanted) ?? ports.find(({ targetPort }) => targetPort === wanted) ?? ports.find(({ port }) => port === wanted));
  const list = (endpoints.subsets ?? []).flatMap((subset) => {
    // Without a service port of that kind the endpoints' own numbers count, as for endpoints written by hand.
    const port = (subset.ports ?? []).find((one) => (chosen ? (one.name ?? '') === (chosen.name ?? '') : one.port === wanted || one.name === wanted));
    return port?.port === undefined ? [] : (subset.addresses ?? []).map(({ ip }) => `${ip}:${port.port}`);
  });
  return [...new Set(list)].sort();
}

const balances: readonly string[] = ['roundrobin', 'random', 'leastconn', 'source'];

function balanceOf(route: Route, backends: readonly RouterBackend[]): RouterRoute['balance'] {
  const asked = route.metadata.annotations?.[`${prefix}balance`];
  if (asked && balances.includes(asked)) return asked as RouterRoute['balance'];
  if (backends.filter(({ weight, endpoints }) => weight > 0 && endpoints.length > 0).length > 1) return 'roundrobin';
  return route.spec.tls?.termination === 'passthrough' ? 'source' : 'random';
}

const modes: readonly string[] = ['append', 'replace', 'if-none', 'never'];
const forwardedOf = (asked: string | undefined) => (asked && modes.includes(asked) ? (asked as RouterRoute['forwardedHeaders']) : 'append');

const units: Record<string, number> = { us: 0.001, ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `30s`, `5m`; undefined for anything else. */
export function parseTime(text: string | undefined): number | undefined {
  const match = /^(\d+)(us|ms|s|m|h|d)?$/.exec(text?.trim() ?? '');
  if (!match) return undefined;
  return Math.min(longestMs, Math.max(1, Math.round(Number(match[1]) * (units[match[2] ?? 'ms'] ?? 1))));
}
