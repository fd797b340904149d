/** One HTTP request through the router: choose an endpoint, pass both bodies through, try another endpoint while nothing was sent. */
import type net from 'node:net';
import type { Readable } from 'node:stream';
import type { AccessLog } from '../data-plane/access-log.ts';
import { logged } from './access-entry.ts';
import { pick, type Server } from './balance.ts';
import type { Downstream, DownstreamListener, Upgrade } from './downstream.ts';
import type { Http1Downstream } from './downstream-http1.ts';
import type { Endpoint } from './endpoint.ts';
import type { Guard } from './guard.ts';
import { applyActions } from './header-actions.ts';
import { requestHeaders } from './headers.ts';
import type { PageStatus } from '../data-plane/pages.ts';
import type { ResponseHead } from './response-parser.ts';
import type { Statistics } from './statistics.ts';
import { readCookie } from './sticky.ts';
import type { Target } from './table.ts';
import { joinTunnel } from './tunnel.ts';
import type { Carrier, UpstreamFailure, UpstreamRequest } from './upstream.ts';

export interface ExchangeContext {
  readonly statistics: Statistics;
  /** Told once a route. */
  readonly firstAnswer: (key: string, status: number) => void;
  readonly accessLog: AccessLog | undefined;
  /** Looks after the endpoints of a route that is used. */
  readonly watchHealth: (target: Target) => void;
}

/** No endpoint was tried yet; shared by all requests, never changed. */
const untried: Endpoint[] = [];
/** Endpoints one request is offered to at most. */
const mostAttempts = 3;

export class Exchange implements UpstreamRequest, DownstreamListener {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly string[];
  readonly body: Readable | undefined;
  readonly bodyLength: number | undefined;
  readonly upgrade: string | undefined;
  readonly http2: boolean;
  readonly trailers: boolean;
  readonly timeoutMs: number;
  readonly #context: ExchangeContext;
  readonly #client: Downstream;
  readonly #target: Target;
  /** That let it in: another may be there by its end. */
  readonly #guard: Guard | undefined;
  /** Endpoints that were offered the request; made when there is one. */
  #tried: Endpoint[] = untried;
  /** The endpoint that the client's cookie names. */
  readonly #kept: Server | undefined;
  #server: Server | undefined;
  #carrier: Carrier | undefined;
  #repeated = false;
  #over = false;
  /** Announced length of the response's body, -1 if unknown. */
  #length = -1;
  /** For the access log. */
  #status = 0;
  #answeredBy: Server | undefined;
  readonly #started: number;
  #received = 0;
  #sent = 0;

  constructor(context: ExchangeContext, client: Downstream, target: Target, path: string) {
    const { route, requestActions } = target;
    this.#context = context;
    this.#client = client;
    this.#target = target;
    this.#guard = target.guard;
    this.#started = context.accessLog ? Date.now() : 0;
    this.method = client.method;
    this.path = path;
    const headers = requestHeaders(client.rawHeaders, { client: client.client, host: client.host, port: client.port, secure: client.secure, http2: client.http2, cookie: route.cookie?.name }, route.forwardedHeaders);
    if (requestActions) applyActions(requestActions, headers);
    this.headers = headers;
    this.body = client.body;
    this.bodyLength = client.bodyLength;
    this.upgrade = client.upgrade?.protocol;
    this.http2 = client.http2;
    this.trailers = client.trailers;
    this.timeoutMs = route.timeoutMs;
    this.#kept = client.cookies !== undefined && route.cookie ? target.byCookie.get(readCookie(client.cookies, route.cookie.name) ?? '') : undefined;
  }

  start(): void {
    const { counters, route } = this.#target;
    counters.inFlight += 1;
    this.#client.open(this.timeoutMs, this);
    if (route.healthCheckMs !== undefined) this.#context.watchHealth(this.#target);
    this.#next();
  }

  #next(): void {
    const server = this.#choose();
    if (!server) return this.#fail(503);
    this.#server = server;
    server.requests += 1;
    server.endpoint.inFlight += 1;
    server.endpoint.dispatch(this);
  }

  #choose(): Server | undefined {
    const kept = this.#kept;
    if (kept && !kept.endpoint.suspect && !kept.endpoint.full && !this.#tried.includes(kept.endpoint) && this.#target.byCookie.get(kept.id) === kept) return kept;
    return pick(this.#target.servers, this.#target.route.balance, this.#client.client, this.#tried);
  }

  onCarrier(carrier: Carrier): void {
    this.#carrier = carrier;
  }

  onHead({ status, text, headers, length }: ResponseHead): void {
    const server = this.#server as Server;
    const target = this.#target;
    server.endpoint.answered();
    this.#answeredBy = server;
    this.#length = length;
    this.#answered(status);
    if (server.cookie !== undefined && server.id !== this.#kept?.id) headers.push('Set-Cookie', server.cookie);
    if (target.route.hsts !== undefined && this.#client.secure) headers.push('Strict-Transport-Security', target.route.hsts);
    if (target.responseActions) applyActions(target.responseActions, headers);
    this.#count(status);
    this.#client.head(status, text, headers, length);
  }

  onBody(chunk: Buffer): boolean {
    this.#target.counters.bytesOut += chunk.length;
    this.#sent += chunk.length;
    return this.#client.write(chunk, chunk.length === this.#length);
  }

  onUpload(bytes: number): void {
    this.#target.counters.bytesIn += bytes;
    this.#received += bytes;
  }

  onDrain(): void {
    this.#carrier?.resume();
  }

  onEnd(trailers: string[]): void {
    this.#finish();
    this.#client.end(trailers);
  }

  onUpgrade({ status, text, headers }: ResponseHead, socket: net.Socket): void {
    const server = this.#server as Server;
    const { endpoint } = server;
    const { responseActions, route } = this.#target;
    this.#answeredBy = server;
    this.#answered(status);
    this.#settle();
    this.#over = true;
    const { socket: client, head } = this.#client.upgrade as Upgrade;
    if (server.cookie !== undefined && server.id !== this.#kept?.id) headers.push('Set-Cookie', server.cookie);
    if (responseActions) applyActions(responseActions, headers);
    const lines = [`HTTP/1.1 ${status} ${text}`, 'Connection: Upgrade', `Upgrade: ${this.upgrade}`];
    for (let at = 0; at < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
    this.#count(status);
    (this.#client as Http1Downstream).detach();
    client.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
    if (head.length > 0) socket.write(head);
    endpoint.openTunnel();
    socket.once('close', () => {
      endpoint.closeTunnel();
      this.#close();
    });
    joinTunnel(client, socket, route.tunnelTimeoutMs, this.#context.statistics);
  }

  onFailure({ kind }: UpstreamFailure): void {
    const server = this.#server;
    this.#settle();
    if (this.#over || !server) return;
    const { endpoint } = server;
    if (this.#client.begun) {
      this.#finish();
      return this.#client.cut();
    }
    if (kind === 'connect') {
      this.#context.statistics.connectFailures += 1;
      this.#target.counters.connectFailures += 1;
      endpoint.refused();
      this.#tried = [...this.#tried, endpoint];
      return this.#tried.length < mostAttempts ? this.#again() : this.#fail(503);
    }
    if (kind === 'lost' && this.repeatable && !this.#repeated) {
      this.#repeated = true;
      // An only endpoint may just have closed an idle connection: it deserves a fresh one.
      if (this.#target.servers.length > 1) this.#tried = [...this.#tried, endpoint];
      return this.#again();
    }
    this.#fail(kind === 'timeout' ? 504 : kind === 'full' ? 503 : 502);
  }

  #again(): void {
    this.#context.statistics.retries += 1;
    this.#target.counters.retries += 1;
    this.#next();
  }

  /** RFC 9110 section 9.2.2: what is idempotent may be sent again on a lost connection. */
  get repeatable(): boolean {
    const { method } = this;
    return !this.body && (method === 'GET' || method === 'HEAD' || method === 'OPTIONS');
  }

  #answered(status: number): void {
    if (this.#target.answered || status >= 500) return;
    this.#target.answered = true;
    this.#context.firstAnswer(this.#target.route.key, status);
  }

  #count(status: number): void {
    this.#status = status;
    this.#context.statistics.count(status);
    this.#target.counters.count(status);
  }

  /** No endpoint has it any more. */
  #settle(): void {
    this.#server?.endpoint.leave();
    this.#server = undefined;
    this.#carrier = undefined;
  }

  /** Nothing comes after this. */
  #finish(): void {
    this.#settle();
    this.#over = true;
    this.#close();
  }

  #close(): void {
    this.#target.counters.inFlight -= 1;
    this.#guard?.leave(this.#client.client);
    const { accessLog } = this.#context;
    if (accessLog && this.#started > 0) accessLog.write(logged(this.#client, this.#started, { route: this.#target.route.key, status: this.#status, bytesIn: this.#received, bytesOut: this.#sent }, this.#answeredBy));
  }

  #fail(status: PageStatus): void {
    this.#count(status);
    this.#finish();
    this.#client.page(status);
  }

  /** The client is gone before its response was whole. */
  onGone(): void {
    if (this.#over) return;
    const [server, carrier] = [this.#server, this.#carrier];
    this.#finish();
    if (carrier) carrier.abort();
    else server?.endpoint.withdraw(this);
  }
}
