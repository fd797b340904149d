/** The router's side of one endpoint: its kept connections and what is under way on them. */
import { Pool } from 'undici';
import type { RouterLimits } from '../../../protocol/router.ts';

/** How an endpoint is spoken to; routes that re-encrypt differently hold connections of their own. */
export interface Transport {
  /** `undefined`: plain HTTP. */
  tls?: { ca: string | undefined; serverName: string };
}

/** An endpoint that refused a connection is asked last for this long. */
const suspicionMs = 2_000;
const connectTimeoutMs = 5_000;
const keepAliveMs = 55_000;

export class Endpoint {
  readonly id: string;
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly transport: Transport;
  /** Routes that lead here. */
  users = 0;
  inFlight = 0;
  #suspectUntil = 0;
  #pool: Pool | undefined;
  readonly #limits: RouterLimits;

  constructor(id: string, address: string, transport: Transport, limits: RouterLimits) {
    const colon = address.lastIndexOf(':');
    this.id = id;
    this.address = address;
    this.host = address.slice(0, colon);
    this.port = Number(address.slice(colon + 1));
    this.transport = transport;
    this.#limits = limits;
  }

  get full(): boolean {
    return this.inFlight >= this.#limits.requestsPerEndpoint;
  }

  get suspect(): boolean {
    return this.#suspectUntil !== 0 && this.#suspectUntil > Date.now();
  }

  get pool(): Pool {
    return (this.#pool ??= this.#open());
  }

  refused(): void {
    this.#suspectUntil = Date.now() + suspicionMs;
  }

  answered(): void {
    this.#suspectUntil = 0;
  }

  /** Lets what is under way end, then closes the connections. */
  retire(): void {
    void this.#pool?.close().catch(() => undefined);
  }

  destroy(): void {
    void this.#pool?.destroy().catch(() => undefined);
  }

  #open(): Pool {
    const { tls } = this.transport;
    return new Pool(`${tls ? 'https' : 'http'}://${this.address}`, {
      connections: this.#limits.connectionsPerEndpoint,
      pipelining: 1,
      keepAliveTimeout: keepAliveMs,
      // A shorter time announced by the application wins, minus a margin against the race of its close with our next request.
      keepAliveTimeoutThreshold: 1_000,
      maxHeaderSize: 64 * 1024,
      connect: tls
        ? {
            timeout: connectTimeoutMs,
            servername: tls.serverName,
            ...(tls.ca === undefined ? {} : { ca: tls.ca, checkServerIdentity: () => undefined }),
          }
        : { timeout: connectTimeoutMs },
    });
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
