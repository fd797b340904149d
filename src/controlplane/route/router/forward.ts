/** One HTTP request through the router: choose an endpoint, pass both bodies through, try another endpoint while nothing was sent. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { pick } from './balance.ts';
import type { Endpoint } from './endpoint.ts';
import { hostName, requestHeaders, responseHeaders } from './headers.ts';
import { sendPage, type PageStatus } from './pages.ts';
import type { Statistics } from './statistics.ts';
import type { RoutingTable, Target } from './table.ts';
import { joinTunnel } from './tunnel.ts';

export interface ForwardContext {
  readonly table: RoutingTable;
  readonly statistics: Statistics;
  /** Port of the TLS listener, named in redirects. */
  readonly securePort: () => number;
}

/** Endpoints one request is offered to at most. */
const mostAttempts = 3;
/** A client that neither sends the body it announced nor reads the response it asked for is cut off after this long. */
const clientStallMs = 30_000;

export interface Upgrade {
  socket: Duplex;
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

/** Failures before a byte of the request was sent. */
const neverSent = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_CLOSED', 'UND_ERR_DESTROYED']);
/** The endpoint closed a kept connection as our request arrived on it. */
const connectionLost = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

const largestJoined = 16 * 1024;

class Exchange implements Dispatcher.DispatchHandler {
  readonly #context: ForwardContext;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #target: Target;
  readonly #path: string;
  readonly #secure: boolean;
  readonly #upgrade: Upgrade | undefined;
  readonly #client: string;
  readonly #headers: string[];
  readonly #hasBody: boolean;
  readonly #tried: Endpoint[] = [];
  #endpoint: Endpoint | undefined;
  #abort: ((error?: Error) => void) | undefined;
  #sent = false;
  #repeated = false;
  /** Announced length of the response's body, -1 if unknown. */
  #wholeLength = -1;
  #over = false;

  constructor(context: ForwardContext, request: IncomingMessage, response: ServerResponse, target: Target, path: string, host: string, secure: boolean, upgrade: Upgrade | undefined) {
    this.#context = context;
    this.#request = request;
    this.#response = response;
    this.#target = target;
    this.#path = path;
    this.#secure = secure;
    this.#upgrade = upgrade;
    this.#client = plainAddress(request.socket.remoteAddress);
    this.#headers = requestHeaders(request.rawHeaders, { client: this.#client, host, port: request.socket.localPort ?? 0, secure }, target.route.forwardedHeaders);
    const length = request.headers['content-length'];
    this.#hasBody = !upgrade && (request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0'));
  }

  start(): void {
    this.#response.once('close', () => this.#closed());
    if (this.#hasBody) this.#watchUpload();
    this.#next();
  }

  #next(): void {
    const endpoint = pick(this.#target.servers, this.#target.route.balance, this.#client, this.#tried);
    if (!endpoint) return this.#fail(503);
    this.#tried.push(endpoint);
    this.#endpoint = endpoint;
    this.#sent = false;
    endpoint.inFlight += 1;
    const { timeoutMs } = this.#target.route;
    endpoint.pool.dispatch(
      {
        path: this.#path,
        method: this.#request.method as Dispatcher.HttpMethod,
        headers: this.#headers,
        body: this.#hasBody ? this.#request : null,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
        upgrade: this.#upgrade?.protocol ?? null,
      },
      this,
    );
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#abort = abort;
    this.#sent = true;
    if (this.#over) abort();
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void, text: string): boolean {
    // Informational responses are for this hop; the final one follows.
    if (status < 200 || this.#over) return true;
    this.#endpoint?.answered();
    const headers = responseHeaders(raw);
    this.#wholeLength = contentLength(headers);
    const { hsts } = this.#target.route;
    if (hsts !== undefined && this.#secure) headers.push('Strict-Transport-Security', hsts);
    if (this.#upgrade) headers.push('Connection', 'close');
    const response = this.#response;
    response.sendDate = false;
    this.#context.statistics.count(status);
    response.writeHead(status, text, headers);
    response.on('drain', () => {
      response.socket?.setTimeout(0);
      resume();
    });
    return true;
  }

  onData(chunk: Buffer): boolean {
    if (chunk.length === this.#wholeLength && chunk.length <= largestJoined) {
      // Head and body leave in one write: half of the system calls of a small response.
      this.#response.end(chunk.toString('latin1'), 'latin1');
      return true;
    }
    if (this.#response.write(chunk)) return true;
    // Without a listener of its own a timeout destroys the socket.
    this.#response.socket?.setTimeout(clientStallMs);
    return this.#over;
  }

  onComplete(trailers: string[] | null): void {
    this.#settle();
    if (trailers && trailers.length > 0 && this.#response.chunkedEncoding) this.#response.addTrailers(pairs(trailers));
    if (!this.#response.writableEnded) this.#response.end();
  }

  onUpgrade(status: number, raw: Buffer[] | string[] | null, socket: Duplex): void {
    this.#settle();
    const { socket: client, head } = this.#upgrade as Upgrade;
    const headers = responseHeaders((raw ?? []) as Buffer[]);
    const lines = [`HTTP/1.1 ${status} Switching Protocols`, `Connection: Upgrade`, `Upgrade: ${this.#upgrade?.protocol}`];
    for (let at = 0; at < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
    this.#context.statistics.count(status);
    this.#response.detachSocket(client as never);
    client.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
    if (head.length > 0) socket.write(head);
    joinTunnel(client, socket, this.#target.route.tunnelTimeoutMs, this.#context.statistics);
  }

  onError(error: Error & { code?: string }): void {
    const endpoint = this.#endpoint;
    const sent = this.#sent;
    if (!this.#settle(false) || this.#over) return;
    if (this.#response.headersSent) {
      // The client must see that the body is not whole.
      this.#finish();
      this.#response.destroy();
      return;
    }
    const code = error.code ?? '';
    const unsent = !sent && neverSent.has(code);
    if (unsent) {
      this.#context.statistics.connectFailures += 1;
      endpoint?.refused();
      if (this.#tried.length < mostAttempts) return this.#again();
      return this.#fail(503);
    }
    if (connectionLost.has(code) && this.#repeatable && !this.#repeated) {
      this.#repeated = true;
      // An only endpoint may just have closed an idle connection: it deserves a fresh one.
      if (this.#target.servers.length === 1) this.#tried.length = 0;
      return this.#again();
    }
    if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') this.#fail(504);
    else if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH') this.#fail(400);
    else this.#fail(502);
  }

  #again(): void {
    this.#context.statistics.retries += 1;
    this.#next();
  }

  /** RFC 9110 section 9.2.2: what is idempotent may be sent again on a lost connection. */
  get #repeatable(): boolean {
    const method = this.#request.method;
    return !this.#hasBody && (method === 'GET' || method === 'HEAD' || method === 'OPTIONS');
  }

  /** Ends the attempt; false if it had already ended. */
  #settle(finish = true): boolean {
    if (!this.#endpoint) return false;
    this.#endpoint.inFlight -= 1;
    this.#endpoint = undefined;
    this.#abort = undefined;
    if (finish) this.#finish();
    return true;
  }

  #finish(): void {
    this.#over = true;
  }

  #fail(status: PageStatus): void {
    this.#finish();
    if (this.#response.destroyed) return;
    if (this.#hasBody && !this.#request.complete) {
      // What the client still sends has no reader: say so and close.
      this.#response.shouldKeepAlive = false;
      this.#request.resume();
    }
    answer(this.#context, this.#response, status);
  }

  /** The client is gone before its response was whole. */
  #closed(): void {
    if (this.#over) return;
    this.#finish();
    this.#abort?.(new Error('the client closed the connection'));
  }

  #watchUpload(): void {
    const { socket } = this.#request;
    socket.setTimeout(clientStallMs);
    this.#request.once('end', () => {
      if (!this.#response.writableFinished) socket.setTimeout(0);
    });
  }
}

function contentLength(headers: readonly string[]): number {
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] as string;
    if (name.length === 14 && name.toLowerCase() === 'content-length') return Number(headers[at + 1]);
  }
  return -1;
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
