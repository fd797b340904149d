/**
 * Service addresses. On a sandbox node every ClusterIP is a local address, so it is listened on; on a process node each service port gets a port of loopback.
 * Some addresses lead to unix sockets of the control plane, with whatever TLS runs through.
 */
import { connect, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Disposable } from '../../base/disposable.ts';
import type { Log } from '../../base/log.ts';
import { ServiceAddress, type AddressRules } from './address.ts';
import type { LocalAddresses } from './local-addresses.ts';
import type { RememberedPorts } from './remembered-ports.ts';
import { listenerKey, listenersFor, type Listener, type ServiceTable } from './service-table.ts';
import { connectFirst, join, tcpListener, type Dial } from './tcp-relay.ts';
import { udpListener } from './udp-relay.ts';

export interface SocketService {
  /** `172.30.0.1:443`. */
  address: string;
  /** A unix socket, or whatever leads there. */
  to: string | (() => Duplex);
}

export interface ServiceProxyOptions extends AddressRules {
  /** `cluster`: listen on the services' own addresses. `loopback`: on 127.0.0.1, ports chosen by the system. */
  mode: 'cluster' | 'loopback';
  /** `loopback`: the ports of an earlier agent, taken again where they are free. */
  ports?: RememberedPorts;
  /** `cluster`: makes addresses of others, which services may have too, ones that can be listened on. */
  foreign?: Pick<LocalAddresses, 'take' | 'keep'>;
  /** These win over services of the same address. */
  sockets: readonly SocketService[];
  /** Name of this node: whose endpoints are local. */
  node?: string;
  log: Log;
}

export interface ServiceProxy extends Disposable {
  /** The whole table, each time; what stays the same keeps its listeners and connections. */
  update(table: ServiceTable): Promise<void>;
  /** Where to reach a service address (`172.30.1.2`, 80) from here; undefined if nothing answers it. */
  address(clusterIP: string, port: number, protocol?: 'TCP' | 'UDP'): { host: string; port: number } | undefined;
}

interface Open {
  address?: ServiceAddress;
  /** Really listened on. */
  port: number;
  close(): void;
}

const connectLimit = 5000;
/** Endpoints tried for one connection before it is given up. */
const attempts = 3;

export function serviceProxy(options: ServiceProxyOptions): ServiceProxy {
  return new AddressProxy(options);
}

export class AddressProxy implements ServiceProxy {
  readonly #options: ServiceProxyOptions;
  readonly #open = new Map<string, Open>();
  #work: Promise<void>;
  #disposed = false;

  constructor(options: ServiceProxyOptions) {
    this.#options = options;
    this.#work = Promise.all(options.sockets.map((service) => this.#listenForSocket(service))).then(() => undefined);
  }

  update(table: ServiceTable): Promise<void> {
    return this.follow(listenersFor(table, this.#options.mode, this.#options.node));
  }

  /** `elsewhere`: addresses that somebody else answers from now on; who waits here still gets their endpoints. */
  follow(wanted: ReadonlyMap<string, Listener>, elsewhere: ReadonlyMap<string, Listener> = new Map()): Promise<void> {
    // One after the other: an address freed by one table may be taken by the next.
    this.#work = this.#work.then(() => this.#apply(wanted, elsewhere));
    return this.#work;
  }

  address(clusterIP: string, port: number, protocol: 'TCP' | 'UDP' = 'TCP'): { host: string; port: number } | undefined {
    const open = this.#open.get(listenerKey({ protocol, host: clusterIP, port }));
    return open && { host: this.#options.mode === 'loopback' ? '127.0.0.1' : clusterIP, port: open.port };
  }

  dispose(): void {
    this.#disposed = true;
    for (const { close, address } of this.#open.values()) {
      close();
      address?.held.dispose();
    }
    this.#open.clear();
  }

  async #apply(wanted: ReadonlyMap<string, Listener>, elsewhere: ReadonlyMap<string, Listener>): Promise<void> {
    const fixed = new Set(this.#options.sockets.map(({ address }) => `TCP ${address}`));
    for (const [key, open] of this.#open) {
      if (fixed.has(key)) continue;
      const listener = wanted.get(key);
      if (listener) {
        open.address?.update(listener);
        continue;
      }
      const moved = elsewhere.get(key);
      // Its service was woken, and has no pods yet. Looked at again with the next table.
      if (!moved && (open.address?.held.size ?? 0) > 0) continue;
      if (moved) open.address?.update(moved);
      open.close();
      this.#open.delete(key);
      this.#options.ports?.delete(key);
    }
    for (const [key, listener] of wanted) if (!this.#open.has(key) && !this.#disposed) await this.#listen(key, listener);
    await this.#options.foreign?.keep(new Set([...wanted].filter(([key]) => this.#open.has(key)).map(([, { host }]) => host)));
  }

  async #listen(key: string, listener: Listener): Promise<void> {
    const { protocol, host, port } = listener;
    const address = new ServiceAddress(listener, this.#options);
    try {
      if (protocol === 'UDP') {
        const udp = await this.#bind(key, host, port, (at, number) => udpListener(at, number, address));
        this.#opened(key, address, udp.port, () => udp.close());
      } else {
        const server = await this.#bind(key, host, port, (at, number) => tcpListener(at, number, (client) => void relay(client, address)));
        this.#opened(key, address, portOf(server), () => server.close());
      }
    } catch (error) {
      // Tried again at the next table.
      this.#options.log.warn('a service address cannot be listened on', { address: key, error });
    }
  }

  async #listenForSocket({ address, to }: SocketService): Promise<void> {
    const colon = address.lastIndexOf(':');
    const key = `TCP ${address}`;
    try {
      const server = await this.#bind(key, address.slice(0, colon), Number(address.slice(colon + 1)), (at, number) => tcpListener(at, number, (client) => join(client, typeof to === 'string' ? connect({ path: to, allowHalfOpen: true }) : to())));
      this.#opened(key, undefined, portOf(server), () => server.close());
    } catch (error) {
      this.#options.log.error('an address of the control plane cannot be listened on', { address, error });
    }
  }

  /** Loopback: the port of before, or one that the system chooses. */
  async #bind<T>(key: string, host: string, port: number, listen: (host: string, port: number) => Promise<T>): Promise<T> {
    const { foreign, mode } = this.#options;
    if (mode === 'cluster') {
      try {
        return await listen(host, port);
      } catch (error) {
        if (!foreign || (error as NodeJS.ErrnoException).code !== 'EADDRNOTAVAIL') throw error;
        await foreign.take(host);
        return listen(host, port);
      }
    }
    const before = this.#options.ports?.get(key);
    const again = before === undefined ? undefined : await listen('127.0.0.1', before).catch(() => undefined);
    return again ?? listen('127.0.0.1', 0);
  }

  #opened(key: string, address: ServiceAddress | undefined, port: number, close: () => void): void {
    this.#open.set(key, { ...(address && { address }), port, close });
    if (this.#options.mode === 'loopback') this.#options.ports?.set(key, port);
    if (this.#disposed) close();
  }
}

function portOf(server: Server): number {
  const bound = server.address();
  return typeof bound === 'object' && bound ? bound.port : 0;
}

/** Connects a client, which is paused, with an endpoint. `dial`: default to its address. */
export async function relay(client: Socket, address: ServiceAddress, dial?: Dial): Promise<void> {
  const from = (client.remoteAddress ?? '').replace(/^::ffff:/, '');
  const order = await address.order(from, (listener) => void client.once('close', listener));
  const found = client.destroyed ? undefined : await connectFirst(order.slice(0, attempts), connectLimit, dial);
  if (!found) return void client.resetAndDestroy();
  address.chooser.chosen(from, found.target);
  if (client.destroyed) return void found.socket.destroy();
  found.socket.on('error', () => client.destroy());
  join(client, found.socket);
}
