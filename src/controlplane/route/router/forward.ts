/** One HTTP request through the router: choose an endpoint, pass both bodies through, try another endpoint while nothing was sent. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type net from 'node:net';
import { pick } from './balance.ts';
import type { Connection, UpstreamFailure, UpstreamRequest } from './connection.ts';
import type { Endpoint } from './endpoint.ts';
import { hostName, requestHeaders } from './headers.ts';
import { sendPage, type PageStatus } from './pages.ts';
import type { ResponseHead } from './response-parser.ts';
import type { Statistics } from './statistics.ts';
import type { RoutingTable, Target } from './table.ts';
import { joinTunnel } from './tunnel.ts';

export interface ForwardContext {
  readonly table: RoutingTable;
  readonly statistics: Statistics;
  /** Port of the TLS listener, named in redirects. */
  readonly securePort: () => number;
  /** Told once a route. */
  readonly firstAnswer: (key: string, status: number) => void;
}

/** No endpoint was tried yet; shared by all requests, never changed. */
const untried: Endpoint[] = [];
/** Endpoints one request is offered to at most. */
const mostAttempts = 3;
/** A client that neither sends the body it announced nor reads the response it asked for is cut off after this long. */
const clientStallMs = 30_000;
/** A client connection may be silent this long, between requests or waiting for a response. */
export const clientIdleMs = 300_000;

export interface Upgrade {
  socket: net.Socket;
  head: Buffer;
  protocol: string;
}

export function forward(context: ForwardContext, request: IncomingMessage, response: ServerResponse, secure: boolean, upgrade?: Upgrade): void {
  context.statistics.requests += 1;
  const host = request.headers.host ?? '';
  const url = originForm(request.url ?? '/');
  if (url === undefined) return answer(context, response, 400);
  const query = url.indexOf('?');
  const path = query < 0 ? url : url.slice(0, query);
  const target = context.table.match(hostName(host), path, secure);
  if (!target) return answer(context, response, 503);
  if (!secure && target.route.insecure === 'redirect') return redirect(context, request, response, host, url);
  new Exchange(context, request, response, target, rewrite(target, url, path), host, secure, upgrade).start();
}

function answer(context: ForwardContext, response: ServerResponse, status: PageStatus): void {
  context.statistics.count(status);
  sendPage(response, status);
}

function redirect(context: ForwardContext, request: IncomingMessage, response: ServerResponse, host: string, url: string): void {
  const port = context.securePort();
  const bare = host.startsWith('[') ? host.slice(0, host.indexOf(']') + 1) : (host.split(':')[0] ?? '');
  context.statistics.count(302);
  response.writeHead(302, { Location: `https://${bare}${port === 443 ? '' : `:${port}`}${url}`, 'Content-Length': 0, 'Cache-Control': 'no-cache' });
  response.end();
  request.resume();
}

/** Accepts the absolute form that proxies get (RFC 9112 section 3.2.2); anything else that is no path is refused. */
function originForm(url: string): string | undefined {
  if (url.charCodeAt(0) === 47) return url;
  const match = /^https?:\/\/[^/?#]*(.*)$/i.exec(url);
  if (!match) return undefined;
  const rest = match[1] ?? '';
  return rest.startsWith('/') ? rest : `/${rest}`;
}

function rewrite({ route }: Target, url: string, path: string): string {
  if (route.rewriteTarget === undefined || route.path === '') return url;
  const rest = path.slice(route.path.length);
  const rewritten = route.rewriteTarget === '/' ? `/${rest.replace(/^\//, '')}` : route.rewriteTarget + rest;
  return rewritten + url.slice(path.length);
}

/** Largest body that leaves in one write with its head. */
const largestJoined = 16 * 1024;

class Exchange implements UpstreamRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly string[];
  readonly body: IncomingMessage | undefined;
  readonly bodyLength: number | undefined;
  readonly upgrade: string | undefined;
  readonly timeoutMs: number;
  readonly #context: ForwardContext;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #target: Target;
  readonly #secure: boolean;
  readonly #client: string;
  readonly #upgrade: Upgrade | undefined;
  /** Endpoints that were offered the request; made when there is one. */
  #tried: Endpoint[] = untried;
  #endpoint: Endpoint | undefined;
  #connection: Connection | undefined;
  #repeated = false;
  #over = false;
  /** Announced length of the response's body, -1 if unknown. */
  #length = -1;

  constructor(context: ForwardContext, request: IncomingMessage, response: ServerResponse, target: Target, path: string, host: string, secure: boolean, upgrade: Upgrade | undefined) {
    this.#context = context;
    this.#request = request;
    this.#response = response;
    this.#target = target;
    this.#secure = secure;
    this.#upgrade = upgrade;
    this.#client = plainAddress(request.socket.remoteAddress);
    this.method = request.method ?? 'GET';
    this.path = path;
    this.headers = requestHeaders(request.rawHeaders, { client: this.#client, host, port: request.socket.localPort ?? 0, secure }, target.route.forwardedHeaders);
    this.upgrade = upgrade?.protocol;
    this.timeoutMs = target.route.timeoutMs;
    const chunked = request.headers['transfer-encoding'] !== undefined;
    const length = request.headers['content-length'];
    this.bodyLength = upgrade || chunked || length === undefined ? undefined : Number(length);
    this.body = !upgrade && (chunked || (this.bodyLength ?? 0) > 0) ? request : undefined;
  }

  start(): void {
    this.#response.once('close', () => this.#closed());
    if (this.timeoutMs > clientIdleMs) this.#request.socket.setTimeout(this.timeoutMs);
    if (this.body) this.#watchUpload();
    this.#next();
  }

  #next(): void {
    const endpoint = pick(this.#target.servers, this.#target.route.balance, this.#client, this.#tried);
    if (!endpoint) return this.#fail(503);
    this.#endpoint = endpoint;
    endpoint.inFlight += 1;
    endpoint.dispatch(this);
  }

  onConnection(connection: Connection): void {
    this.#connection = connection;
  }

  onHead({ status, text, headers, length }: ResponseHead): void {
    this.#endpoint?.answered();
    this.#length = length;
    if (!this.#target.answered && status < 500) {
      this.#target.answered = true;
      this.#context.firstAnswer(this.#target.route.key, status);
    }
    const { hsts } = this.#target.route;
    if (hsts !== undefined && this.#secure) headers.push('Strict-Transport-Security', hsts);
    const response = this.#response;
    response.sendDate = false;
    this.#context.statistics.count(status);
    response.writeHead(status, text, headers);
  }

  onBody(chunk: Buffer): boolean {
    const response = this.#response;
    if (chunk.length === this.#length && chunk.length <= largestJoined) {
      // Head and body leave in one write: half of the system calls of a small response.
      response.end(chunk.toString('latin1'), 'latin1');
      return true;
    }
    if (response.write(chunk)) return true;
    // Without a listener of its own a timeout destroys the socket.
    response.socket?.setTimeout(clientStallMs);
    response.once('drain', () => {
      response.socket?.setTimeout(clientIdleMs);
      this.#connection?.resume();
    });
    return false;
  }

  onEnd(trailers: string[]): void {
    this.#settle();
    this.#over = true;
    const response = this.#response;
    if (trailers.length > 0 && response.chunkedEncoding) response.addTrailers(pairs(trailers));
    if (!response.writableEnded) response.end();
  }

  onUpgrade({ status, text, headers }: ResponseHead, socket: net.Socket): void {
    const endpoint = this.#endpoint;
    this.#settle();
    this.#over = true;
    const { socket: client, head } = this.#upgrade as Upgrade;
    const lines = [`HTTP/1.1 ${status} ${text}`, 'Connection: Upgrade', `Upgrade: ${this.upgrade}`];
    for (let at = 0; at < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
    this.#context.statistics.count(status);
    this.#response.detachSocket(client);
    client.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
    if (head.length > 0) socket.write(head);
    if (endpoint) {
      endpoint.inFlight += 1;
      socket.once('close', () => (endpoint.inFlight -= 1));
    }
    joinTunnel(client, socket, this.#target.route.tunnelTimeoutMs, this.#context.statistics);
  }

  onFailure({ kind }: UpstreamFailure): void {
    const endpoint = this.#endpoint;
    this.#settle();
    if (this.#over || !endpoint) return;
    if (this.#response.headersSent) {
      // The client must see that the body is not whole.
      this.#over = true;
      this.#response.destroy();
      return;
    }
    if (kind === 'connect') {
      this.#context.statistics.connectFailures += 1;
      endpoint.refused();
      this.#tried = [...this.#tried, endpoint];
      return this.#tried.length < mostAttempts ? this.#again() : this.#fail(503);
    }
    if (kind === 'lost' && this.#repeatable && !this.#repeated) {
      this.#repeated = true;
      // An only endpoint may just have closed an idle connection: it deserves a fresh one.
      if (this.#target.servers.length > 1) this.#tried = [...this.#tried, endpoint];
      return this.#again();
    }
    this.#fail(kind === 'timeout' ? 504 : 502);
  }

  #again(): void {
    this.#context.statistics.retries += 1;
    this.#next();
  }

  /** RFC 9110 section 9.2.2: what is idempotent may be sent again on a lost connection. */
  get #repeatable(): boolean {
    const { method } = this;
    return !this.body && (method === 'GET' || method === 'HEAD' || method === 'OPTIONS');
  }

  #settle(): void {
    if (this.#endpoint) this.#endpoint.inFlight -= 1;
    this.#endpoint = undefined;
    this.#connection = undefined;
  }

  #fail(status: PageStatus): void {
    this.#over = true;
    if (this.#response.destroyed) return;
    if (this.body && !this.#request.complete) {
      // What the client still sends has no reader: say so and close.
      this.#response.shouldKeepAlive = false;
      this.#request.resume();
    }
    answer(this.#context, this.#response, status);
  }

  /** The client is gone before its response was whole. */
  #closed(): void {
    if (this.#over) return;
    this.#over = true;
    const [endpoint, connection] = [this.#endpoint, this.#connection];
    this.#settle();
    if (connection) connection.abort();
    else endpoint?.withdraw(this);
  }

  #watchUpload(): void {
    const { socket } = this.#request;
    socket.setTimeout(clientStallMs);
    this.#request.once('end', () => {
      socket.setTimeout(Math.max(clientIdleMs, this.timeoutMs));
    });
  }
}

const mapped = '::ffff:';
function plainAddress(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith(mapped) ? address.slice(mapped.length) : address;
}

function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) list.push([String(flat[at]), String(flat[at + 1])]);
  return list;
}
