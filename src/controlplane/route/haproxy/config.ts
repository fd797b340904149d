/** The whole configuration as files: what a program of HAProxy starts with. Pure. */
import type { RouterLimits, RouterListener, RouterRoute } from '../../../protocol/router.ts';
import { backendPlan, type BackendPlan } from './backend.ts';
import { logFormat, tunnelFormat } from './log-line.ts';
import { mapsOf, pathEnd, redirectMark, type MapName, type Maps } from './maps.ts';
import { backendName } from './names.ts';
import { quoted } from './quote.ts';

export interface ConfigOptions {
  /** Folder of the files and of the runtime socket; without spaces. */
  folder: string;
  http: RouterListener;
  https: RouterListener;
  /** Named in redirects. */
  httpsPort: number;
  defaultCertificate: { certificate: string; key: string };
  limits: RouterLimits;
  /** Every request is told of, not only those of routes that have not answered yet. */
  logAll: boolean;
}

export interface Config {
  /** Globals and frontends: what changes here takes a reload. */
  head: string[];
  backends: Map<string, BackendPlan>;
  maps: Maps;
  /** Certificates, their list and authorities, by name of the file. */
  pems: Map<string, string>;
}

export const fileNames = { config: 'haproxy.cfg', socket: 'haproxy.sock', tls: 'tls.sock', certificates: 'certificates.list', fallback: 'default.pem', answered: 'answered.map' } as const;
export const mapFile = (name: MapName) => `${name}.map`;
export const errorFile = (status: number) => `${status}.http`;
/** Answers that the router gives itself. */
export const errorStatuses = [400, 502, 503, 504] as const;

/** Room for heads; largest head that goes through. */
const bufferBytes = 65_536;
const headRoomBytes = 8_192;

const stemOf = (route: RouterRoute) => backendName(route).replaceAll(':', '.');
export const certificateFile = (route: RouterRoute) => `${stemOf(route)}.pem`;

/** `usable`: whether a route's own certificate can be served. */
export function configOf(routes: readonly RouterRoute[], options: ConfigOptions, usable: (route: RouterRoute) => boolean): Config {
  const maps = mapsOf(routes);
  const pems = new Map<string, string>([[fileNames.fallback, `${options.defaultCertificate.certificate}\n${options.defaultCertificate.key}\n`]]);
  const list: string[] = [];
  const backends = new Map<string, BackendPlan>();
  for (const route of [...routes].sort((a, b) => (a.key < b.key ? -1 : 1))) {
    const { tls } = route;
    const stem = stemOf(route);
    if (tls?.certificate && tls.key && tls.termination !== 'passthrough' && usable(route)) {
      pems.set(certificateFile(route), `${tls.certificate}\n${tls.key}\n`);
      list.push(`${options.folder}/${certificateFile(route)} [alpn ${tls.http2 ? 'h2,' : ''}http/1.1] ${route.wildcard ? '*.' : ''}${route.host}`);
    }
    const authorities = tls?.termination === 'reencrypt' ? tls.destinationCa : undefined;
    if (authorities !== undefined) pems.set(`${stem}.ca`, authorities);
    backends.set(backendName(route), backendPlan(route, { authorities: authorities === undefined ? undefined : `${options.folder}/${stem}.ca` }));
  }
  pems.set(fileNames.certificates, list.map((line) => `${line}\n`).join(''));
  return { head: headLines(maps, options), backends, maps, pems };
}

function headLines(maps: Maps, { folder, http, https, httpsPort, limits, logAll }: ConfigOptions): string[] {
  const passes = maps.sni.size + maps.sni_wildcard.size > 0;
  return [
    'global',
    `maxconn ${limits.connections}`,
    'nbthread 1',
    // A user's limit of descriptors may be low; it takes fewer connections then.
    'no strict-limits',
    `stats socket ${folder}/${fileNames.socket} mode 600 level admin`,
    'log stdout len 4096 format raw local0',
    `tune.bufsize ${bufferBytes}`,
    `tune.maxrewrite ${headRoomBytes}`,
    'ssl-default-bind-options ssl-min-ver TLSv1.2',
    'defaults',
    'mode http',
    `maxconn ${limits.connections}`,
    'log global',
    'option dontlognull',
    'option redispatch 1',
    // A program that is replaced answers once more on connections that clients keep, instead of closing them under a request that is on its way.
    'option idle-close-on-response',
    'retries 3',
    'retry-on conn-failure empty-response',
    'timeout connect 5s',
    'timeout client 30s',
    'timeout client-fin 1s',
    'timeout server 30s',
    'timeout server-fin 1s',
    'timeout http-request 10s',
    'timeout http-keep-alive 300s',
    'timeout tunnel 1h',
    ...errorStatuses.map((status) => `errorfile ${status} ${folder}/${errorFile(status)}`),
    'frontend public',
    `bind ${bound(http)}`,
    ...httpFrontend('http', maps, folder, logAll),
    `http-request redirect location ${quoted(`https://%[var(txn.host)]${httpsPort === 443 ? '' : `:${httpsPort}`}%[pathq]`)} code 302 if { var(txn.backend) -m str ${redirectMark} }`,
    'use_backend %[var(txn.backend)] if { var(txn.backend) -m found }',
    'default_backend none',
    ...(passes ? passingFrontend(https, maps, folder, logAll) : []),
    'frontend secure',
    `bind ${passes ? `unix@${folder}/${fileNames.tls} accept-proxy mode 600` : bound(https)} ssl crt ${folder}/${fileNames.fallback} crt-list ${folder}/${fileNames.certificates} alpn http/1.1`,
    ...httpFrontend('https', maps, folder, logAll),
    ...(passes ? misdirected(maps, folder) : []),
    'use_backend %[var(txn.backend)] if { var(txn.backend) -m found }',
    'default_backend none',
    'backend none',
  ];
}

function httpFrontend(map: 'http' | 'https', maps: Maps, folder: string, logAll: boolean): string[] {
  return [
    `log-format ${quoted(logFormat)}`,
    // What may not be done twice is sent again only where no connection came to be (RFC 9110 section 9.2.2).
    'http-request disable-l7-retry if !{ method GET HEAD OPTIONS }',
    'http-request del-header Proxy',
    'http-request del-header Proxy-Connection',
    'http-request del-header x-ssl -m beg',
    'http-request set-var(txn.host) req.hdr(Host),field(1,:),lower,rtrim(.)',
    'http-request set-var(txn.path) path',
    `http-request set-var-fmt(txn.place) "%[var(txn.host)]%[path]${escaped(pathEnd)}"`,
    `http-request set-var(txn.backend) var(txn.place),map_beg(${folder}/${mapFile(map)})`,
    ...(maps[`${map}_wildcard`].size > 0 ? [`http-request set-var(txn.backend) var(txn.place),regsub('^[^./]*\\.',),map_beg(${folder}/${mapFile(`${map}_wildcard`)}) if !{ var(txn.backend) -m found }`] : []),
    // Nobody waits for the lines of routes that have answered.
    ...(logAll ? [] : [`http-request set-log-level silent if { var(txn.backend),map_str(${folder}/${fileNames.answered}) -m found }`, 'http-request set-log-level silent if !{ var(txn.backend) -m found }']),
  ];
}

/** Looks at the name in a TLS hello, passes through what is not ours to end, and hands on the rest. */
function passingFrontend(https: RouterListener, maps: Maps, folder: string, logAll: boolean): string[] {
  const exact = `req.ssl_sni,lower,map_str(${folder}/${mapFile('sni')})`;
  const wild = `req.ssl_sni,lower,regsub('^[^.]*\\.',),map_str(${folder}/${mapFile('sni_wildcard')})`;
  return [
    'frontend public_ssl',
    'mode tcp',
    `log-format ${quoted(tunnelFormat)}`,
    `bind ${bound(https)}`,
    'tcp-request inspect-delay 5s',
    'tcp-request content set-var(sess.name) req.ssl_sni,lower',
    // What is not passed through is told of by the frontend it is handed to.
    ...(logAll ? [`tcp-request content set-log-level silent if !{ var(sess.name),map_str(${folder}/${mapFile('sni')}) -m found }`] : ['tcp-request content set-log-level silent']),
    'tcp-request content accept if { req.ssl_hello_type 1 }',
    `use_backend %[${exact}] if { ${exact} -m found }`,
    ...(maps.sni_wildcard.size > 0 ? [`use_backend %[${wild}] if { ${wild} -m found }`] : []),
    'default_backend be_sni',
    'backend be_sni',
    'mode tcp',
    `server secure unix@${folder}/${fileNames.tls} send-proxy-v2`,
  ];
}

/** A browser that reuses an HTTP/2 connection for a host whose TLS is passed through is told to make another (RFC 9110 section 15.5.20). */
function misdirected(maps: Maps, folder: string): string[] {
  const exact = `{ var(txn.host),map_str(${folder}/${mapFile('sni')}) -m found }`;
  const wild = `{ var(txn.host),regsub('^[^.]*\\.',),map_str(${folder}/${mapFile('sni_wildcard')}) -m found }`;
  return [exact, ...(maps.sni_wildcard.size > 0 ? [wild] : [])].map((passed) => `http-request return status 421 if !{ var(txn.backend) -m found } { ssl_fc_alpn h2 } ${passed}`);
}

function bound(listener: RouterListener): string {
  return 'fd' in listener ? `fd@${listener.fd}` : `${listener.host}:${listener.port}`;
}

const escaped = (text: string) => [...text].map((letter) => `\\x${letter.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');

const sections = /^(?:global|defaults|frontend|backend)\b/;

/** `haproxy.cfg`, and which route's each line is, counted from 1: a line that HAProxy refuses is traced to its route. */
export function configText({ head, backends }: Pick<Config, 'head' | 'backends'>): { text: string; owners: Map<number, string> } {
  const lines: string[] = [];
  const owners = new Map<number, string>();
  const add = (line: string) => lines.push(sections.test(line) ? line : `  ${line}`);
  head.forEach(add);
  for (const { route, lines: own, servers } of backends.values()) {
    for (const line of [...own, ...[...servers].map(([name, server]) => `server ${name} ${server.address} weight ${server.weight}${server.options && ` ${server.options}`}`)]) owners.set(add(line), route.key);
  }
  return { text: `${lines.join('\n')}\n`, owners };
}

/** `key value` a line. Neither holds a space: keys come from hosts and paths of routes. */
export function mapText(map: ReadonlyMap<string, string>): string {
  return [...map].map(([key, value]) => `${key} ${value}\n`).sort().join('');
}

