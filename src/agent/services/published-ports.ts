/** Ports of this machine that lead to pods: their sockets were bound outside and came from the control plane. They are served while this agent lives. */
import { Socket as UdpSocket } from 'node:dgram';
import { BlockList, Server, type Socket } from 'node:net';
import type { Disposable } from '../../base/disposable.ts';
import type { Log } from '../../base/log.ts';
import type { FromAgent, PublishedPort, ToAgent } from '../../protocol/agent.ts';
import { healthServer } from './health-ports.ts';
import { ServiceAddress, type AddressRules } from '../network/address.ts';
import { relay } from '../network/service-proxy.ts';
import { targetsOf, type Listener, type ServiceTable } from '../network/service-table.ts';
import type { Dial } from '../network/tcp-relay.ts';
import { UdpRelay } from '../network/udp-relay.ts';

/** Connections of one port at a time; more are closed at once. */
const connectionLimit = 10_000;

interface Served {
  port: PublishedPort;
  address?: ServiceAddress;
  close(): void;
}

export interface PublishedPortsOptions {
  rules: AddressRules;
  /** How pods are reached; default by their addresses. */
  dial?: Dial | undefined;
  log: Log;
}

export class PublishedPorts implements Disposable {
  readonly #options: PublishedPortsOptions;
  readonly #served = new Map<string, Served>();
  #table: ServiceTable = [];

  constructor(options: PublishedPortsOptions) {
    this.#options = options;
    if (!process.send) return;
    process.on('message', this.#take);
    process.send({ type: 'ready' } satisfies FromAgent);
    // A control plane that ends leaves the ports served; the next one replaces this agent.
    process.on('disconnect', () => undefined);
  }

  update(table: ServiceTable): void {
    this.#table = table;
    for (const { port, address } of this.#served.values()) address?.update(this.#listener(port));
  }

  dispose(): void {
    process.off('message', this.#take);
    for (const { close } of this.#served.values()) close();
    this.#served.clear();
  }

  readonly #take = (message: unknown, socket: unknown): void => {
    const said = message as ToAgent;
    if (said.type === 'withdraw') return this.#withdraw(said.key);
    const { port } = said;
    this.#withdraw(port.key);
    if ('healthOf' in port.to) return this.#serveHealth(port, port.to.healthOf, socket);
    const address = new ServiceAddress(this.#listener(port), this.#options.rules);
    if (socket instanceof Server) this.#served.set(port.key, { port, address, close: this.#serveTcp(port, socket, address) });
    else if (socket instanceof UdpSocket) {
      const udp = new UdpRelay(socket, address);
      socket.on('error', () => undefined);
      this.#served.set(port.key, { port, address, close: () => udp.dispose() });
    } else this.#options.log.warn('a port came without its socket', { port: port.key });
  };

  /** This machine's loopback stands for all nodes. */
  #serveHealth(port: PublishedPort, service: string, socket: unknown): void {
    if (!(socket instanceof Server)) return this.#options.log.warn('a port came without its socket', { port: port.key });
    const answering = healthServer(() => this.#table.find(({ namespace, name }) => `${namespace}/${name}` === service));
    socket.maxConnections = connectionLimit;
    socket.on('error', () => undefined);
    socket.on('connection', (client: Socket) => answering.emit('connection', client));
    this.#served.set(port.key, { port, close: () => void socket.close() });
  }

  #serveTcp({ sourceRanges }: PublishedPort, server: Server, address: ServiceAddress): () => void {
    const allowed = sourceRanges && blockList(sourceRanges);
    server.maxConnections = connectionLimit;
    // A server that came over the channel was made without options.
    Object.assign(server, { allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    server.on('error', () => undefined);
    server.on('connection', (client: Socket) => {
      client.on('error', () => client.destroy());
      if (allowed && !allowed.check(client.remoteAddress ?? '', 'ipv4')) return void client.resetAndDestroy();
      void relay(client, address, this.#options.dial);
    });
    return () => {
      server.close();
      address.held.dispose();
    };
  }

  #withdraw(key: string): void {
    this.#served.get(key)?.close();
    this.#served.delete(key);
  }

  /** What the port leads to now. The platform's loopback stands for all nodes: a local policy leaves it every endpoint. */
  #listener({ key, to, protocol, host, port }: PublishedPort): Listener {
    if (!('service' in to)) return { service: key, portName: '', protocol, host, port, targets: 'ip' in to ? [to] : [] };
    const { service, portName } = to;
    const entry = this.#table.find((one) => `${one.namespace}/${one.name}` === service);
    const targets = targetsOf(entry?.ports.find((one) => one.name === portName && one.protocol === protocol)?.endpoints ?? []);
    return { service, portName, protocol, host, port, targets, ...(entry?.affinitySeconds !== undefined && { affinitySeconds: entry.affinitySeconds }), ...(entry?.idle && targets.length === 0 && { idle: true }) };
  }
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [base = '', prefix = '32'] = range.trim().split('/');
    list.addSubnet(base, Number(prefix), base.includes(':') ? 'ipv6' : 'ipv4');
  }
  return list;
}
