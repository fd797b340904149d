/** An HTTP proxy (RFC 9110 9.3.6 CONNECT, RFC 9112 3.2.2 absolute-form) whose ways are decided elsewhere. Used on both ends of egress. */
import { createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export type Way =
  | { kind: 'refused'; why: string }
  /** `to`: where that may end, if it is known to be within the platform. */
  | { kind: 'direct'; dial(): Socket; to?: { ip: string; port: number }[] }
  /** Another proxy is asked in turn; for `host` in place of what was asked for. */
  | { kind: 'proxy'; address: { path: string } | { host: string; port: number }; authorization?: string; host?: string }
  /** CONNECT only: the stream is served here. */
  | { kind: 'served'; serve(client: Socket): void };

export interface Asked {
  host: string;
  port: number;
  scheme: 'http' | 'https';
  /** Address of who asks; undefined on a unix socket. */
  client: string | undefined;
}

const connectLimit = 20_000;
const idleLimit = 60 * 60_000;
/** Of one connection, not of the message (RFC 9110 7.6.1). */
const hopByHop = new Set(['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding', 'upgrade']);

/** Not yet listening. Connections over `limit` are closed at once. */
export function httpProxy(route: (asked: Asked) => Way | Promise<Way>, limit = 1024): Server {
  const server = createServer({ requestTimeout: 0, headersTimeout: 60_000 }, (request, response) => void forward(request, response, route));
  server.maxConnections = limit;
  server.on('connect', (request: IncomingMessage, client: Duplex, head: Buffer) => void tunnel(request, client as Socket, head, route));
  server.on('connection', (socket) => socket.on('error', () => undefined));
  return server;
}

/** Ends the server with its connections. */
export function closeProxy(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const socket of open) socket.destroy();
  });
}

async function tunnel(request: IncomingMessage, client: Socket, head: Buffer, route: (asked: Asked) => Way | Promise<Way>): Promise<void> {
  client.on('error', () => undefined);
  const target = parseAuthority(request.url ?? '');
  if (!target) return refuse(client, 400, 'CONNECT needs host:port');
  const way = await route({ ...target, scheme: 'https', client: client.remoteAddress });
  if (client.destroyed) return;
  if (way.kind === 'refused') return refuse(client, 403, way.why);
  if (way.kind === 'served') {
    client.write(established);
    if (head.length > 0) client.unshift(head);
    return way.serve(client);
  }
  const far = way.kind === 'direct' ? way.dial() : connect(way.address);
  far.setTimeout(connectLimit, () => far.destroy(new Error('no answer')));
  let joined = false;
  far.once('error', (error) => {
    if (joined) client.destroy();
    else refuse(client, 502, `${target.host}:${target.port}: ${error.message}`);
  });
  client.once('close', () => far.destroy());
  far.once('connect', () => {
    joined = true;
    far.setTimeout(idleLimit, () => far.destroy());
    // The next proxy's answer is the client's answer.
    const asked = way.kind === 'proxy' && way.host !== undefined ? `${way.host}:${target.port}` : request.url;
    if (way.kind === 'proxy') far.write(`CONNECT ${asked} HTTP/1.1\r\nHost: ${asked}\r\n${way.authorization ? `Proxy-Authorization: ${way.authorization}\r\n` : ''}\r\n`);
    else client.write(established);
    if (head.length > 0) far.write(head);
    far.pipe(client).pipe(far);
    far.once('close', () => client.destroy());
  });
}

const established = 'HTTP/1.1 200 Connection Established\r\n\r\n';

async function forward(request: IncomingMessage, response: ServerResponse, route: (asked: Asked) => Way | Promise<Way>): Promise<void> {
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
  const port = Number(url.port || 80);
  const way = await route({ host, port, scheme: 'http', client: request.socket.remoteAddress });
  if (response.destroyed) return;
  if (way.kind === 'refused' || way.kind === 'served') return answer(403, way.kind === 'refused' ? way.why : `${host} is not reached this way`);
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !hopByHop.has(name)));
  const far = httpRequest({
    // No agent, not even one of its own: any agent would dial the host itself.
    method: request.method, timeout: idleLimit,
    headers: { ...headers, ...(way.kind === 'proxy' && way.authorization && { 'proxy-authorization': way.authorization }) },
    ...(way.kind === 'direct' ? { host, port, path: `${url.pathname}${url.search}`, createConnection: () => way.dial() } : { path: hrefFor(url, way.host), createConnection: () => connect(way.address) }),
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

function hrefFor(url: URL, host: string | undefined): string {
  if (host === undefined) return url.href;
  const other = new URL(url);
  other.hostname = host;
  return other.href;
}

export function parseAuthority(text: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:/\s]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  return match && port > 0 && port < 65536 ? { host: (match[1] ?? match[2]!).toLowerCase(), port } : undefined;
}

function refuse(client: Socket, status: number, text: string): void {
  if (client.destroyed) return;
  const reason = { 400: 'Bad Request', 403: 'Forbidden', 502: 'Bad Gateway' }[status] ?? 'Error';
  client.end(`HTTP/1.1 ${status} ${reason}\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(text) + 1}\r\nConnection: close\r\n\r\n${text}\n`);
}
