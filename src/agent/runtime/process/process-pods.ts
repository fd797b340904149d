/** Pod sandboxes without namespaces: a record, and a port of the loopback for each container port. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { RuntimeFailure, type PodSandbox, type PodSandboxConfig } from '../runtime.ts';
import { readState, writeState } from '../state-file.ts';
import { isFree, PortPool, podPorts, usualPort } from './ports.ts';

interface PodRecord {
  id: string;
  createdAt: string;
  config: PodSandboxConfig;
  portMap: Record<number, number>;
  stopped: boolean;
}

const loopback = '127.0.0.1';

export class ProcessPods {
  readonly #root: string;
  readonly #ports = new PortPool();
  readonly #pods = new Map<string, PodRecord>();

  constructor(root: string) {
    this.#root = root;
    mkdirSync(root, { recursive: true, mode: 0o700 });
    for (const file of readdirSync(root)) {
      const record = readState<PodRecord>(join(root, file));
      if (!record) {
        rmSync(join(root, file), { force: true });
        continue;
      }
      this.#pods.set(record.id, record);
      if (!record.stopped && !record.config.hostNetwork) this.#ports.keep(Object.values(record.portMap));
    }
  }

  async run(config: PodSandboxConfig): Promise<PodSandbox> {
    const portMap: Record<number, number> = {};
    // A pod of the host's network asks for exactly the ports it names.
    for (const port of config.ports.length > 0 || config.hostNetwork ? config.ports : [usualPort]) {
      const given = config.hostNetwork ? port : await this.#ports.take();
      if (given === undefined) {
        this.#ports.give(Object.values(portMap));
        throw new RuntimeFailure('CreatePodSandboxError', `every port of this machine's loopback from ${podPorts.first} to ${podPorts.first + podPorts.count - 1} is taken; end some pods`);
      }
      portMap[port] = given;
    }
    const record: PodRecord = { id: randomBytes(16).toString('hex'), createdAt: new Date().toISOString(), config, portMap, stopped: false };
    this.#save(record);
    this.#pods.set(record.id, record);
    return tell(record);
  }

  stop(id: string): void {
    const record = this.#pods.get(id);
    if (!record || record.stopped) return;
    record.stopped = true;
    this.#save(record);
    if (!record.config.hostNetwork) this.#ports.give(Object.values(record.portMap));
  }

  remove(id: string): void {
    this.stop(id);
    if (this.#pods.delete(id)) rmSync(this.#file(id), { force: true });
  }

  list(): PodSandbox[] {
    return [...this.#pods.values()].map(tell);
  }

  /** Rejects for a pod that is gone. */
  need(id: string): PodSandbox {
    const record = this.#pods.get(id);
    if (!record || record.stopped) throw new RuntimeFailure('CreateContainerError', `the sandbox ${id} of the pod is gone`);
    return tell(record);
  }

  /**
   * Rejects if a stranger listens on one of `ports` now, and gives the sandbox up: the pod gets another with other ports. While no container of the pod
   * ran, after a restart of this machine for example, nothing kept them.
   */
  async claim(id: string, ports: readonly number[]): Promise<void> {
    const { portMap = {}, config } = this.need(id);
    if (config.hostNetwork) return;
    for (const port of ports) {
      const given = portMap[port];
      if (given === undefined || (await isFree(given))) continue;
      this.stop(id);
      throw new RuntimeFailure('CreateContainerError', `port ${given} of this machine, which stood for port ${port} of the pod, is used by another program; the pod gets another port`);
    }
  }

  #save(record: PodRecord): void {
    writeState(this.#file(record.id), record);
  }

  #file(id: string): string {
    return join(this.#root, `${id}.json`);
  }
}

function tell({ id, config, portMap, stopped, createdAt }: PodRecord): PodSandbox {
  return { id, config, ready: !stopped, ip: loopback, portMap, createdAt };
}
