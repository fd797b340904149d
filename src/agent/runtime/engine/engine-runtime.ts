/** The engine driver: pods as containers of Docker or Podman, through the Docker Engine API alone. Touches only what carries this home's mark. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import type { Duplex } from 'node:stream';
import { toolsImage } from '../../../api/well-known.ts';
import { Emitter } from '../../../base/emitter.ts';
import { Scope, type Disposable } from '../../../base/disposable.ts';
import type { Log } from '../../../base/log.ts';
import type { InterfaceStats } from '../../../protocol/stats.ts';
import { RuntimeFailure, type Capabilities, type ContainerConfig, type ContainerLimits, type ContainerStats, type ContainerStatus, type ExecSession, type PodSandbox, type PodSandboxConfig, type Runtime, type RuntimeHealth, type RuntimeNetwork } from '../runtime.ts';
import { dialled } from './dialled.ts';
import { containerBody, resourceLimits, type Owner } from './container-body.ts';
import { isEngineError, type EngineClient } from './engine-client.ts';
import { EngineContainers, signalName } from './engine-containers.ts';
import { followEvents } from './engine-events.ts';
import { EngineImages, type EngineImagesOptions } from './engine-images.ts';
import type { EngineStats } from './engine-objects.ts';
import { EnginePods } from './engine-pods.ts';
import { engineExec } from './exec.ts';
import { ownFilter, type ContainerMark } from './labels.ts';
import { NodeBox, type NodeBoxOptions } from './node-box.ts';
import { endMarked } from './reaper.ts';
import { BuildFolders } from './build-folders.ts';
import { engineSession } from './session.ts';
import { helperProgram } from './node-messages.ts';

export interface EngineRuntimeOptions {
  engine: EngineClient;
  owner: Owner;
  /** Of the agent: what lies in it may be labelled anew for SELinux. */
  agentDirectory: string;
  /** Of this driver. */
  directory: string;
  serviceCidr: string;
  images: Omit<EngineImagesOptions, 'engine' | 'home' | 'log'>;
  limits: Pick<Capabilities, 'memoryLimit' | 'cpuLimit'>;
  node: Pick<NodeBoxOptions, 'sockets' | 'setting' | 'alwaysRelay'>;
  /** A path of this machine as the engine names it. */
  pathAtEngine(path: string): string;
  log: Log;
}

export async function engineRuntime(options: EngineRuntimeOptions): Promise<EngineRuntime> {
  mkdirSync(options.directory, { recursive: true, mode: 0o700 });
  const runtime = new EngineRuntime(options);
  try {
    await runtime.start();
  } catch (error) {
    await runtime.dispose();
    throw error;
  }
  return runtime;
}

export class EngineRuntime implements Runtime {
  readonly name = 'engine';
  readonly version: string;
  readonly capabilities: Capabilities;
  readonly images: EngineImages;
  readonly #options: EngineRuntimeOptions;
  readonly #engine: EngineClient;
  readonly #containers: EngineContainers;
  readonly #pods: EnginePods;
  readonly #box: NodeBox;
  readonly #builds: BuildFolders;
  readonly #scope = new Scope();
  readonly #changes = new Emitter<string>();
  readonly #health = new Emitter<string | undefined>();
  #trouble: string | undefined;

  constructor(options: EngineRuntimeOptions) {
    const { engine, owner, directory, serviceCidr, log } = options;
    this.#options = options;
    this.#engine = engine;
    this.version = `${engine.name}-${engine.version}`;
    this.capabilities = { rootfs: true, podNetwork: true, ...options.limits, multipleUids: true, tty: 'pty' };
    this.images = new EngineImages({ ...options.images, engine, home: owner.home, log });
    const tools = () => this.images.runnable(toolsImage);
    this.#containers = new EngineContainers(engine, owner, options.limits.memoryLimit === 'cgroup', log);
    this.#box = new NodeBox({ ...options.node, engine, owner, serviceCidr, tools, log });
    this.#pods = new EnginePods({ engine, owner, directory: join(directory, 'pods'), serviceCidr, place: () => this.#box.place, tools, log });
    this.#builds = new BuildFolders({ engine, owner, tools });
    this.#containers.onChange((id) => this.#changes.fire(id));
    this.#containers.onOther((id) => void this.#otherChanged(id));
  }

  async start(): Promise<void> {
    const { owner, log } = this.#options;
    this.#scope.own(this.#box);
    await this.#box.start();
    await this.#load();
    this.#scope.own(followEvents({
      engine: this.#engine, filters: ownFilter(owner.home, owner.node, { type: ['container'] }), log,
      connected: async () => {
        await this.#load();
        this.#say(undefined);
      },
      changed: (id, action) => this.#containers.noticed(id, action),
      lost: (why) => this.#say(why),
    }));
    this.#scope.own(this.#containers);
    const used = this.#containers.marks().flatMap(({ build }) => build ?? []);
    void this.#builds.sweep(used, new Date()).catch((error: unknown) => log.warn('folders of old builds could not be removed', { error }));
  }

  get inside(): RuntimeNetwork {
    const { ip, subnet, direct } = this.#box.place;
    return { ip, podCidr: subnet, updateServices: (table) => this.#box.update(table), ...(!direct && { connect: (to: string, port: number) => this.#box.dial(to, port) }) };
  }

  readonly health: RuntimeHealth = {
    trouble: () => this.#trouble,
    onChange: (listener) => this.#health.on(listener),
  };

  runPodSandbox(config: PodSandboxConfig): Promise<PodSandbox> {
    return this.#pods.run(config);
  }

  async stopPodSandbox(id: string): Promise<void> {
    await Promise.all(this.#containers.of(id).map((one) => this.#containers.stop(one, 0)));
    await this.#pods.stop(id);
  }

  async removePodSandbox(id: string): Promise<void> {
    await this.stopPodSandbox(id);
    for (const one of this.#containers.of(id)) await this.removeContainer(one);
    await this.#pods.remove(id);
  }

  listPodSandboxes(): Promise<PodSandbox[]> {
    return Promise.resolve(this.#pods.list());
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const { owner, agentDirectory, pathAtEngine } = this.#options;
    try {
      const image = await this.images.runnable(config.imageId);
      const pod = this.#pods.need(sandboxId);
      // An engine would make the folder, and an application would write where nobody looks.
      for (const { hostPath } of config.mounts) if (!existsSync(hostPath)) throw new RuntimeFailure('CreateContainerError', `the folder ${hostPath} that is to be mounted is not there`);
      mkdirSync(config.logDirectory, { recursive: true, mode: 0o700 });
      const mark: ContainerMark = {
        name: config.name, attempt: config.attempt, imageId: config.imageId, logPath: join(config.logDirectory, `${config.attempt}.log`), stopSignal: signalName(config.stopSignal ?? image.config.stopSignal),
        tty: config.tty, stdin: config.stdin, memoryLimit: config.memoryLimit, ...(config.buildPowers && { build: randomBytes(12).toString('hex') }),
      };
      if (config.buildPowers) await this.#builds.prepare();
      const own = resolve(agentDirectory) + sep;
      const processes = config.processesOf ?? (pod.config.sharedProcesses ? sandboxId : undefined);
      const body = containerBody({
        engine: this.#engine.name, owner, config, image, mark, sandboxId, hostname: pod.config.hostname, generated: this.#pods.generated(sandboxId), ...(processes !== undefined && { processes }),
        place: (path) => ({ source: pathAtEngine(path), own: path.startsWith(own) }),
      });
      const name = `slipway_${pod.config.namespace}_${pod.config.name}_${config.name}_${config.attempt}_${randomBytes(4).toString('hex')}`;
      const { Id } = await this.#engine.call<{ Id: string }>('POST', '/containers/create', { query: { name }, body });
      await this.#containers.added(Id);
      return Id;
    } catch (error) {
      throw error instanceof RuntimeFailure ? error : new RuntimeFailure('CreateContainerError', (error as Error).message, { cause: error });
    }
  }

  startContainer(id: string): Promise<void> {
    return this.#containers.start(id);
  }

  stopContainer(id: string, graceSeconds: number): Promise<void> {
    return this.#containers.stop(id, graceSeconds);
  }

  async changeLimits(id: string, { memoryLimit, cpuLimit, cpuRequest }: ContainerLimits): Promise<void> {
    try {
      await this.#engine.call('POST', `/containers/${id}/update`, { body: resourceLimits({ memoryLimit, cpuLimit, cpuRequest: cpuRequest ?? 0 }) });
    } catch (error) {
      // Podman has not always had it.
      if (!isEngineError(error, 404, 405) || !this.#containers.get(id)) throw error;
      throw new RuntimeFailure('ResizeError', 'this container engine cannot change the limits of a container that runs: make the pod anew, or use a newer engine', { cause: error });
    }
  }

  async removeContainer(id: string): Promise<void> {
    const build = this.#containers.get(id)?.mark.build;
    await this.#containers.remove(id);
    // A build that was killed could not clean up.
    if (build !== undefined) void this.#builds.remove(build).catch((error: unknown) => this.#options.log.warn('the folder of a build could not be removed', { error }));
  }

  containerStatus(id: string): Promise<ContainerStatus | undefined> {
    return Promise.resolve(this.#containers.get(id)?.status);
  }

  listContainers(): Promise<ContainerStatus[]> {
    return Promise.resolve(this.#containers.list());
  }

  onChange(listener: (containerId: string) => void): Disposable {
    return this.#changes.on(listener);
  }

  async exec(containerId: string, argv: string[], options: { tty: boolean; stdin: boolean }): Promise<ExecSession> {
    const found = this.#containers.get(containerId);
    if (found?.status.state !== 'running') throw new RuntimeFailure('ExecFailed', `container ${found?.mark.name ?? containerId} is not running`);
    const end = (mark: string) =>
      void this.images.runnable(toolsImage).then((tools) => endMarked(this.#engine, this.#options.owner, tools, containerId, mark)).catch((error: unknown) => this.#options.log.warn('a command could not be ended', { container: containerId, error }));
    return engineExec(this.#engine, containerId, argv, { ...options, stdin: options.stdin || options.tty, end }).catch((cause: Error) => {
      throw new RuntimeFailure('ExecFailed', cause.message, { cause });
    });
  }

  async attach(containerId: string, options: { tty: boolean; stdin: boolean }): Promise<ExecSession> {
    const found = this.#containers.get(containerId);
    if (found?.status.state !== 'running') throw new RuntimeFailure('AttachFailed', 'the container is not running');
    const connection = await this.#engine.hijack(`/containers/${containerId}/attach`, { query: { stream: 1, stdin: options.stdin ? 1 : 0, stdout: 1, stderr: 1 } });
    // Podman keeps the connection for seconds after the end of the container, unless our half is closed.
    const look = () => {
      if (this.#containers.get(containerId)?.status.state !== 'running') connection.end();
    };
    const watching = this.#containers.onChange((changed) => changed === containerId && look());
    connection.once('close', () => void watching.dispose());
    look();
    return engineSession({
      connection, tty: found.mark.tty, stdin: options.stdin,
      exit: () => this.#exitOf(containerId),
      resize: (width, height) => void this.#engine.call('POST', `/containers/${containerId}/resize`, { query: { w: width, h: height } }).catch(() => undefined),
      kill: () => void connection.destroy(),
    });
  }

  async dial(sandboxId: string, port: number): Promise<Duplex> {
    const pod = this.#pods.need(sandboxId, 'PortForwardFailed');
    try {
      return await this.#box.dial(pod.ip, port);
    } catch {
      // What listens on the pod's loopback only is reached from inside the pod.
      return this.#dialInside(sandboxId, port);
    }
  }

  async stats(containerId: string): Promise<ContainerStats | undefined> {
    if (this.#containers.get(containerId)?.status.state !== 'running') return undefined;
    const { cpu_stats: cpu, memory_stats: memory, pids_stats: pids } = await this.#stats(containerId);
    // What the kernel would give back at once does not count (the kubelet's working set); cgroup v2 names it differently from v1.
    const cold = memory?.stats?.['inactive_file'] ?? memory?.stats?.['total_inactive_file'] ?? 0;
    const usageBytes = memory?.usage ?? 0;
    const workingSetBytes = Math.max(0, usageBytes - cold);
    return { cpuNanoseconds: cpu?.cpu_usage?.total_usage ?? 0, usageBytes, workingSetBytes, rssBytes: memory?.stats?.['anon'] ?? memory?.stats?.['total_rss'] ?? workingSetBytes, processes: pids?.current ?? 0 };
  }

  /** The pod's owner has its network. */
  async networkStats(sandboxId: string): Promise<InterfaceStats[] | undefined> {
    const { networks } = await this.#stats(sandboxId);
    if (!networks) return undefined;
    // Podman calls it by its network; inside it is the first one.
    return Object.entries(networks).map(([, { rx_bytes: rxBytes = 0, rx_errors: rxErrors = 0, tx_bytes: txBytes = 0, tx_errors: txErrors = 0 }], index) => ({ name: `eth${index}`, rxBytes, rxErrors, txBytes, txErrors }));
  }

  async writableBytes(containerId: string): Promise<number> {
    const { SizeRw } = await this.#engine.call<{ SizeRw?: number }>('GET', `/containers/${containerId}/json`, { query: { size: true } });
    return SizeRw ?? 0;
  }

  #stats(id: string): Promise<EngineStats> {
    return this.#engine.call<EngineStats>('GET', `/containers/${id}/stats`, { query: { stream: false, 'one-shot': true } });
  }

  /** Containers go on without the agent. */
  dispose(): Promise<void> {
    return this.#scope.dispose().finally(() => this.#engine.close());
  }

  async #load(): Promise<void> {
    await this.#pods.load();
    await this.#containers.load();
  }

  /** Only a pod's owner that ended or came back matters, and its containers tell of it. */
  async #otherChanged(id: string): Promise<void> {
    const changed = await this.#pods.refresh(id).catch(() => false);
    if (changed) for (const one of this.#containers.of(id)) this.#changes.fire(one);
  }

  #say(trouble: string | undefined): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#health.fire(trouble);
  }

  async #dialInside(sandboxId: string, port: number): Promise<Duplex> {
    const session = await engineExec(this.#engine, sandboxId, ['/opt/slipway/bin/node', '--no-warnings', `/opt/slipway/${helperProgram}`, 'dial', String(port)], { tty: false, stdin: true, user: '0:0' });
    return dialled(session, port);
  }

  #exitOf(id: string): Promise<{ code: number } | { error: string }> {
    const answer = () => {
      const status = this.#containers.get(id)?.status;
      if (!status) return { error: 'the container was removed' };
      return status.state === 'exited' ? { code: status.exitCode ?? 255 } : undefined;
    };
    return new Promise((resolve) => {
      const look = () => {
        const found = answer();
        if (!found) return;
        void listening.dispose();
        resolve(found);
      };
      const listening = this.#containers.onChange((changed) => changed === id && look());
      void this.#containers.refresh(id).catch(() => undefined).then(look);
    });
  }
}
