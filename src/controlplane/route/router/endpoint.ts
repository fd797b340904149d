/** The router's side of one endpoint: its connections, and requests that wait for one. */
import type { RouterLimits } from '../../../protocol/router.ts';
import { Connection, type ConnectionOwner } from './connection.ts';
import { dialPod, dialTls, type EndpointTls } from './dial.ts';
import { Http2Channel } from './http2-channel.ts';
import type { EndpointAddress, UpstreamRequest } from './upstream.ts';

/** How an endpoint is spoken to; routes that do it differently hold connections of their own. */
export interface Transport {
  /** Absent: without TLS. */
  tls?: EndpointTls;
  /** HTTP/2 without being asked. */
  h2c?: true;
  /** Requests at a time, counted for this route. */
  bound?: { requests: number; route: string };
}

/** An endpoint that refused a connection is asked last for this long. */
const suspicionMs = 2_000;
/** What waits for a place at an endpoint of bounded concurrency gives up after this long. */
const queueMs = 5_000;
const checkMs = 5_000;
/** Looks in a row that change the mind about an endpoint, as HAProxy's `fall` and `rise`. */
const fall = 3;
const rise = 2;

export class Endpoint implements ConnectionOwner {
  readonly id: string;
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly #transport: Transport;
  readonly #limits: RouterLimits;
  /** Routes that lead here. */
  users = 0;
  /** Requests under way or waiting, and tunnels. */
  inFlight = 0;
  #suspectUntil = 0;
  /** Looks with the same outcome in a row; negative while they fail. */
  #looks = 0;
  #down = false;
  #checking = false;
  #retired = false;
  #tunnels = 0;
  #channel: Http2Channel | undefined;
  /** It speaks TLS, and chose HTTP/1.1 when it had the choice. */
  #http1Only = false;
  readonly #open = new Set<Connection>();
  /** The one used last is used next: the others may go. */
  readonly #idle: Connection[] = [];
  /** Bounded by `requestsPerEndpoint`, since who comes beyond is not sent here. */
  readonly #waiting: UpstreamRequest[] = [];

  constructor(id: string, address: string, transport: Transport, limits: RouterLimits) {
    const colon = address.lastIndexOf(':');
    this.id = id;
    this.address = address;
    this.host = address.slice(0, colon);
    this.port = Number(address.slice(colon + 1));
    this.#transport = transport;
    this.#limits = limits;
  }

  /** It takes no more, not even to wait. */
  get full(): boolean {
    return this.inFlight >= this.#limits.requestsPerEndpoint;
  }

  /** What is sent here now waits. */
  get busy(): boolean {
    return this.#transport.bound !== undefined && this.inFlight >= this.#transport.bound.requests;
  }

  get suspect(): boolean {
    return this.#down || (this.#suspectUntil !== 0 && this.#suspectUntil > Date.now());
  }

  refused(): void {
    this.#suspectUntil = Date.now() + suspicionMs;
  }

  answered(): void {
    this.#suspectUntil = 0;
  }

  dispatch(request: UpstreamRequest): void {
    if (this.#speaksHttp2(request)) return this.#multiplex(request);
    for (let connection = this.#idle.pop(); connection; connection = this.#idle.pop()) {
      if (!connection.idle) continue;
      if (request.repeatable || connection.fresh) return connection.send(request);
      connection.close();
      break;
    }
    const { bound } = this.#transport;
    const full = bound ? this.#open.size + this.#tunnels >= bound.requests : this.#open.size >= this.#limits.connectionsPerEndpoint;
    if (full) this.#wait(request);
    else this.#connect(request);
  }

  /** A request that was dispatched is over, however it ended. */
  leave(): void {
    this.inFlight -= 1;
    if (!this.#transport.bound || !this.#channel || this.inFlight - this.#waiting.length >= this.#transport.bound.requests) return;
    const next = this.#waiting.shift();
    if (next) this.#channel.dispatch(next);
  }

  /** A request that still waits is no longer wanted. */
  withdraw(request: UpstreamRequest): void {
    const at = this.#waiting.indexOf(request);
    if (at >= 0) this.#waiting.splice(at, 1);
    else this.#channel?.withdraw(request);
  }

  onIdle(connection: Connection): void {
    const next = this.#waiting.shift();
    if (next) connection.send(next);
    else if (this.#retired) connection.close();
    else this.#idle.push(connection);
  }

  onClosed(connection: Connection): void {
    this.#open.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#next();
  }

  /** A connection became a tunnel, which takes a place until `closeTunnel`. */
  openTunnel(): void {
    this.inFlight += 1;
    this.#tunnels += 1;
  }

  closeTunnel(): void {
    this.inFlight -= 1;
    this.#tunnels -= 1;
    this.#next();
  }

  /** Looks whether it takes connections, and with TLS shows its certificate. One look at a time. */
  check(): void {
    if (this.#checking) return;
    this.#checking = true;
    const { tls } = this.#transport;
    const socket = tls ? dialTls(this.host, this.port, tls, ['h2', 'http/1.1']) : dialPod(this.host, this.port);
    const seen = (well: boolean) => {
      if (!this.#checking) return;
      this.#checking = false;
      socket.destroy();
      this.#looks = well ? Math.max(0, this.#looks) + 1 : Math.min(0, this.#looks) - 1;
      if (this.#looks <= -fall) this.#down = true;
      if (this.#looks >= rise) this.#down = false;
    };
    socket.setTimeout(checkMs, () => seen(false));
    socket.once(tls ? 'secureConnect' : 'connect', () => seen(true));
    socket.on('error', () => seen(false));
    socket.once('close', () => seen(false));
  }

  /** Nobody leads here any more: what is under way ends in peace, what waits goes elsewhere. */
  retire(): void {
    this.#retired = true;
    for (const connection of this.#idle.splice(0)) connection.close();
    // An address that is gone does not refuse, it is silent for seconds.
    for (const connection of this.#open) connection.giveUpConnecting();
    for (const request of this.#waiting.splice(0)) request.onFailure({ kind: 'connect', message: 'the endpoint was removed' });
    this.#channel?.retire();
  }

  destroy(): void {
    this.retire();
    for (const connection of this.#open) connection.close();
    this.#channel?.destroy();
  }

  #speaksHttp2({ upgrade, http2 }: UpstreamRequest): boolean {
    const { h2c, tls } = this.#transport;
    // Protocols are switched in HTTP/1.1 only.
    return upgrade === undefined && (h2c === true || (tls !== undefined && http2 && !this.#http1Only));
  }

  #multiplex(request: UpstreamRequest): void {
    if (this.#transport.bound && this.inFlight - this.#waiting.length > this.#transport.bound.requests) return this.#wait(request);
    this.#channel ??= new Http2Channel(this.#place, {
      onHttp1: (requests) => {
        this.#http1Only = true;
        for (const one of requests) this.dispatch(one);
      },
    });
    this.#channel.dispatch(request);
  }

  get #place(): EndpointAddress {
    return { host: this.host, port: this.port, tls: this.#transport.tls };
  }

  #wait(request: UpstreamRequest): void {
    this.#waiting.push(request);
    if (!this.#transport.bound) return;
    setTimeout(() => {
      const at = this.#waiting.indexOf(request);
      if (at < 0) return;
      this.#waiting.splice(at, 1);
      request.onFailure({ kind: 'full', message: 'the endpoint had no place for the request in time' });
    }, queueMs).unref();
  }

  #next(): void {
    const next = this.#waiting.shift();
    if (next) this.#connect(next);
  }

  #connect(request: UpstreamRequest): void {
    const connection = new Connection(this.#place, this);
    this.#open.add(connection);
    connection.send(request);
  }
}

/** All endpoints in use, shared between the routes that lead to them. */
export class EndpointSet {
  readonly #byId = new Map<string, Endpoint>();
  readonly #limits: RouterLimits;

  constructor(limits: RouterLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#byId.size;
  }

  acquire(address: string, transport: Transport): Endpoint {
    const { tls, h2c, bound } = transport;
    const id = tls || h2c || bound ? JSON.stringify([address, transport]) : address;
    let endpoint = this.#byId.get(id);
    if (!endpoint) this.#byId.set(id, (endpoint = new Endpoint(id, address, transport, this.#limits)));
    endpoint.users += 1;
    return endpoint;
  }

  release(endpoint: Endpoint): void {
    endpoint.users -= 1;
    if (endpoint.users > 0) return;
    this.#byId.delete(endpoint.id);
    endpoint.retire();
  }

  destroy(): void {
    for (const endpoint of this.#byId.values()) endpoint.destroy();
    this.#byId.clear();
  }
}
