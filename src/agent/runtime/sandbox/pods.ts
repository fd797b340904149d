/** Pod sandboxes as folders with a sleeping process each. One is kept ready, since making a network takes longer than taking it. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../../base/log.ts';
import { addressIn } from '../../holder/node-network.ts';
import { isAlive, type ProcessIdentity } from '../procfs.ts';
import { RuntimeFailure, type PodSandbox, type PodSandboxConfig } from '../runtime.ts';
import { readState, writeRunState } from '../state-file.ts';
import { AddressPool } from './address-pool.ts';
import { endPodNamespaces, holdProcesses, holdUsers, makePodNamespaces, podMounts, setHostname, waitsForName } from './pod-namespaces.ts';
import { hostsFile, resolvFile } from './pod-files.ts';

interface PodRecord {
  id: string;
  createdAt: string;
  ip: string;
  holder: ProcessIdentity;
  /** Process 1 of the namespace that its containers share, if they do. */
  processes?: ProcessIdentity;
  /** A process in the user namespace of its containers that may have several users, once there was one. */
  users?: ProcessIdentity;
  /** None while it waits to be taken. */
  config?: PodSandboxConfig;
  stopped: boolean;
}

export interface PodPlace {
  holder: ProcessIdentity;
  directory: string;
  terminals: string;
  sharedMemory: string;
  config: PodSandboxConfig;
  ip: string;
  /** Process 1 of all its containers. */
  processes?: ProcessIdentity;
}

const recordFile = 'pod.json';

export class Pods {
  readonly #root: string;
  readonly #network: { podCidr: string; nodeIp: string };
  readonly #log: Log;
  readonly #addresses: AddressPool;
  readonly #pods = new Map<string, PodRecord>();
  readonly #naming = new Map<string, Promise<void>>();
  readonly #holding = new Map<string, Promise<ProcessIdentity>>();
  #spare: Promise<PodRecord | undefined> | undefined;
  #refill: NodeJS.Timeout | undefined;
  #disposed = false;

  constructor(root: string, network: { podCidr: string; nodeIp: string }, log: Log) {
    this.#root = root;
    this.#network = network;
    this.#log = log;
    this.#addresses = new AddressPool(network.podCidr);
    mkdirSync(root, { recursive: true, mode: 0o700 });
  }

  async load(): Promise<void> {
    for (const id of readdirSync(this.#root)) {
      const record = readState<PodRecord>(join(this.#folder(id), recordFile));
      const usable = record && (record.config !== undefined || isAlive(record.holder));
      if (!usable) {
        await endPodNamespaces(this.#folder(id), record?.holder);
        await rm(this.#folder(id), { recursive: true, force: true });
        continue;
      }
      if (!record.stopped && record.ip !== '') this.#addresses.keep(record.ip);
      if (record.config) this.#pods.set(id, record);
      else if (!this.#spare && waitsForName(this.#folder(id))) this.#spare = Promise.resolve(record);
      else await this.#discard(record);
    }
    this.#keepSpare();
  }

  async run(config: PodSandboxConfig): Promise<PodSandbox> {
    let record: PodRecord | undefined;
    if (!config.hostNetwork) {
      // Taken before it is waited for: another pod that starts at the same moment must not get it, too.
      const spare = this.#spare;
      this.#spare = undefined;
      this.#keepSpare();
      record = await spare;
      if (record && isAlive(record.holder)) {
        const { id } = record;
        const naming = setHostname(this.#folder(id), config.hostname).finally(() => this.#naming.delete(id));
        this.#naming.set(id, naming);
      } else if (record) {
        await this.#discard(record);
        record = undefined;
      }
    }
    try {
      record ??= await this.#make(config.hostname, config.hostNetwork);
      // Written down as this pod's first: an agent killed in between would leave a process in one that waits to be taken.
      if (config.sharedProcesses) {
        writeRunState(join(this.#folder(record.id), recordFile), { ...record, config });
        record.processes = await holdProcesses(record.holder);
      }
    } catch (cause) {
      if (record) await this.#discard(record);
      throw new RuntimeFailure('CreatePodSandboxError', (cause as Error).message, { cause });
    }
    record.config = config;
    record.createdAt = new Date().toISOString();
    const folder = this.#folder(record.id);
    const ip = config.hostNetwork ? this.#network.nodeIp : record.ip;
    writeFileSync(join(folder, 'hosts'), hostsFile(config, ip), { mode: 0o644 });
    writeFileSync(join(folder, 'hostname'), `${config.hostname}\n`, { mode: 0o644 });
    writeFileSync(join(folder, 'resolv.conf'), resolvFile(config.dns), { mode: 0o644 });
    writeRunState(join(folder, recordFile), record);
    this.#pods.set(record.id, record);
    return this.#tell(record, config);
  }

  /** The host name is set while containers are prepared; one starts after it. */
  async named(id: string): Promise<void> {
    await this.#naming.get(id);
  }

  async stop(id: string): Promise<void> {
    const record = this.#pods.get(id);
    if (!record || record.stopped) return;
    await endPodNamespaces(this.#folder(id), record.holder, record.processes, record.users);
    record.stopped = true;
    writeRunState(join(this.#folder(id), recordFile), record);
    if (record.ip !== '') this.#addresses.give(record.ip);
  }

  async remove(id: string): Promise<void> {
    await this.stop(id);
    if (this.#pods.delete(id)) rmSync(this.#folder(id), { recursive: true, force: true });
  }

  list(): PodSandbox[] {
    return [...this.#pods.values()].map((record) => this.#tell(record, record.config!));
  }

  /** Rejects for a pod that is gone. */
  place(id: string): PodPlace {
    const record = this.#pods.get(id);
    if (!record?.config || record.stopped || !isAlive(record.holder)) throw new RuntimeFailure('CreateContainerError', `the sandbox ${id} of the pod is gone`);
    const directory = this.#folder(id);
    return {
      holder: record.holder, directory, config: record.config, terminals: join(directory, podMounts.terminals), sharedMemory: join(directory, podMounts.sharedMemory),
      ip: record.config.hostNetwork ? this.#network.nodeIp : record.ip,
      ...(record.processes && { processes: record.processes }),
    };
  }

  /** The process in the user namespace that all its containers with several users share; made with the first. */
  async users(id: string): Promise<ProcessIdentity> {
    const record = this.#pods.get(id);
    if (!record) throw new RuntimeFailure('CreateContainerError', `the sandbox ${id} of the pod is gone`);
    if (record.users && isAlive(record.users)) return record.users;
    const making = this.#holding.get(id) ?? holdUsers(record.holder).finally(() => this.#holding.delete(id));
    this.#holding.set(id, making);
    record.users = await making;
    writeRunState(join(this.#folder(id), recordFile), record);
    return record.users;
  }

  /** Sandboxes stay, the one in reserve too: the next agent takes it over. */
  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#refill);
  }

  #folder(id: string): string {
    return join(this.#root, id);
  }

  #tell(record: PodRecord, config: PodSandboxConfig): PodSandbox {
    return { id: record.id, config, ready: !record.stopped && isAlive(record.holder) && (!config.sharedProcesses || (record.processes !== undefined && isAlive(record.processes))), ip: config.hostNetwork ? this.#network.nodeIp : record.ip, createdAt: record.createdAt };
  }

  async #make(hostname: string, hostNetwork: boolean): Promise<PodRecord> {
    const { podCidr } = this.#network;
    const ip = hostNetwork ? '' : this.#addresses.take();
    if (ip === undefined) throw new Error(`all addresses of ${podCidr} are taken`);
    const id = randomBytes(16).toString('hex');
    const folder = this.#folder(id);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    try {
      const holder = await makePodNamespaces(folder, hostname, ip === '' ? undefined : { address: ip, gateway: addressIn(podCidr, 1) });
      const record: PodRecord = { id, createdAt: new Date().toISOString(), ip, holder, stopped: false };
      writeRunState(join(folder, recordFile), record);
      return record;
    } catch (error) {
      await endPodNamespaces(folder, undefined);
      rmSync(folder, { recursive: true, force: true });
      if (ip !== '') this.#addresses.give(ip);
      throw error;
    }
  }

  async #discard(record: PodRecord): Promise<void> {
    await endPodNamespaces(this.#folder(record.id), record.holder);
    await rm(this.#folder(record.id), { recursive: true, force: true });
    this.#addresses.give(record.ip);
  }

  #keepSpare(): void {
    if (this.#spare || this.#disposed) return;
    clearTimeout(this.#refill);
    // After the containers of the pod just made had the processors.
    this.#refill = setTimeout(() => {
      if (this.#spare || this.#disposed) return;
      this.#spare = this.#make('', false).catch((error: Error) => {
        this.#log.debug('no pod network in reserve', { error });
        return undefined;
      });
    }, 300);
    this.#refill.unref();
  }
}
