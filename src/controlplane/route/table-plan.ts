/** What a router is told of a route: from the route, its services and their endpoints. Pure. */
import { createHash } from 'node:crypto';
import type { Route, RouteHttpHeader } from '../../api/kinds/route.ts';
import { keyOf } from '../../api/meta.ts';
import type { RouterBackend, RouterCookie, RouterHeaderAction, RouterRateLimits, RouterRoute, RouterTls } from '../../protocol/router.ts';
import { annotated, balances, cookieName, forwardings, isNetwork, isTrue, oneOf, parseTime, rewriteTarget, sameSites, strictTransport, textThat, wholeNumber } from './annotations.ts';
import { backendOf, type Lookup } from './backend-plan.ts';

export interface Material extends Lookup {
  /** Certificate and key of the secret that `tls.externalCertificate` names; undefined while it is not there or of no use. */
  externalCertificate?(key: string): { certificate: string; key: string } | undefined;
  /** PEM of the authority that signs the certificates of services. */
  serviceCa?: string | undefined;
}

const defaultTimeoutMs = 30_000;
const defaultTunnelMs = 3_600_000;
const defaultCheckMs = 5_000;
/** Says that a route made of an Ingress serves its path and nothing below. */
export const exactPathAnnotation = 'slipway.dev/path-type';

/** `host`: the one the route was admitted with. */
export function routerRoute(route: Route, host: string, material: Material): RouterRoute {
  const { spec, metadata: { annotations = {} } } = route;
  const of = (...names: string[]) => annotated(annotations, ...names);
  const wildcard = spec.wildcardPolicy === 'Subdomain';
  const tls = tlsOf(route, material);
  const passthrough = tls?.termination === 'passthrough';
  const backends = [spec.to, ...(spec.alternateBackends ?? [])].map((target) => backendOf(route, target, material));
  const rewrite = textThat(rewriteTarget, of('rewrite-target'));
  const hsts = tls && !passthrough ? textThat(strictTransport, of('hsts_header')) : undefined;
  const allow = addressList(of('ip_allowlist', 'ip_whitelist'));
  const limits = isTrue(of('rate-limit-connections')) ? limitsOf(of) : undefined;
  const inTurn = wholeNumber(of('pod-concurrent-connections'));
  const several = backends.reduce((sum, { weight, endpoints }) => sum + (weight > 0 ? endpoints.filter(({ wakes }) => !wakes).length : 0), 0) > 1;
  return {
    key: keyOf(route),
    host: wildcard ? host.slice(host.indexOf('.') + 1) : host,
    wildcard,
    path: spec.path ?? '',
    ...(annotations[exactPathAnnotation] === 'Exact' && { exactPath: true }),
    insecure: insecureOf(route),
    ...(tls && { tls }),
    backends,
    balance: oneOf(balances, of('balance')) ?? usualBalance(backends, passthrough),
    timeoutMs: parseTime(of('timeout')) ?? defaultTimeoutMs,
    tunnelTimeoutMs: parseTime(of('timeout-tunnel')) ?? (passthrough ? parseTime(of('timeout')) : undefined) ?? defaultTunnelMs,
    forwardedHeaders: oneOf(forwardings, of('set-forwarded-headers')) ?? 'append',
    ...(rewrite && { rewriteTarget: rewrite }),
    ...(hsts && { hsts }),
    ...(!passthrough && !isTrue(of('disable_cookies')) && { cookie: cookieOf(route) }),
    ...(allow && { allow }),
    ...(limits && { rateLimits: limits }),
    ...headersOf('requestHeaders', spec.httpHeaders?.actions?.request),
    ...headersOf('responseHeaders', spec.httpHeaders?.actions?.response),
    ...(inTurn !== undefined && inTurn > 0 && { requestsPerEndpoint: inTurn }),
    ...(several && { healthCheckMs: parseTime(annotations['router.openshift.io/haproxy.health.check.interval']) ?? defaultCheckMs }),
  };
}

function insecureOf({ spec }: Route): RouterRoute['insecure'] {
  if (!spec.tls) return 'serve';
  if (spec.tls.insecureEdgeTerminationPolicy === 'Redirect') return 'redirect';
  return spec.tls.insecureEdgeTerminationPolicy === 'Allow' && spec.tls.termination !== 'passthrough' ? 'serve' : 'refuse';
}

function tlsOf({ spec: { tls }, metadata }: Route, { externalCertificate, serviceCa }: Material): RouterTls | undefined {
  if (!tls) return undefined;
  const { termination } = tls;
  if (termination === 'passthrough') return { termination };
  const chain = [tls.certificate, tls.caCertificate].filter((pem) => pem?.trim()).join('\n');
  const external = tls.externalCertificate?.name ? externalCertificate?.(`${metadata.namespace}/${tls.externalCertificate.name}`) : undefined;
  // The key may stand beside the certificate.
  const key = tls.key || (tls.certificate?.includes('PRIVATE KEY-----') ? tls.certificate : undefined);
  const own = external ?? (tls.certificate && key ? { certificate: chain, key } : undefined);
  const destinationCa = tls.destinationCACertificate || serviceCa;
  return {
    termination,
    ...(own && { ...own, http2: true }),
    ...(termination === 'reencrypt' && { ...(destinationCa && { destinationCa }), ...(!tls.destinationCACertificate && { verifyServiceName: true }) }),
  };
}

function usualBalance(backends: readonly RouterBackend[], passthrough: boolean): RouterRoute['balance'] {
  if (backends.filter(({ weight, endpoints }) => weight > 0 && endpoints.length > 0).length > 1) return 'roundrobin';
  return passthrough ? 'source' : 'random';
}

/** Named after the route, so that nobody else's cookie is taken for it. */
function cookieOf({ metadata: { namespace, name, annotations = {} }, spec: { tls } }: Route): RouterCookie {
  const secure = tls !== undefined && tls.insecureEdgeTerminationPolicy !== 'Allow';
  const sameSite = oneOf(sameSites, annotations['router.openshift.io/cookie-same-site']) ?? 'None';
  return {
    name: textThat(cookieName, annotations['router.openshift.io/cookie_name']) ?? createHash('md5').update(`${namespace}:${name}`).digest('hex'),
    secure,
    ...(secure && { sameSite }),
  };
}

/** Addresses and networks, parted by spaces. What is neither is left out, and so is a list of nothing else or with space around it (openshift/router, parseIPList). */
function addressList(text: string | undefined): string[] | undefined {
  if (text === undefined || text !== text.trim()) return undefined;
  const networks = text.split(/\s+/).filter(isNetwork);
  return networks.length > 0 ? networks : undefined;
}

function limitsOf(of: (name: string) => string | undefined): RouterRateLimits {
  const [concurrentConnections, connections, requests] = ['concurrent-tcp', 'rate-tcp', 'rate-http'].map((name) => wholeNumber(of(`rate-limit-connections.${name}`)));
  return { ...(concurrentConnections !== undefined && { concurrentConnections }), ...(connections !== undefined && { connections }), ...(requests !== undefined && { requests }) };
}

function headersOf<K extends 'requestHeaders' | 'responseHeaders'>(field: K, actions: readonly RouteHttpHeader[] | undefined): { [P in K]?: RouterHeaderAction[] } {
  if (!actions || actions.length === 0) return {};
  return { [field]: actions.map(({ name, action }) => ({ name, ...(action.type === 'Set' && action.set && { value: action.set.value }) })) } as { [P in K]?: RouterHeaderAction[] };
}
