/** Header fields of requests on their way through: hop-by-hop fields stay behind (RFC 9110 section 7.6.1), the forwarding ones are added. */
import type { RouterRoute } from '../../../protocol/router.ts';
import { withoutCookie } from './sticky.ts';

/** `Proxy` and `X-SSL*` are dropped too: applications trust them to come from a router. */
const dropped = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'content-length', 'upgrade', 'expect', 'te', 'trailer', 'proxy', 'http2-settings']);

export interface Hop {
  client: string;
  host: string;
  port: number;
  secure: boolean;
  http2: boolean;
  /** Name of the sticky cookie, which stays here. */
  cookie: string | undefined;
}

/** Flat list of names and values for the endpoint, without those that frame the body. `raw` is flat too. */
export function requestHeaders(raw: readonly string[], hop: Hop, mode: RouterRoute['forwardedHeaders']): string[] {
  const named = connectionNames(raw);
  const headers: string[] = [];
  const present = mode === 'if-none' ? new Set<string>() : undefined;
  const host = hop.host.toLowerCase();
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as string;
    let value = raw[at + 1] as string;
    const lower = name.toLowerCase();
    if (dropped.has(lower) || named?.has(lower) || lower.startsWith('x-ssl')) continue;
    if (mode === 'replace' && forwardingNames.has(lower)) continue;
    if (lower === 'host') value = host;
    else if (hop.cookie !== undefined && lower === 'cookie') {
      value = withoutCookie(value, hop.cookie);
      if (value === '') continue;
    }
    present?.add(lower);
    headers.push(name, value);
  }
  if (mode === 'never') return headers;
  const protocol = hop.secure ? 'https' : 'http';
  const add = (name: string, value: string) => {
    if (!present?.has(name.toLowerCase())) headers.push(name, value);
  };
  add('X-Forwarded-For', hop.client);
  add('X-Forwarded-Host', host);
  add('X-Forwarded-Port', String(hop.port));
  add('X-Forwarded-Proto', protocol);
  if (hop.http2 && hop.secure) add('X-Forwarded-Proto-Version', 'h2');
  add('Forwarded', `for=${hop.client.includes(':') ? `"[${hop.client}]"` : hop.client};host=${/^[\w.-]+$/.test(host) ? host : `"${host.replaceAll('"', '')}"`};proto=${protocol}`);
  return headers;
}

const forwardingNames = new Set(['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-port', 'x-forwarded-proto', 'x-forwarded-proto-version', 'forwarded']);

/** Fields that `Connection` declares to be for this hop only. `close` and `keep-alive` are so common that they cost nothing. */
function connectionNames(raw: readonly string[]): Set<string> | undefined {
  let names: Set<string> | undefined;
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as string;
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue;
    const value = (raw[at + 1] as string).toLowerCase();
    if (value === 'keep-alive' || value === 'close' || value === 'upgrade') continue;
    names ??= new Set();
    for (const one of value.split(',')) names.add(one.trim());
  }
  // A client must not be able to strip what routing rests on.
  names?.delete('host');
  return names;
}

/** The host of a request without its port, lower case. */
export function hostName(host: string): string {
  const end = host.startsWith('[') ? host.indexOf(']') + 1 : host.indexOf(':');
  return (end > 0 ? host.slice(0, end) : host).toLowerCase();
}
