/**
 * The outside half of egress where the holder has no interface of its own: an HTTP proxy on a unix socket, run by the control plane in this machine's network.
 * `CONNECT host:port` and absolute-form requests. Loopback is reached by the name `host.slipway.internal` only, never by address.
 */
import { rmSync } from 'node:fs';
import { lookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { BlockList, connect, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { toDisposable, type Disposable } from '../../base/disposable.ts';
import { serveDnsStream } from './dns-relay.ts';
import { dnsRelayName, hostName } from './names.ts';
import { upstreamProxy, type Upstream } from './upstream-proxy.ts';

export interface EgressProxyOptions {
  /** Where the proxies of this machine are named (`HTTPS_PROXY`, …). Default: the process's. */
  environment?: NodeJS.ProcessEnv;
  /** Connections at a time; more are closed at once. Default 1024. */
  limit?: number;
}

const connectLimit = 20_000;
const idleLimit = 60 * 60_000;

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addSubnet('0.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');
loopback.addAddress('::', 'ipv6');

export async function startEgressProxy(socketPath: string, options: EgressProxyOptions = {}): Promise<Disposable> {
  const environment = options.environment ?? process.env;
  const server = createServer({ requestTimeout: 0, headersTimeout: 60_000 }, (request, response) => forward(request, response, environment));
  server.maxConnections = options.limit ?? 1024;
  server.on('connect', (request: IncomingMessage, client: Duplex, head: Buffer) => tunnel(request, client as Socket, head, environment));
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => undefined);
  });
  rmSync(socketPath, { force: true });
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socketPath, resolve));
  } finally {
    process.umask(before);
  }
  return toDisposable(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  );
}

function tunnel(request: IncomingMessage, client: Socket, head: Buffer, environment: NodeJS.ProcessEnv): void {
  client.on('error', () => undefined);
  const target = parseAuthority(request.url ?? '');
  if (!target) return refuse(client, 400, 'CONNECT needs host:port');
  if (target.host === dnsRelayName) {
    client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    if (head.length > 0) client.unshift(head);
    return serveDnsStream(client);
  }
  const refused = refusal(target.host);
  if (refused) return refuse(client, 403, refused);
  const upstream = target.host === hostName ? undefined : upstreamProxy(environment, 'https', target.host);
  const far = upstream ? connect(upstream.port, upstream.host) : dial(target.host, target.port);
  far.setTimeout(connectLimit, () => far.destroy(new Error('no answer')));
  far.once('error', (error) => refuse(client, 502, `${target.host}:${target.port}: ${error.message}`));
  client.once('close', () => far.destroy());
  far.once('connect', () => {
    far.setTimeout(idleLimit, () => far.destroy());
    // The other proxy's answer is the client's answer.
    if (upstream) far.write(`CONNECT ${request.url} HTTP/1.1\r\nHost: ${request.url}\r\n${authorization(upstream)}\r\n`);
    else client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    if (head.length > 0) far.write(head);
    far.pipe(client).pipe(far);
    far.once('close', () => client.destroy());
  });
}

/** Of one connection, not of the message (RFC 9110 7.6.1). */
const hopByHop = new Set(['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding', 'upgrade']);

function forward(request: IncomingMessage, response: ServerResponse, environment: NodeJS.ProcessEnv): void {
  const answer = (status: number, text: string) => {
    if (response.headersSent) return void response.destroy();
    response.writeHead(status, { 'content-type': 'text/plain' }).end(`${text}\n`);
  };
  let url: URL;
  try {
    url = new URL(request.url ?? '');
  } catch {
    return answer(400, 'this is a proxy: ask with a complete http:// address');
  }
  if (url.protocol !== 'http:') return answer(400, `${url.protocol} addresses are reached with CONNECT`);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const refused = refusal(host);
  if (refused) return answer(403, refused);
  const upstream = host === hostName ? undefined : upstreamProxy(environment, 'http', host);
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !hopByHop.has(name)));
  const far = httpRequest({
    method: request.method, headers: { ...headers, ...(upstream?.authorization && { 'proxy-authorization': upstream.authorization }) }, agent: false, timeout: idleLimit,
    ...(upstream ? { host: upstream.host, port: upstream.port, path: url.href } : { host, port: url.port || 80, path: `${url.pathname}${url.search}`, createConnection: () => dial(host, Number(url.port || 80)) }),
  });
  far.once('response', (incoming) => {
    response.writeHead(incoming.statusCode ?? 502, incoming.statusMessage, Object.fromEntries(Object.entries(incoming.headers).filter(([name]) => !hopByHop.has(name))));
    incoming.pipe(response);
    incoming.once('error', () => response.destroy());
  });
  far.once('timeout', () => far.destroy(new Error('no answer')));
  far.once('error', (error) => answer(502, `${host}: ${error.message}`));
  response.once('close', () => far.destroy());
  request.pipe(far);
}

function dial(host: string, port: number): Socket {
  if (host === hostName) return connect({ host: 'localhost', port, autoSelectFamily: true });
  return connect({ host, port, autoSelectFamily: true, lookup: guardedLookup });
}

/** A name of the outside may point to loopback; it is not followed there. */
function guardedLookup(name: string, options: LookupOptions, done: (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void): void {
  lookup(name, { ...options, all: true }, (error, found) => {
    if (error) return done(error, []);
    const usable = found.filter(({ address, family }) => !loopback.check(address, family === 6 ? 'ipv6' : 'ipv4'));
    if (usable.length === 0) return done(Object.assign(new Error(`${name} is this machine's loopback; its name for pods is ${hostName}`), { code: 'EACCES' }), []);
    if (options.all) done(null, usable);
    else done(null, usable[0]!.address, usable[0]!.family);
  });
}

function refusal(host: string): string | undefined {
  const family = isIP(host);
  const own = host === 'localhost' || host.endsWith('.localhost') || (family !== 0 && loopback.check(host, family === 6 ? 'ipv6' : 'ipv4'));
  return own ? `${host} is the pod itself; this machine's name is ${hostName}` : undefined;
}

export function parseAuthority(text: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:/\s]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  return match && port > 0 && port < 65536 ? { host: (match[1] ?? match[2]!).toLowerCase(), port } : undefined;
}

function authorization(upstream: Upstream): string {
  return upstream.authorization ? `Proxy-Authorization: ${upstream.authorization}\r\n` : '';
}

function refuse(client: Socket, status: number, text: string): void {
  if (client.destroyed) return;
  const reason = { 400: 'Bad Request', 403: 'Forbidden', 502: 'Bad Gateway' }[status] ?? 'Error';
  client.end(`HTTP/1.1 ${status} ${reason}\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(text) + 1}\r\nConnection: close\r\n\r\n${text}\n`);
}
