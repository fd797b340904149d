/** Datagrams of many clients to endpoints: one socket a client, so that answers find back. */
import { createSocket, type Socket } from 'node:dgram';
import type { Disposable } from '../../base/disposable.ts';
import type { ServiceAddress } from './address.ts';
import type { Target } from './service-table.ts';

const idleLimit = 60_000;
/** Clients at a time; the one that was quiet longest makes room. */
const clientLimit = 1024;
/** Datagrams of one client that wait for its endpoint; more are lost, as datagrams may be. */
const mostWaiting = 16;

export interface UdpListener {
  /** Listens on. */
  readonly port: number;
  close(): void;
}

export function udpListener(host: string, port: number, address: ServiceAddress): Promise<UdpListener> {
  const server = createSocket('udp4');
  const relay = new UdpRelay(server, address);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.bind(port, host, () => {
      server.off('error', reject);
      server.on('error', () => undefined);
      resolve({ port: server.address().port, close: () => relay.dispose() });
    });
  });
}

interface Client {
  socket: Socket | undefined;
  /** Came before there was a socket. */
  waiting: Buffer[];
  timer: NodeJS.Timeout;
  target?: Target;
}

/** Serves a socket that is bound, or will be. */
export class UdpRelay implements Disposable {
  readonly #server: Socket;
  readonly #address: ServiceAddress;
  readonly #clients = new Map<string, Client>();

  constructor(server: Socket, address: ServiceAddress) {
    this.#server = server;
    this.#address = address;
    server.on('message', (message, from) => this.#take(message, from));
  }

  dispose(): void {
    for (const key of [...this.#clients.keys()]) this.#drop(key);
    this.#server.close();
  }

  #take(message: Buffer, from: { address: string; port: number }): void {
    const key = `${from.address}:${from.port}`;
    const known = this.#clients.get(key);
    // One whose endpoint is gone starts anew.
    if (known?.target && !this.#address.chooser.has(known.target)) this.#drop(key);
    let client = this.#clients.get(key);
    if (client) {
      client.timer.refresh();
      this.#clients.delete(key);
    } else {
      if (this.#clients.size >= clientLimit) this.#drop(this.#clients.keys().next().value!);
      client = { socket: undefined, waiting: [], timer: setTimeout(() => this.#drop(key), idleLimit) };
      void this.#open(client, key, from);
    }
    this.#clients.set(key, client);
    if (client.socket) client.socket.send(message, () => undefined);
    else if (client.waiting.length < mostWaiting) client.waiting.push(message);
  }

  async #open(client: Client, key: string, from: { address: string; port: number }): Promise<void> {
    const [target] = await this.#address.order(from.address);
    if (!target || this.#clients.get(key) !== client) return this.#drop(key, client);
    this.#address.chooser.chosen(from.address, target);
    client.target = target;
    const socket = createSocket('udp4');
    socket.on('error', () => this.#drop(key, client));
    socket.on('message', (answer) => this.#server.send(answer, from.port, from.address, () => undefined));
    socket.connect(target.port, target.ip, () => {
      if (this.#clients.get(key) !== client) return void socket.close();
      client.socket = socket;
      for (const message of client.waiting.splice(0)) socket.send(message, () => undefined);
    });
  }

  #drop(key: string, only?: Client): void {
    const client = this.#clients.get(key);
    if (!client || (only && only !== client)) return;
    clearTimeout(client.timer);
    this.#clients.delete(key);
    client.socket?.close();
  }
}
