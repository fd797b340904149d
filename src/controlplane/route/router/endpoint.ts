/** The router's side of one endpoint: its connections, and requests that wait for one. */
import type { RouterLimits } from '../../../protocol/router.ts';
import { Connection, type ConnectionOwner, type UpstreamRequest } from './connection.ts';

/** How an endpoint is spoken to; routes that re-encrypt differently hold connections of their own. */
export interface Transport {
  /** Absent: plain HTTP. */
  tls?: { ca: string | undefined; serverName: string };
}

/** An endpoint that refused a connection is asked last for this long. */
const suspicionMs = 2_000;

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
  #retired = false;
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

  get full(): boolean {
    return this.inFlight >= this.#limits.requestsPerEndpoint;
  }

  get suspect(): boolean {
    return this.#suspectUntil !== 0 && this.#suspectUntil > Date.now();
  }

  refused(): void {
    this.#suspectUntil = Date.now() + suspicionMs;
  }

  answered(): void {
    this.#suspectUntil = 0;
  }

  dispatch(request: UpstreamRequest): void {
    for (let connection = this.#idle.pop(); connection; connection = this.#idle.pop()) if (connection.idle) return connection.send(request);
    if (this.#open.size >= this.#limits.connectionsPerEndpoint) this.#waiting.push(request);
    else this.#connect(request);
  }

  /** A request that still waits is no longer wanted. */
  withdraw(request: UpstreamRequest): void {
    const at = this.#waiting.indexOf(request);
    if (at >= 0) this.#waiting.splice(at, 1);
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
    const next = this.#waiting.shift();
    if (next) this.#connect(next);
  }

  /** Nobody leads here any more: what is under way ends in peace, what waits goes elsewhere. */
  retire(): void {
    this.#retired = true;
    for (const connection of this.#idle.splice(0)) connection.close();
    // An address that is gone does not refuse, it is silent for seconds.
    for (const connection of this.#open) connection.giveUpConnecting();
    for (const request of this.#waiting.splice(0)) request.onFailure({ kind: 'connect', message: 'the endpoint was removed' });
  }

  destroy(): void {
    this.retire();
    for (const connection of this.#open) connection.close();
  }

  #connect(request: UpstreamRequest): void {
    const connection = new Connection({ host: this.host, port: this.port, tls: this.#transport.tls }, this);
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
    const id = transport.tls ? `${address} ${transport.tls.serverName} ${transport.tls.ca ?? ''}` : address;
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
