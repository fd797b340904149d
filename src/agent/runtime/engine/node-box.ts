/**
 * A node inside the engine: a bridge network of its own, and one small container in it that owns the service addresses. Pods route 172.30.0.0/16 to it.
 * The agent starts a helper in it for as long as the agent runs, and speaks with it over the helper's standard input and output, which works wherever the engine's API does.
 */
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Disposable } from '../../../base/disposable.ts';
import type { Log } from '../../../base/log.ts';
import type { ServiceEntry, ServiceTable } from '../../network/service-table.ts';
import { join as joinStreams } from '../../network/tcp-relay.ts';
import type { EngineClient } from './engine-client.ts';
import { isEngineError } from './engine-client.ts';
import type { EngineContainer, EngineNetwork, ListedContainer } from './engine-objects.ts';
import { ownLabels, type Owner } from './container-body.ts';
import { engineExec } from './exec.ts';
import { engineLabels, networkName, ownFilter } from './labels.ts';
import { Link } from './link.ts';
import { hostPorts } from './host-ports.ts';
import { helperProgram, type DialHost, type DialPlatform, type DialPod, type NodeSetting, type ToAgent, type ToHelper } from './node-messages.ts';
import type { RunnableImage } from './engine-images.ts';

export interface NodeBoxOptions {
  engine: EngineClient;
  owner: Owner;
  log: Log;
  serviceCidr: string;
  /** Unix sockets of the control plane. */
  sockets: Record<DialPlatform['to'], string>;
  setting: Omit<NodeSetting, 'kind'>;
  tools(): Promise<RunnableImage>;
  /** Never dial pods directly, for tests. */
  alwaysRelay: boolean;
}

export interface NodePlace {
  network: string;
  subnet: string;
  /** Of the node's container, and the way to service addresses for its pods. */
  ip: string;
  containerId: string;
  /** This machine's own network leads to pods. */
  direct: boolean;
}

/** Waits between starts of the helper, doubled from the first to the last. */
const firstWaitMs = 200;
const longestWaitMs = 5000;
const readyLimit = 20_000;
const dialLimit = 10_000;

/** The node's first process keeps its network; its own power is over that network alone. */
export const nodeScript = (serviceCidr: string) => `ip route replace local ${serviceCidr} dev lo && echo ready || echo failed; exec sleep 2147483647`;

export class NodeBox implements Disposable {
  readonly #options: NodeBoxOptions;
  #place: NodePlace | undefined;
  #link: Link | undefined;
  #disposed = false;
  #running: Promise<void> = Promise.resolve();
  /** What the helper knows. */
  #told = new Map<string, ServiceEntry>();
  #table: ServiceTable = [];
  readonly #end = new AbortController();
  readonly #waiting = new Set<() => void>();

  constructor(options: NodeBoxOptions) {
    this.#options = options;
  }

  get place(): NodePlace {
    if (!this.#place) throw new Error('the node is not there yet');
    return this.#place;
  }

  /** Network, container and helper; then the helper is kept running. */
  async start(): Promise<NodePlace> {
    await this.#ensure();
    const { ended } = await this.#startHelper();
    this.#running = this.#keep(ended);
    return this.place;
  }

  /** The whole table each time; only what changed travels. */
  update(table: ServiceTable): void {
    this.#table = table;
    const link = this.#link;
    if (!link) return;
    const keys = new Set<string>();
    const changed: ServiceEntry[] = [];
    for (const entry of table) {
      const key = `${entry.namespace}/${entry.name}`;
      keys.add(key);
      if (this.#told.get(key) === entry) continue;
      changed.push(entry);
      this.#told.set(key, entry);
    }
    const removed = [...this.#told.keys()].filter((key) => !keys.has(key));
    for (const key of removed) this.#told.delete(key);
    if (changed.length > 0 || removed.length > 0) link.message({ kind: 'services', changed, removed } satisfies ToHelper);
  }

  /** A connection to an address inside. */
  async dial(ip: string, port: number): Promise<Duplex> {
    return this.place.direct ? dialDirect(ip, port) : this.#dialThrough(ip, port);
  }

  async #dialThrough(ip: string, port: number): Promise<Duplex> {
    const link = this.#link ?? (await this.#untilLinked());
    const stream = link.open({ ip, port } satisfies DialPod);
    return new Promise((resolve, reject) => {
      const fail = (cause?: Error) => {
        clearTimeout(late);
        stream.destroy();
        reject(Object.assign(new Error(`connect ECONNREFUSED ${ip}:${port}`, { cause }), { code: 'ECONNREFUSED' }));
      };
      const late = setTimeout(() => fail(new Error('no answer')), dialLimit);
      stream.once('error', fail);
      stream.once('readable', () => {
        // The helper's own byte: there is a connection.
        if (stream.read(1) === null) return fail();
        clearTimeout(late);
        stream.off('error', fail);
        resolve(stream);
      });
    });
  }

  #untilLinked(): Promise<Link> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!this.#link) return;
        clearTimeout(late);
        this.#waiting.delete(look);
        resolve(this.#link);
      };
      const late = setTimeout(() => {
        this.#waiting.delete(look);
        reject(Object.assign(new Error('the way into the container engine is closed'), { code: 'ECONNREFUSED' }));
      }, dialLimit);
      this.#waiting.add(look);
    });
  }

  /** The engine came back, or the node's container was ended by somebody. */
  async #keep(ended: Promise<void>): Promise<void> {
    const { log } = this.#options;
    const { signal } = this.#end;
    for (let next = ended, wait = firstWaitMs; !signal.aborted; ) {
      await next;
      this.#link = undefined;
      if (this.#disposed) return;
      await sleep(wait, undefined, { signal }).catch(() => undefined);
      wait = Math.min(wait * 2, longestWaitMs);
      try {
        await this.#ensure();
        next = (await this.#startHelper()).ended;
        wait = firstWaitMs;
      } catch (error) {
        if (!this.#disposed) log.warn('the helper inside the container engine cannot be started', { error });
        next = Promise.resolve();
      }
    }
  }

  async #ensure(): Promise<void> {
    const { engine, owner, tools, alwaysRelay } = this.#options;
    const network = await this.#ensureNetwork();
    const image = await tools();
    const [found] = await engine.call<ListedContainer[]>('GET', '/containers/json', { query: { all: true, filters: ownFilter(owner.home, owner.node, {}, 'node') } });
    const containerId = found?.Id ?? (await this.#createNode(network, image));
    const about = await engine.call<EngineContainer>('GET', `/containers/${containerId}/json`);
    if (!about.State.Running) await engine.call('POST', `/containers/${containerId}/start`);
    const now = await engine.call<EngineContainer>('GET', `/containers/${containerId}/json`);
    const ip = now.NetworkSettings?.Networks?.[network.Name]?.IPAddress ?? '';
    const { Subnet: subnet = '', Gateway: gateway = '' } = network.IPAM?.Config?.[0] ?? {};
    if (!ip) throw new Error(`the engine gave the node no address on its network ${network.Name}`);
    // The engine's own bridge is one of this machine's interfaces: then packets find their way.
    const direct = !alwaysRelay && gateway !== '' && Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === gateway));
    this.#place = { network: network.Name, subnet, ip, containerId, direct };
  }

  /** Made twice: the engine chooses addresses that nobody uses, and only a network whose addresses were named has fixed ones. */
  async #ensureNetwork(): Promise<EngineNetwork> {
    const { engine, owner } = this.#options;
    const name = networkName(owner.home);
    const labels = { [engineLabels.home]: owner.home };
    const inspect = () => engine.call<EngineNetwork>('GET', `/networks/${name}`);
    const found = await inspect().catch((error: unknown) => {
      if (isEngineError(error, 404)) return undefined;
      throw error;
    });
    if (found) {
      if (found.Labels?.[engineLabels.home] !== owner.home) throw new Error(`the engine has a network ${name} that is not of this platform`);
      return found;
    }
    const create = (more: object) => engine.call('POST', '/networks/create', { body: { Name: name, Driver: 'bridge', CheckDuplicate: true, Labels: labels, ...more } });
    await create({}).catch((error: unknown) => {
      // The agent of another node was faster.
      if (!isEngineError(error, 409)) throw error;
    });
    const [given] = (await inspect()).IPAM?.Config ?? [];
    if (given?.Subnet === undefined) return inspect();
    await engine.call('DELETE', `/networks/${name}`);
    await create({ IPAM: { Driver: 'default', Config: [{ Subnet: given.Subnet, ...(given.Gateway && { Gateway: given.Gateway }) }] } });
    return inspect();
  }

  async #createNode(network: EngineNetwork, image: RunnableImage): Promise<string> {
    const { engine, owner, serviceCidr } = this.#options;
    const address = lastAddress(network.IPAM?.Config?.[0]?.Subnet ?? '');
    const { Id } = await engine.call<{ Id: string }>('POST', '/containers/create', {
      query: { name: `${networkName(owner.home)}-${owner.node}` },
      body: {
        Image: image.name, Entrypoint: ['sh', '-c', nodeScript(serviceCidr)], Cmd: [], Env: image.config.env, User: '0:0', Hostname: owner.node, Labels: ownLabels(owner, 'node'), WorkingDir: '/',
        HostConfig: {
          NetworkMode: network.Name, Binds: image.binds, CapDrop: ['ALL'], CapAdd: ['NET_ADMIN', 'NET_BIND_SERVICE', 'KILL'], SecurityOpt: ['no-new-privileges', 'label=disable'], IpcMode: 'shareable', RestartPolicy: { Name: 'no' },
        },
        ...(address !== undefined && { NetworkingConfig: { EndpointsConfig: { [network.Name]: { IPAMConfig: { IPv4Address: address } } } } }),
      },
    });
    return Id;
  }

  /** Resolves when the helper listens; what it answers resolves when it has ended. */
  async #startHelper(): Promise<{ ended: Promise<void> }> {
    const { engine, log, sockets, setting } = this.#options;
    const session = await engineExec(engine, this.place.containerId, ['/opt/slipway/bin/node', '--no-warnings', '--max-semi-space-size=2', `/opt/slipway/${helperProgram}`], { tty: false, stdin: true, user: '0:0' });
    session.stderr.on('data', (text: Buffer) => log.warn('from the helper inside the container engine', { text: text.toString('utf8').trim().slice(0, 1000) }));
    let answer: (message: ToAgent) => void = () => undefined;
    const answered = new Promise<ToAgent>((resolve) => (answer = resolve));
    let over: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (over = resolve));
    const link = new Link(session.stdout, session.stdin, {
      first: true,
      onStream: (wanted, stream) => joinThisMachine(stream, wanted as DialPlatform | DialHost, sockets),
      onMessage: (message) => {
        if ((message as ToAgent).kind !== 'host-wanted') return answer(message as ToAgent);
        void hostPorts().then((ports) => link.message({ kind: 'host-ports', ports } satisfies ToHelper));
      },
      onClose: () => {
        answer({ kind: 'failed', why: 'it ended' });
        session.kill();
        over();
      },
    });
    link.message({ kind: 'setting', ...setting } satisfies ToHelper);
    const late = setTimeout(() => answer({ kind: 'failed', why: 'it did not answer' }), readyLimit);
    const first = await answered;
    clearTimeout(late);
    if (first.kind !== 'ready') {
      link.close();
      throw new Error(`the helper inside the container engine did not start: ${first.kind === 'failed' ? first.why : first.kind}`);
    }
    this.#link = link;
    this.#told = new Map();
    this.update(this.#table);
    for (const look of [...this.#waiting]) look();
    return { ended };
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    this.#end.abort();
    this.#link?.close();
    await this.#running;
  }
}

/** The last address that a host may have: far from those that engines give first. */
export function lastAddress(subnet: string): string | undefined {
  const [, base = '', bits = ''] = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(subnet) ?? [];
  if (!base || Number(bits) > 29) return undefined;
  const number = base.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const last = number + 2 ** (32 - Number(bits)) - 2;
  return [24, 16, 8, 0].map((shift) => Math.floor(last / 2 ** shift) % 256).join('.');
}

function dialDirect(ip: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: ip, port, noDelay: true, allowHalfOpen: true });
    socket.setTimeout(dialLimit, () => socket.destroy(new Error(`no answer from ${ip}:${port}`)));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.setTimeout(0);
      resolve(socket.off('error', reject));
    });
  });
}

function joinThisMachine(stream: Duplex, wanted: DialPlatform | DialHost, sockets: NodeBoxOptions['sockets']): void {
  const socket = wanted.to === 'host' ? connect({ host: 'localhost', port: wanted.port, autoSelectFamily: true, noDelay: true, allowHalfOpen: true }) : connect({ path: sockets[wanted.to], allowHalfOpen: true });
  socket.on('error', () => stream.destroy());
  stream.on('error', () => socket.destroy());
  joinStreams(socket, stream);
}
