/**
 * The router worker: two listeners, one table.
 *
 *   plain ─▶ first bytes ─▶ HTTP/1.1, or HTTP/2 by prior knowledge (gRPC without TLS), as the HAProxy of OpenShift's router takes it
 *   front ─▶ TLS hello ─▶ passed through, or ended here ─▶ HTTP/1.1 or HTTP/2 as client and route agreed
 */
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { defaultRouterLimits, type RouterCommand, type RouterLimits, type RouterListener, type RouterMetrics, type RouterReport, type RouterRoute, type RouterRouteMetrics } from '../../../protocol/router.ts';
import { AccessLog } from '../data-plane/access-log.ts';
import { Certificates } from './certificates.ts';
import { longestHello, readClientHello } from './client-hello.ts';
import { clientIdleMs } from './downstream.ts';
import { Http1Downstream } from './downstream-http1.ts';
import { Http2Downstream } from './downstream-http2.ts';
import { EndpointSet } from './endpoint.ts';
import { forward, type ForwardContext } from './forward.ts';
import { HealthChecks } from './health.ts';
import { Sessions } from './sessions.ts';
import { Statistics } from './statistics.ts';
import { RoutingTable } from './table.ts';
import { passThrough } from './tunnel.ts';

type Configuration = Extract<RouterCommand, { type: 'configure' }>;

/** The whole head of a request must arrive within this time, a TLS hello within half of it. */
const requestHeadMs = 10_000;
const backlog = 4_096;
/** Bytes of a plain connection that are read before somebody takes them. */
const readAhead = 64 * 1024;
/** By what an HTTP/2 connection begins (RFC 9113 section 3.4). */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const sweepMs = 100;
/** Requests at a time of one HTTP/2 connection. */
const mostStreams = 256;

export class Router implements ForwardContext {
  readonly table: RoutingTable;
  readonly statistics = new Statistics();
  accessLog: AccessLog | undefined;
  readonly #limits: RouterLimits;
  readonly #endpoints: EndpointSet;
  readonly #certificates: Certificates;
  readonly #health = new HealthChecks();
  /** Takes plain connections and looks at their first bytes before `#http` or `#http2` gets them. */
  readonly #plain: net.Server;
  readonly #http: http.Server;
  /** Takes TLS connections and looks at their hello before `#tls` gets them. */
  readonly #front: net.Server;
  /** Ends TLS, and hands what is inside to one of the two after it, as client and route agreed. */
  readonly #tls: tls.Server;
  readonly #secure: http.Server;
  /** Of both listeners. */
  readonly #http2: http2.Http2Server;
  readonly #sessions = new Sessions(clientIdleMs);
  readonly #sockets = new Set<net.Socket>();
  /** Plain connections that have said nothing yet. */
  readonly #silent = new Set<net.Socket>();
  readonly #configuration: Configuration;
  readonly #report: (report: RouterReport) => void;

  constructor(configuration: Configuration, report: (report: RouterReport) => void) {
    this.#configuration = configuration;
    this.#report = report;
    this.#limits = { ...defaultRouterLimits, ...configuration.limits };
    this.#endpoints = new EndpointSet(this.#limits);
    this.table = new RoutingTable(this.#endpoints);
    this.#certificates = new Certificates(configuration.defaultCertificate);
    this.#http = this.#httpServer(false);
    this.#secure = this.#httpServer(true);
    // They never listen themselves, but have to watch over heads that do not end.
    for (const server of [this.#http, this.#secure]) server.emit('listening');
    this.#http2 = http2.createServer({ settings: { maxConcurrentStreams: mostStreams, initialWindowSize: 256 * 1024 }, unknownProtocolTimeout: requestHeadMs });
    this.#http2.on('stream', (stream, headers, flags, raw) => forward(this, new Http2Downstream(stream, headers, flags, raw as unknown as string[], stream.session?.encrypted === true)));
    this.#http2.on('session', (session) => this.#sessions.add(session));
    this.#http2.on('sessionError', ignore);
    const { certificate: cert, key } = configuration.defaultCertificate;
    this.#tls = tls.createServer({
      cert, key, noDelay: true, handshakeTimeout: requestHeadMs,
      SNICallback: (name, done) => done(null, this.#certificates.find(name).context),
      ALPNCallback: ({ servername, protocols }) => this.#protocol(servername, protocols),
    } as tls.TlsOptions, (socket) => (socket.alpnProtocol === 'h2' ? this.#http2 : this.#secure).emit('connection', socket));
    this.#tls.on('tlsClientError', (_error, socket) => socket.destroy());
    this.#front = net.createServer({ noDelay: true }, (socket) => this.#takeTls(socket));
    this.#plain = net.createServer({ noDelay: true, highWaterMark: readAhead }, (socket) => this.#takePlain(socket));
  }

  #httpServer(secure: boolean): http.Server {
    const server = http.createServer({ maxHeaderSize: 32 * 1024, headersTimeout: requestHeadMs, requestTimeout: 0, keepAliveTimeout: 0, noDelay: true, highWaterMark: readAhead });
    server.on('request', (request, response) => forward(this, new Http1Downstream(request, response, secure)));
    // One timer a connection; `keepAliveTimeout` would make two for each request.
    server.timeout = clientIdleMs;
    server.on('upgrade', (request: http.IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(request, socket as net.Socket, head, secure));
    server.on('clientError', (_error, socket) => refuse(socket as net.Socket));
    return server;
  }

  /** Undefined refuses the connection: the client offered nothing that is spoken here. */
  #protocol(serverName: string, offered: readonly string[]): string | undefined {
    if (offered.includes('h2') && this.#certificates.find(serverName).http2) return 'h2';
    return offered.includes('http/1.1') ? 'http/1.1' : undefined;
  }

  watchHealth = this.#health.watch;

  /** A log that cannot be opened is told and done without. */
  logTo(file: string | undefined): void {
    this.accessLog?.close();
    this.accessLog = undefined;
    try {
      if (file !== undefined) this.accessLog = new AccessLog(file);
    } catch (error) {
      process.stderr.write(`the access log cannot be written: ${(error as Error).message}\n`);
    }
  }

  securePort = (): number => portOf(this.#front);

  firstAnswer = (key: string, status: number): void => this.#report({ type: 'answered', key, status });

  /** Reports `ready`, or `failed` for the listener that cannot be bound. */
  async listen(): Promise<boolean> {
    for (const [name, server] of [['http', this.#plain], ['https', this.#front]] as const) {
      try {
        await listenOn(server, this.#configuration[name]);
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        this.#report({ type: 'failed', listener: name, code: code ?? 'UNKNOWN', message });
        return false;
      }
    }
    this.#report({ type: 'ready', http: portOf(this.#plain), https: portOf(this.#front) });
    return true;
  }

  apply(change: { version: number; replace: boolean; set: RouterRoute[]; remove: string[] }): void {
    this.table.apply(change);
    this.#certificates.apply(this.table.routes, (key, message) => this.#report({ type: 'rejected', key, message }));
    this.#report({ type: 'applied', version: change.version });
  }

  routeMetrics(): RouterRouteMetrics[] {
    return [...this.table.all].map(({ route, counters, all }) => ({
      key: route.key, ...(route.tls && { termination: route.tls.termination }), requests: counters.requests, inFlight: counters.inFlight, responses: [...counters.responses],
      bytesIn: counters.bytesIn, bytesOut: counters.bytesOut, retries: counters.retries, connectFailures: counters.connectFailures,
      endpoints: all.map(({ endpoint, service, pod, requests }) => ({ service, address: endpoint.address, ...(pod !== undefined && { pod }), up: !endpoint.suspect, requests, inFlight: endpoint.inFlight })),
    }));
  }

  metrics(): RouterMetrics {
    const { connections, requests, responses, retries, connectFailures, tunnels } = this.statistics;
    let inFlight = 0;
    for (const { counters } of this.table.all) inFlight += counters.inFlight;
    return { connections, requests, inFlight, responses: [...responses], retries, connectFailures, tunnels, routes: this.table.size, endpoints: this.#endpoints.size };
  }

  /** Takes no more connections, ends idle ones, and whatever is still open after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    for (const server of [this.#http, this.#secure]) server.close();
    const closed = Promise.all([this.#plain, this.#front].map((server) => new Promise((resolve) => (server.listening ? server.close(resolve) : resolve(undefined)))));
    // Those of HTTP/1.1 that are answered now are idle then.
    const sweep = setInterval(() => [this.#http, this.#secure].forEach((server) => server.closeIdleConnections()), sweepMs);
    for (const server of [this.#http, this.#secure]) server.closeIdleConnections();
    for (const socket of this.#silent) socket.destroy();
    this.#sessions.close();
    this.#health.stop();
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, graceMs);
    await closed;
    clearTimeout(timer);
    clearInterval(sweep);
    this.#endpoints.destroy();
    this.accessLog?.close();
  }

  /** False when the connection is one too many; it is closed. */
  #count(socket: net.Socket): boolean {
    if (this.statistics.connections >= this.#limits.connections) {
      socket.destroy();
      return false;
    }
    this.statistics.connections += 1;
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.statistics.connections -= 1;
      this.#sockets.delete(socket);
    });
    return true;
  }

  #takePlain(socket: net.Socket): void {
    if (!this.#count(socket)) return;
    socket.on('error', ignore);
    this.#silent.add(socket);
    socket.once('close', () => this.#silent.delete(socket));
    socket.setTimeout(requestHeadMs, () => socket.destroy());
    let seen: Buffer = Buffer.alloc(0);
    const look = () => {
      const chunk = socket.read() as Buffer | null;
      if (chunk) seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const asked = seen.subarray(0, preface.length).equals(preface.subarray(0, seen.length));
      if (asked && seen.length < preface.length && !socket.readableEnded) return;
      socket.off('readable', look);
      this.#silent.delete(socket);
      socket.setTimeout(0);
      socket.removeAllListeners('timeout');
      if (seen.length > 0) socket.unshift(seen);
      (asked ? this.#http2 : this.#http).emit('connection', socket);
    };
    socket.on('readable', look);
    socket.once('end', () => this.#silent.has(socket) && socket.destroy());
  }

  #takeTls(socket: net.Socket): void {
    if (!this.#count(socket)) return;
    // Until the TLS server owns the connection nobody else listens.
    socket.on('error', ignore);
    if (!this.table.hasPassthrough) return this.#terminate(socket);
    let seen: Buffer = Buffer.alloc(0);
    socket.setTimeout(requestHeadMs / 2, () => socket.destroy());
    const read = (chunk: Buffer) => {
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const hello = readClientHello(seen);
      if (hello.kind === 'more' && seen.length < longestHello) return;
      socket.off('data', read);
      socket.pause();
      socket.setTimeout(0);
      socket.removeAllListeners('timeout');
      socket.unshift(seen);
      const target = hello.kind === 'name' ? this.table.matchPassthrough(hello.name) : undefined;
      if (target) passThrough(socket, target, this);
      else this.#terminate(socket);
    };
    socket.on('data', read);
  }

  #terminate(socket: net.Socket): void {
    this.#tls.emit('connection', socket);
  }

  /** WebSocket and other upgrades go through as such; `h2c` is a hint that may be ignored. */
  #upgrade(request: http.IncomingMessage, socket: net.Socket, head: Buffer, secure: boolean): void {
    socket.on('error', ignore);
    const response = new http.ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => socket.end());
    const protocol = request.headers.upgrade ?? '';
    const carriesBody = request.headers['transfer-encoding'] !== undefined || (request.headers['content-length'] ?? '0') !== '0';
    if (carriesBody) return refuse(socket);
    forward(this, new Http1Downstream(request, response, secure, /^h2c$/i.test(protocol) ? undefined : { socket, head, protocol }));
  }
}

const ignore = () => undefined;

function refuse(socket: net.Socket): void {
  if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  else socket.destroy();
}

function portOf(server: net.Server): number {
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
}

function listenOn(server: net.Server, at: RouterListener): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...at, backlog }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
