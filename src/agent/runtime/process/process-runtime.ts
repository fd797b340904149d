/** The process driver: plain processes of this user in a folder of their own. Isolates nothing, and says so. Linux, macOS, Windows. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Disposable } from '../../../base/disposable.ts';
import type { Log } from '../../../base/log.ts';
import type { ImageRecord } from '../../image/image-record.ts';
import type { ImageStore } from '../../image/image-store.ts';
import { attachToShim } from '../attach-session.ts';
import { containerCommand, containerEnvironment } from '../command.ts';
import { Containers } from '../containers.ts';
import { startSession } from '../exec-session.ts';
import { PipeSets } from '../pipe-sets.ts';
import { descendantsOf } from '../procfs.ts';
import { shellQuote } from '../run.ts';
import { RuntimeFailure, type Capabilities, type ContainerConfig, type ContainerStats, type ContainerStatus, type ExecSession, type ImageService, type PodSandbox, type PodSandboxConfig, type Runtime } from '../runtime.ts';
import { copyLayers } from '../sandbox/copy-root.ts';
import { ShimLauncher } from '../shim-launcher.ts';
import { readState, writeState } from '../state-file.ts';
import { processStats } from '../stats.ts';
import { findProgram } from '../system-path.ts';
import { assignPorts } from './ports.ts';
import { linkMounts, processEnvironment, processFolder, relocateCommand } from './process-root.ts';

export interface ProcessOptions {
  directory: string;
  bundles: string;
  nodeBinary: string;
  images: ImageStore;
  log: Log;
  /** `host:port` at which the built-in image's programs reach the registry. */
  registryAddress(): string | undefined;
}

interface PodRecord {
  id: string;
  config: PodSandboxConfig;
  portMap: Record<number, number>;
  createdAt: string;
  stopped: boolean;
}

interface ProcessContainer {
  environment: Record<string, string>;
  cwd: string;
}

const host = '127.0.0.1';
const files = { root: 'root', temporary: 'tmp', pod: 'pod.json' } as const;
const tools = '/opt/slipway';

export async function processRuntime(options: ProcessOptions): Promise<ProcessRuntime> {
  mkdirSync(options.directory, { recursive: true, mode: 0o700 });
  const runtime = new ProcessRuntime(options);
  await runtime.load();
  return runtime;
}

export class ProcessRuntime implements Runtime {
  readonly name = 'process';
  readonly version = '1';
  readonly capabilities: Capabilities;
  readonly images: ImageService;
  readonly #options: ProcessOptions;
  readonly #launcher: ShimLauncher;
  readonly #containers: Containers<ProcessContainer>;
  readonly #pods = new Map<string, PodRecord>();
  readonly #podFolder: string;
  readonly #pipes: PipeSets | undefined;

  constructor(options: ProcessOptions) {
    const { directory, bundles, nodeBinary, log } = options;
    const posix = process.platform !== 'win32';
    this.#options = options;
    this.images = options.images;
    this.capabilities = { rootfs: false, podNetwork: false, memoryLimit: process.platform === 'linux' ? 'poll' : 'none', cpuLimit: 'none', multipleUids: false, tty: posix && findProgram('script') ? 'script' : 'none' };
    this.#launcher = new ShimLauncher({ nodeBinary, bundles, logFile: join(directory, 'shim.log') });
    this.#containers = new Containers(join(directory, 'containers'), this.#launcher, log);
    this.#podFolder = join(directory, 'pods');
    this.#pipes = posix && findProgram('mkfifo') ? new PipeSets(join(directory, 'pipes')) : undefined;
    mkdirSync(this.#podFolder, { recursive: true, mode: 0o700 });
  }

  async load(): Promise<void> {
    for (const id of readdirSync(this.#podFolder)) {
      const record = readState<PodRecord>(join(this.#podFolder, id, files.pod));
      if (record) this.#pods.set(id, record);
      else rmSync(join(this.#podFolder, id), { recursive: true, force: true });
    }
    await this.#containers.load();
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<PodSandbox> {
    this.#launcher.prepare();
    const id = randomBytes(16).toString('hex');
    let portMap: Record<number, number>;
    try {
      portMap = await assignPorts(config.ports);
    } catch (cause) {
      throw new RuntimeFailure('CreatePodSandboxError', `no free port on this machine: ${(cause as Error).message}`, { cause });
    }
    const record: PodRecord = { id, config, portMap, createdAt: new Date().toISOString(), stopped: false };
    mkdirSync(join(this.#podFolder, id), { mode: 0o700 });
    writeState(join(this.#podFolder, id, files.pod), record);
    this.#pods.set(id, record);
    return this.#tell(record);
  }

  async stopPodSandbox(id: string): Promise<void> {
    const record = this.#pods.get(id);
    if (!record) return;
    await Promise.all(this.#containers.records(id).map((container) => this.#containers.stop(container.id, 0)));
    if (record.stopped) return;
    record.stopped = true;
    writeState(join(this.#podFolder, id, files.pod), record);
  }

  async removePodSandbox(id: string): Promise<void> {
    await this.stopPodSandbox(id);
    for (const record of this.#containers.records(id)) await this.#containers.remove(record.id);
    if (this.#pods.delete(id)) rmSync(join(this.#podFolder, id), { recursive: true, force: true });
  }

  listPodSandboxes(): Promise<PodSandbox[]> {
    return Promise.resolve([...this.#pods.values()].map((record) => this.#tell(record)));
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const pod = this.#pods.get(sandboxId);
    if (!pod || pod.stopped) throw new RuntimeFailure('CreateContainerError', `the sandbox ${sandboxId} of the pod is gone`);
    const image = this.#options.images.record(config.imageId);
    if (!image) throw new RuntimeFailure('CreateContainerError', `the image ${config.imageId} is not on this node`);
    if (image.hostPaths === undefined) throw new RuntimeFailure('CreateContainerError', `${image.reference} brings a root file system of its own, which plain processes cannot have: run it with --runtime sandbox`);
    const id = randomBytes(16).toString('hex');
    const folder = this.#containers.folder(id);
    mkdirSync(join(folder, files.temporary), { recursive: true, mode: 0o700 });
    try {
      await this.#prepare(id, folder, pod, config, image);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      if (error instanceof RuntimeFailure) throw error;
      throw new RuntimeFailure('CreateContainerError', (error as Error).message, { cause: error });
    }
    return id;
  }

  async #prepare(id: string, folder: string, pod: PodRecord, config: ContainerConfig, image: ImageRecord): Promise<void> {
    const { bundles, nodeBinary, images, registryAddress } = this.#options;
    const root = join(folder, files.root);
    const builtIn = image.extraBinds !== undefined;
    await copyLayers(builtIn ? [] : images.folders(image), root);
    linkMounts(config.mounts, root);
    const combined = containerCommand(config, image.config);
    if (combined.length === 0) throw new RuntimeFailure('CreateContainerError', 'no command is given, neither by the pod nor by the image');
    const fixed: Record<string, string> = builtIn ? { [`${tools}/bin/node`]: nodeBinary, [`${tools}/tools.js`]: join(bundles, 'tools.js') } : {};
    const command = relocateCommand(combined, root, fixed);
    const cwd = processFolder(config.workingDir || image.config.workingDir || '/', root);
    const marker = `SLIPWAY_CONTAINER=${id}`;
    const variables = containerEnvironment(builtIn ? [] : image.config.env, config.env, { hostname: pod.config.hostname, home: root, tty: config.tty });
    const { ELECTRON_RUN_AS_NODE } = process.env;
    const registry = builtIn ? registryAddress() : undefined;
    const environment = {
      ...processEnvironment({ root, image: variables, portMap: pod.portMap, host, temporary: join(folder, files.temporary), marker }),
      // Only our own programs run on the editor's binary.
      ...(builtIn && ELECTRON_RUN_AS_NODE && { ELECTRON_RUN_AS_NODE }),
      ...(registry !== undefined && { SLIPWAY_REGISTRY_ADDRESS: registry }),
      ...(config.buildPowers && { SLIPWAY_BUILD_PLAIN: 'true', SLIPWAY_BUILD_FOLDER: join(folder, files.temporary) }),
    };
    const logPath = join(config.logDirectory, `${config.attempt}.log`);
    await this.#containers.create(
      { id, sandboxId: pod.id, name: config.name, attempt: config.attempt, imageId: config.imageId, createdAt: new Date().toISOString(), logPath, stopSignal: image.config.stopSignal ?? 'SIGTERM', extra: { environment, cwd } },
      {
        argv: config.tty ? underTerminal(command) : command, environment, cwd, log: logPath, tty: config.tty, stdin: config.stdin, stdinOnce: config.stdinOnce,
        memoryLimit: this.capabilities.memoryLimit === 'poll' ? config.memoryLimit : 0, reports: false, marker,
      },
    );
  }

  startContainer(id: string): Promise<void> {
    return this.#containers.start(id);
  }

  stopContainer(id: string, graceSeconds: number): Promise<void> {
    return this.#containers.stop(id, graceSeconds);
  }

  removeContainer(id: string): Promise<void> {
    return this.#containers.remove(id);
  }

  containerStatus(id: string): Promise<ContainerStatus | undefined> {
    return Promise.resolve(this.#containers.status(id));
  }

  listContainers(): Promise<ContainerStatus[]> {
    return Promise.resolve(this.#containers.list());
  }

  onChange(listener: (containerId: string) => void): Disposable {
    return this.#containers.onChange(listener);
  }

  exec(containerId: string, argv: string[], options: { tty: boolean; stdin: boolean }): Promise<ExecSession> {
    const record = this.#containers.get(containerId);
    if (!record || this.#containers.pid(containerId) === undefined) throw new RuntimeFailure('ExecFailed', `container ${record?.name ?? containerId} is not running`);
    if (options.tty && this.capabilities.tty === 'none') throw new RuntimeFailure('ExecFailed', 'there is no terminal for plain processes on this system: run the command without one');
    const { environment, cwd } = record.extra;
    const command = relocateCommand(argv, join(this.#containers.folder(containerId), files.root), {});
    return startSession({ argv: options.tty ? underTerminal(command) : command, environment: { ...environment, ...(options.tty && { TERM: 'xterm' }) }, cwd, terminals: '/dev/pts' }, options, this.#pipes);
  }

  async attach(containerId: string, options: { tty: boolean; stdin: boolean }): Promise<ExecSession> {
    if (this.#containers.pid(containerId) === undefined) throw new RuntimeFailure('AttachFailed', 'the container is not running');
    return attachToShim(this.#containers.folder(containerId), options);
  }

  dial(sandboxId: string, port: number): Promise<Duplex> {
    const assigned = this.#pods.get(sandboxId)?.portMap[port] ?? port;
    return new Promise((resolve, reject) => {
      const socket = connect({ host: 'localhost', port: assigned, autoSelectFamily: true });
      socket.once('connect', () => resolve(socket));
      socket.once('error', (cause) => reject(new RuntimeFailure('PortForwardFailed', `nothing answers on port ${port} (${assigned} of this machine): ${cause.message}`, { cause })));
    });
  }

  stats(containerId: string): Promise<ContainerStats | undefined> {
    const pid = this.#containers.pid(containerId);
    return Promise.resolve(pid === undefined || process.platform !== 'linux' ? undefined : processStats(descendantsOf(pid)));
  }

  dispose(): void {
    this.#containers.dispose();
    this.#launcher.dispose();
  }

  #tell({ id, config, portMap, createdAt, stopped }: PodRecord): PodSandbox {
    return { id, config, ready: !stopped, ip: host, portMap, createdAt };
  }
}

/** util-linux' `script` takes one text for a shell, BSD's a command line. */
function underTerminal(command: readonly string[]): string[] {
  return process.platform === 'darwin' ? ['script', '-q', '/dev/null', ...command] : ['script', '-qfec', command.map(shellQuote).join(' '), '/dev/null'];
}
