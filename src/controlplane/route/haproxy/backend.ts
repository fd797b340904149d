/** A route as a backend section. Pure; the words are those of OpenShift's router (openshift/router, haproxy-config.template). */
import type { RouterBackend, RouterHeaderAction, RouterRoute } from '../../../protocol/router.ts';
import { endpointWeights } from '../data-plane/endpoint-weights.ts';
import { backendName, serverName } from './names.ts';
import { literal, quoted } from './quote.ts';

export interface ServerPlan {
  address: string;
  weight: number;
  /** What follows the address and the weight, the same in the file and at `add server`. */
  options: string;
  checked: boolean;
}

export interface BackendPlan {
  route: RouterRoute;
  /** Lines of the section without its servers: what changes here takes a reload. */
  lines: string[];
  servers: Map<string, ServerPlan>;
}

export interface BackendSurroundings {
  /** File of the authorities of a route that encrypts again; undefined: the system's. */
  authorities: string | undefined;
}

/** Waiting for a place at an endpoint. */
const queueMs = 5_000;
const rateTableSize = '100k';
/** HAProxy takes 64 words a line; lines of one name are alternatives. */
const wordsPerLine = 50;

export function backendPlan(route: RouterRoute, surroundings: BackendSurroundings): BackendPlan {
  const passthrough = route.tls?.termination === 'passthrough';
  const lines = [
    `backend ${backendName(route)}`,
    `mode ${passthrough ? 'tcp' : 'http'}`,
    `balance ${route.balance}`,
    ...(route.balance === 'source' ? ['hash-type consistent'] : []),
    ...guardLines(route),
    ...timeoutLines(route, passthrough),
    ...(passthrough ? [] : [...requestLines(route), ...responseLines(route), ...cookieLines(route)]),
  ];
  const weights = endpointWeights(route.backends);
  const servers = new Map<string, ServerPlan>();
  for (const [at, backend] of route.backends.entries()) {
    const weight = weights[at] ?? 0;
    // Nothing leads back to an endpoint where TLS is passed through.
    if (weight === 0 && (passthrough || !route.cookie)) continue;
    for (const endpoint of backend.endpoints) servers.set(serverName(backend.service, endpoint), { address: endpoint.address, weight, options: serverOptions(route, backend, surroundings), checked: route.healthCheckMs !== undefined });
  }
  return { route, lines, servers };
}

function guardLines({ allow, rateLimits }: RouterRoute): string[] {
  const lines: string[] = [];
  for (let at = 0; at < (allow?.length ?? 0); at += wordsPerLine) lines.push(`acl allowed src ${allow?.slice(at, at + wordsPerLine).join(' ')}`);
  if (allow) lines.push(allow.length > 0 ? 'tcp-request content reject if !allowed' : 'tcp-request content reject');
  if (!rateLimits) return lines;
  const { concurrentConnections, connections, requests } = rateLimits;
  lines.push(`stick-table type ip size ${rateTableSize} expire 30s store conn_cur,conn_rate(3s),http_req_rate(10s)`, 'tcp-request content track-sc2 src');
  if (concurrentConnections !== undefined) lines.push(`tcp-request content reject if { src_conn_cur ge ${concurrentConnections} }`);
  if (connections !== undefined) lines.push(`tcp-request content reject if { src_conn_rate ge ${connections} }`);
  if (requests !== undefined) lines.push(`tcp-request content reject if { src_http_req_rate ge ${requests} }`);
  return lines;
}

function timeoutLines({ timeoutMs, tunnelTimeoutMs, requestsPerEndpoint }: RouterRoute, passthrough: boolean): string[] {
  return [...(passthrough ? [] : [`timeout server ${timeoutMs}ms`]), `timeout tunnel ${tunnelTimeoutMs}ms`, ...(requestsPerEndpoint === undefined ? [] : [`timeout queue ${queueMs}ms`])];
}

function requestLines(route: RouterRoute): string[] {
  return ['http-request set-header Host %[req.hdr(Host),lower]', ...forwardedLines(route.forwardedHeaders), ...rewriteLines(route), ...actionLines('http-request', route.requestHeaders)];
}

function forwardedLines(mode: RouterRoute['forwardedHeaders']): string[] {
  if (mode === 'never') return [];
  const verb = mode === 'append' ? 'add-header' : 'set-header';
  const fields: [name: string, value: string, condition?: string][] = [
    ['X-Forwarded-For', '%[src]'],
    ['X-Forwarded-Host', '%[req.hdr(Host)]'],
    ['X-Forwarded-Port', '%[dst_port]'],
    ['X-Forwarded-Proto', 'http', '!{ ssl_fc }'],
    ['X-Forwarded-Proto', 'https', '{ ssl_fc }'],
    ['X-Forwarded-Proto-Version', 'h2', '{ ssl_fc_alpn -i h2 }'],
    ['Forwarded', quoted('for=%[src];host=%[req.hdr(Host)];proto=http'), '!{ ssl_fc }'],
    ['Forwarded', quoted('for=%[src];host=%[req.hdr(Host)];proto=https'), '{ ssl_fc }'],
  ];
  // Whether a field came is asked before any is added.
  const asked = mode === 'if-none' ? [...new Set(fields.map(([name]) => name))] : [];
  const had = (name: string) => `txn.had_${name.toLowerCase().replaceAll('-', '_')}`;
  return [
    ...asked.map((name) => `http-request set-var(${had(name)}) bool(true) if { req.hdr(${name}) -m found }`),
    ...fields.map(([name, value, condition]) => {
      const conditions = [...(condition ? [condition] : []), ...(mode === 'if-none' ? [`!{ var(${had(name)}) -m found }`] : [])].join(' ');
      return `http-request ${verb} ${name} ${value}${conditions ? ` if ${conditions}` : ''}`;
    }),
  ];
}

function rewriteLines({ path, rewriteTarget }: RouterRoute): string[] {
  if (rewriteTarget === undefined) return [];
  const rest = `path,bytes(${path.length})`;
  return [`http-request set-path ${quoted(rewriteTarget === '/' ? `/%[${rest},regsub(^/,)]` : `${literal(rewriteTarget)}%[${rest}]`)}`];
}

function responseLines({ hsts, responseHeaders }: RouterRoute): string[] {
  return [...(hsts === undefined ? [] : [`http-response set-header Strict-Transport-Security ${quoted(literal(hsts))} if { ssl_fc }`]), ...actionLines('http-response', responseHeaders)];
}

/** Values are log-format expressions already, as the API takes them. */
function actionLines(stage: 'http-request' | 'http-response', actions: readonly RouterHeaderAction[] = []): string[] {
  return actions.map(({ name, value }) => (value === undefined ? `${stage} del-header ${quoted(name)}` : `${stage} set-header ${quoted(name)} ${quoted(value)}`));
}

function cookieLines({ key, cookie }: RouterRoute): string[] {
  if (!cookie) return [];
  const attributes = [...(cookie.secure ? ['secure'] : []), ...(cookie.sameSite ? [`attr SameSite=${cookie.sameSite}`] : [])].join(' ');
  // Made of address and key: a server that is added while running can have no cookie of another kind.
  return [`cookie ${quoted(cookie.name)} insert indirect nocache httponly dynamic${attributes && ` ${attributes}`}`, `dynamic-cookie-key ${quoted(key)}`];
}

function serverOptions({ tls, healthCheckMs, requestsPerEndpoint }: RouterRoute, { service, h2c }: RouterBackend, { authorities }: BackendSurroundings): string {
  const [namespace, name] = service.split('/');
  const options: string[] = [];
  if (tls?.termination === 'reencrypt') {
    // With a server name of ours HAProxy would hold the certificate to it.
    options.push(`ssl verify required ca-file ${authorities ?? '@system-ca'} alpn h2,http/1.1`, ...(tls.verifyServiceName ? [`sni str(${name}.${namespace}.svc) verifyhost ${name}.${namespace}.svc`] : []));
  } else if (h2c && tls?.termination !== 'passthrough') options.push('proto h2');
  if (requestsPerEndpoint !== undefined) options.push(`maxconn ${requestsPerEndpoint}`);
  if (healthCheckMs !== undefined) options.push(`check inter ${healthCheckMs}ms`);
  return options.join(' ');
}
