/** The router worker: two listeners, one table. */
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { defaultRouterLimits, type RouterCommand, type RouterLimits, type RouterListener, type RouterMetrics, type RouterReport, type RouterRoute } from '../../../protocol/router.ts';
import { Certificates } from './certificates.ts';
import { longestHello, readClientHello } from './client-hello.ts';
import { EndpointSet } from './endpoint.ts';
import { clientIdleMs, forward, type ForwardContext } from './forward.ts';
import { Statistics } from './statistics.ts';
import { RoutingTable } from './table.ts';
import { passThrough } from './tunnel.ts';

type Configuration = Extract<RouterCommand, { type: 'configure' }>;

/** The whole head of a request must arrive within this time, a TLS hello within half of it. */
const requestHeadMs = 10_000;
const backlog = 4_096;

export class Router implements ForwardContext {
  readonly table: RoutingTable;
  readonly statistics = new Statistics();
  readonly #limits: RouterLimits;
  readonly #endpoints: EndpointSet;
  readonly #certificates: Certificates;
  readonly #plain: http.Server;
  readonly #tls: https.Server;
  /** Takes TLS connections and looks at their hello before `#tls` gets them. */
  readonly #front: net.Server;
  readonly #sockets = new Set<net.Socket>();
  readonly #configuration: Configuration;
  readonly #report: (report: RouterReport) => void;

  constructor(configuration: Configuration, report: (report: RouterReport) => void) {
    this.#configuration = configuration;
    this.#report = report;
    this.#limits = { ...defaultRouterLimits, ...configuration.limits };
    this.#endpoints = new EndpointSet(this.#limits);
    this.table = new RoutingTable(this.#endpoints);
    this.#certificates = new Certificates(configuration.defaultCertificate);
    const { certificate: cert, key } = configuration.defaultCertificate;
    const options = { maxHeaderSize: 32 * 1024, headersTimeout: requestHeadMs, requestTimeout: 0, keepAliveTimeout: 0, noDelay: true, highWaterMark: 64 * 1024 };
    this.#plain = http.createServer(options, (request, response) => forward(this, request, response, false));
    this.#tls = https.createServer(
      { ...options, cert, key, ALPNProtocols: ['http/1.1'], handshakeTimeout: requestHeadMs, SNICallback: (name, done) => done(null, this.#certificates.find(name)) },
      (request, response) => forward(this, request, response, true),
    );
    this.#front = net.createServer({ noDelay: true }, (socket) => this.#takeTls(socket));
    this.#plain.on('connection', (socket) => this.#count(socket));
    for (const [server, secure] of [[this.#plain, false], [this.#tls, true]] as const) {
      // One timer a connection; `keepAliveTimeout` would make two for each request.
      server.timeout = clientIdleMs;
      server.on('upgrade', (request: http.IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(request, socket as net.Socket, head, secure));
      server.on('clientError', (_error, socket) => refuse(socket as net.Socket));
    }
    this.#tls.on('tlsClientError', (_error, socket) => socket.destroy());
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

  metrics(): RouterMetrics {
    const { connections, requests, responses, retries, connectFailures, tunnels } = this.statistics;
    const answered = responses.reduce((sum, count) => sum + count, 0);
    return { connections, requests, inFlight: Math.max(0, requests - answered), responses: [...responses], retries, connectFailures, tunnels, routes: this.table.size, endpoints: this.#endpoints.size };
  }

  /** Takes no more connections, ends idle ones, and whatever is still open after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    const closed = Promise.all([this.#plain, this.#front].map((server) => new Promise((resolve) => (server.listening ? server.close(resolve) : resolve(undefined)))));
    this.#plain.closeIdleConnections();
    this.#tls.closeIdleConnections();
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, graceMs);
    await closed;
    clearTimeout(timer);
    this.#endpoints.destroy();
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
      if (target) passThrough(socket, target, this.statistics);
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
    if (/^h2c$/i.test(protocol)) return forward(this, request, response, secure);
    forward(this, request, response, secure, { socket, head, protocol });
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
