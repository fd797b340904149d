/** Pods at the engine: a small container of ours owns the pod's network, and every container of the pod joins it. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../../../base/log.ts';
import { RuntimeFailure, type PodSandbox, type PodSandboxConfig } from '../runtime.ts';
import { hostsFile, resolvFile } from '../sandbox/pod-files.ts';
import { isEngineError, type EngineClient } from './engine-client.ts';
import type { RunnableImage } from './engine-images.ts';
import { engineTime, type EngineContainer, type ListedContainer } from './engine-objects.ts';
import { ownLabels, type Owner } from './container-body.ts';
import { engineLabels, ownFilter } from './labels.ts';
import type { NodePlace } from './node-box.ts';

export interface EnginePodsOptions {
  engine: EngineClient;
  owner: Owner;
  /** For the files of pods. */
  directory: string;
  serviceCidr: string;
  place(): NodePlace;
  tools(): Promise<RunnableImage>;
  log: Log;
}

const readyLimit = 20_000;

/** The last line is told when the pod's network is as it should be. */
export function podScript(serviceCidr: string, nodeIp: string | undefined): string {
  const route = nodeIp === undefined ? '' : `ip route replace ${serviceCidr} via ${nodeIp} 2>&1 || exit 3; `;
  return `${route}echo ready; exec sleep 2147483647`;
}

export class EnginePods {
  readonly #options: EnginePodsOptions;
  readonly #pods = new Map<string, PodSandbox>();

  constructor(options: EnginePodsOptions) {
    this.#options = options;
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
  }

  async load(): Promise<void> {
    const { engine, owner } = this.#options;
    const listed = await engine.call<ListedContainer[]>('GET', '/containers/json', { query: { all: true, filters: ownFilter(owner.home, owner.node) } });
    const own = listed.filter(({ Labels }) => Labels?.[engineLabels.role] === 'pod');
    const there = new Set(own.map(({ Id }) => Id));
    for (const id of [...this.#pods.keys()]) if (!there.has(id)) this.#forget(id);
    await Promise.all(own.map(({ Id }) => this.refresh(Id)));
    // Left by an agent that was killed.
    for (const { Id, Labels } of listed) if (Labels?.[engineLabels.role] === 'helper') await this.#delete(Id);
  }

  /** True if it was one of ours and changed. */
  async refresh(id: string): Promise<boolean> {
    const { engine } = this.#options;
    const found = await engine.call<EngineContainer>('GET', `/containers/${id}/json`).catch((error: unknown) => {
      if (isEngineError(error, 404)) return undefined;
      throw error;
    });
    const before = this.#pods.get(id);
    const pod = found && this.#read(found);
    if (!pod) {
      if (before) this.#forget(id);
      return before !== undefined;
    }
    // An address is the engine's word only while it runs.
    this.#pods.set(id, { ...pod, ip: pod.ip || before?.ip || '' });
    return before?.ready !== pod.ready;
  }

  async run(config: PodSandboxConfig): Promise<PodSandbox> {
    const { engine, owner, serviceCidr, place, tools } = this.#options;
    const image = await tools();
    const node = place();
    const name = `slipway_${config.namespace}_${config.name}_${config.attempt}_${randomBytes(4).toString('hex')}`;
    const { Id: id } = await engine.call<{ Id: string }>('POST', '/containers/create', {
      query: { name },
      body: {
        Image: image.name, Entrypoint: ['sh', '-c', podScript(serviceCidr, config.hostNetwork ? undefined : node.ip)], Cmd: [], Env: image.config.env, User: '0:0', WorkingDir: '/', AttachStdout: true, AttachStderr: true,
        ...(!config.hostNetwork && { Hostname: config.hostname }),
        Labels: ownLabels(owner, 'pod', { [engineLabels.pod]: JSON.stringify(config) }),
        HostConfig: {
          NetworkMode: config.hostNetwork ? `container:${node.containerId}` : node.network, Binds: image.binds, IpcMode: 'shareable', CapDrop: ['ALL'], CapAdd: ['NET_ADMIN'],
          SecurityOpt: ['no-new-privileges', 'label=disable'], RestartPolicy: { Name: 'no' },
        },
      },
    });
    try {
      await this.#start(id);
      const about = await engine.call<EngineContainer>('GET', `/containers/${id}/json`);
      const pod = this.#read(about);
      if (!pod?.ready || pod.ip === '') throw new RuntimeFailure('CreatePodSandboxError', `the engine did not give the pod a network (${about.State.Status}${about.State.Error ? `: ${about.State.Error}` : ''})`);
      this.#writeFiles(pod);
      this.#pods.set(id, pod);
      return pod;
    } catch (error) {
      await this.#delete(id).catch(() => undefined);
      throw error instanceof RuntimeFailure ? error : new RuntimeFailure('CreatePodSandboxError', (error as Error).message, { cause: error });
    }
  }

  async stop(id: string): Promise<void> {
    const pod = this.#pods.get(id);
    if (!pod?.ready) return;
    await this.#options.engine.call('POST', `/containers/${id}/kill`, { query: { signal: 'SIGKILL' } }).catch((error: unknown) => {
      if (!isEngineError(error, 404, 409)) throw error;
    });
    this.#pods.set(id, { ...pod, ready: false });
  }

  async remove(id: string): Promise<void> {
    await this.#delete(id);
    this.#forget(id);
  }

  list(): PodSandbox[] {
    return [...this.#pods.values()];
  }

  /** Rejects for a pod that is gone. */
  need(id: string, reason = 'CreateContainerError'): PodSandbox {
    const pod = this.#pods.get(id);
    if (!pod?.ready) throw new RuntimeFailure(reason, `the sandbox ${id} of the pod is gone`);
    return pod;
  }

  /** What every container of the pod gets. */
  generated(id: string): { source: string; target: string }[] {
    return (['hosts', 'resolv.conf'] as const).map((name) => ({ source: join(this.#folder(id), name), target: `/etc/${name}` }));
  }

  async #start(id: string): Promise<void> {
    const { engine } = this.#options;
    const output = await engine.hijack(`/containers/${id}/attach`, { query: { stream: 1, stdout: 1, stderr: 1 } });
    let said = '';
    try {
      const ready = new Promise<void>((resolve, reject) => {
        const late = setTimeout(() => reject(new Error('the owner of the pod\'s network did not start in time')), readyLimit);
        output.on('data', (chunk: Buffer) => {
          said = (said + chunk.toString('latin1')).slice(-2000);
          if (said.includes('ready\n')) settle(resolve);
        });
        const ended = () => settle(() => reject(new Error(`the pod's network could not be made: ${said.replace(/[^\x20-\x7e]+/g, ' ').trim() || 'it ended at once'}`)));
        output.once('end', ended).once('close', ended).once('error', ended);
        const settle = (then: () => void) => {
          clearTimeout(late);
          then();
        };
      });
      await Promise.all([engine.call('POST', `/containers/${id}/start`), ready]);
    } finally {
      output.destroy();
    }
  }

  #read({ Id, Created, State, Config, NetworkSettings }: EngineContainer): PodSandbox | undefined {
    const text = Config.Labels?.[engineLabels.pod];
    if (text === undefined) return undefined;
    const config = JSON.parse(text) as PodSandboxConfig;
    const { network, ip: nodeIp } = this.#options.place();
    const ip = config.hostNetwork ? nodeIp : (NetworkSettings?.Networks?.[network]?.IPAddress ?? NetworkSettings?.IPAddress ?? '');
    return { id: Id, config, ready: State.Running, ip, createdAt: engineTime(Created) ?? new Date(0).toISOString() };
  }

  #writeFiles({ id, config, ip }: PodSandbox): void {
    const folder = this.#folder(id);
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    // Every uid of a container reads them; the folders above are closed to others of this machine.
    writeFileSync(join(folder, 'hosts'), hostsFile(config, ip), { mode: 0o644 });
    writeFileSync(join(folder, 'resolv.conf'), resolvFile(config.dns), { mode: 0o644 });
  }

  async #delete(id: string): Promise<void> {
    await this.#options.engine.call('DELETE', `/containers/${id}`, { query: { force: true, v: true } }).catch((error: unknown) => {
      if (!isEngineError(error, 404)) throw error;
    });
  }

  #forget(id: string): void {
    this.#pods.delete(id);
    rmSync(this.#folder(id), { recursive: true, force: true });
  }

  #folder(id: string): string {
    return join(this.#options.directory, id.slice(0, 24));
  }
}
