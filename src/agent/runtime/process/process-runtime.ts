/**
 * The process driver: plain processes of this user in a folder of their own. Linux, macOS, Windows. Isolates nothing, and says so; what it cannot do honestly
 * (a foreign root file system, a persistent volume at a path of this machine) it refuses.
 */
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { toolsImage } from '../../../api/well-known.ts';
import type { Disposable } from '../../../base/disposable.ts';
import type { Log } from '../../../base/log.ts';
import type { ImageRecord } from '../../image/image-record.ts';
import type { ImageStore } from '../../image/image-store.ts';
import { attachToShim } from '../attach-session.ts';
import { containerCommand } from '../command.ts';
import { Containers } from '../containers.ts';
import { startSession } from '../exec-session.ts';
import { PipeSets } from '../pipe-sets.ts';
import { RuntimeFailure, type Capabilities, type ContainerConfig, type ContainerLimits, type ContainerStats, type ContainerStatus, type ExecSession, type ImageService, type PodSandbox, type PodSandboxConfig, type Runtime } from '../runtime.ts';
import { ShimLauncher } from '../shim-launcher.ts';
import { findProgram, systemPath } from '../system-path.ts';
import { containersFolder } from './end-all.ts';
import { usualPort } from './ports.ts';
import { markerVariable, processEnvironment } from './process-environment.ts';
import { ProcessPods } from './process-pods.ts';
import { endStrays, markedProcesses, statsOf } from './process-tree.ts';
import { startable, toolsWord, type ToolsPlaces } from './program.ts';
import { relocation, shownIn, type Relocation } from './relocation.ts';
import { terminalCommand } from './terminal.ts';
import { placeToolsPrograms } from './tools-programs.ts';
import { linkVolumes, planVolumes } from './volume-links.ts';
import { makeWorkFolder } from './work-folder.ts';

export interface ProcessOptions {
  /** Of this driver: pods and containers. */
  directory: string;
  bundles: string;
  nodeBinary: string;
  images: ImageStore;
  log: Log;
  /** `host:port` at which the built-in image's programs reach the registry. */
  registryAddress(): string | undefined;
}

/** What `exec` needs of a container after a restart of the agent. */
interface ProcessContainer {
  environment: Record<string, string>;
  cwd: string;
}

const files = { root: 'root', build: 'build' } as const;
const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount';
/** How long one look at all processes counts, for the statistics of many containers. */
const lookMilliseconds = 200;
const noTerminal = 'a terminal needs the program "script" (package bsdutils or util-linux): run the command without one';

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
  readonly #pods: ProcessPods;
  readonly #pipes: PipeSets | undefined;
  readonly #tools: ToolsPlaces;
  #look: { at: number; found: Promise<Map<string, number[]>> } | undefined;

  constructor(options: ProcessOptions) {
    const { directory, bundles, nodeBinary, log } = options;
    const posix = process.platform !== 'win32';
    this.#options = options;
    this.images = options.images;
    this.capabilities = { rootfs: false, podNetwork: false, memoryLimit: process.platform === 'linux' ? 'poll' : 'none', cpuLimit: process.platform === 'linux' ? 'poll' : 'none', multipleUids: false, tty: posix && findProgram('script') ? 'script' : 'none' };
    this.#launcher = new ShimLauncher({ nodeBinary, bundles, logFile: join(directory, 'shim.log') });
    this.#containers = new Containers(join(directory, containersFolder), this.#launcher, log);
    this.#pods = new ProcessPods(join(directory, 'pods'));
    this.#pipes = posix && findProgram('mkfifo') ? new PipeSets(join(directory, 'pipes')) : undefined;
    const tools = { nodeBinary, program: join(bundles, 'tools.js') };
    this.#tools = { ...tools, programs: placeToolsPrograms(join(directory, 'tools'), tools) };
    // A shim ends the strays of its container; one that was killed could not.
    this.#containers.onChange((id) => {
      if (this.#containers.status(id)?.state === 'exited') void endStrays(id);
    });
  }

  load(): Promise<void> {
    return this.#containers.load();
  }

  runPodSandbox(config: PodSandboxConfig): Promise<PodSandbox> {
    this.#launcher.prepare();
    return this.#pods.run(config);
  }

  async stopPodSandbox(id: string): Promise<void> {
    await Promise.all(this.#containers.records(id).map((container) => this.#containers.stop(container.id, 0)));
    this.#pods.stop(id);
  }

  async removePodSandbox(id: string): Promise<void> {
    await this.stopPodSandbox(id);
    for (const record of this.#containers.records(id)) await this.#containers.remove(record.id);
    this.#pods.remove(id);
  }

  listPodSandboxes(): Promise<PodSandbox[]> {
    return Promise.resolve(this.#pods.list());
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const image = this.#options.images.record(config.imageId);
    if (!image) throw new RuntimeFailure('CreateContainerError', `the image ${config.imageId} is not on this node`);
    if (image.hostPaths === undefined) throw new RuntimeFailure('CreateContainerError', `${image.reference} brings a root file system of its own, which plain processes cannot have: run it with --runtime sandbox`);
    if (config.tty && this.capabilities.tty === 'none') throw new RuntimeFailure('CreateContainerError', noTerminal);
    const pod = this.#pods.need(sandboxId);
    const ports = config.ports?.length ? config.ports : config.ports === undefined || pod.config.ports.length === 0 ? portsOf(pod) : [];
    await this.#pods.claim(sandboxId, ports);
    const id = this.#containers.open();
    const folder = this.#containers.folder(id);
    try {
      await this.#prepare(id, folder, pod, { ...config, ports }, image);
    } catch (error) {
      await this.#containers.discard(id);
      if (error instanceof RuntimeFailure) throw error;
      throw new RuntimeFailure('CreateContainerError', (error as Error).message, { cause: error });
    }
    return id;
  }

  async #prepare(id: string, folder: string, pod: PodSandbox, config: ContainerConfig & { ports: number[] }, image: ImageRecord): Promise<void> {
    const root = join(folder, files.root);
    const builtIn = image.id === toolsImage;
    const combined = containerCommand(config, image.config);
    if (combined.length === 0) throw new RuntimeFailure('CreateContainerError', 'no command is given, neither by the pod nor by the image');
    const volumes = planVolumes(config.mounts);
    await makeWorkFolder(builtIn ? undefined : this.#options.images.folders(image)[0], root);
    linkVolumes(volumes, root);
    const paths = relocation(root, shownIn(root));
    const cwd = join(root, config.workingDir || image.config.workingDir || '/');
    mkdirSync(cwd, { recursive: true });
    const environment = processEnvironment({
      id, config, hostname: pod.config.hostname, ports: config.ports, portMap: pod.config.hostNetwork ? undefined : pod.portMap, relocation: paths, systemPath: machinePath(),
      // The built-in image's places are others here.
      image: builtIn ? { ...image.config, env: [`PATH=${this.#tools.programs}`] } : image.config,
      own: { ...volumes.variables, ...this.#ownVariables(folder, root, config, builtIn) },
    });
    const argv = this.#commandLine(combined, paths, builtIn);
    const reports = config.tty && process.platform === 'linux';
    const logPath = join(config.logDirectory, `${config.attempt}.log`);
    await this.#containers.create(
      { id, sandboxId: pod.id, name: config.name, attempt: config.attempt, imageId: config.imageId, createdAt: new Date().toISOString(), logPath, stopSignal: config.stopSignal ?? image.config.stopSignal ?? 'SIGTERM', extra: { environment, cwd } },
      {
        argv: config.tty ? terminalCommand(argv, reports) : argv, environment: { ...environment, ...(config.tty && { SHELL: '/bin/sh' }) }, cwd, log: logPath,
        tty: config.tty, stdin: config.stdin, stdinOnce: config.stdinOnce,
        memoryLimit: this.capabilities.memoryLimit === 'poll' ? config.memoryLimit : 0, cpuLimit: this.capabilities.cpuLimit === 'poll' ? config.cpuLimit : 0, reports, marker: `${markerVariable}=${id}`,
      },
    );
  }

  #commandLine(command: readonly string[], paths: Relocation, builtIn: boolean): string[] {
    return startable(command.map((word) => {
      const own = builtIn ? toolsWord(word, this.#tools) : word;
      return own === word ? paths.word(word) : own;
    }));
  }

  /** For programs that know this driver; the build program's side is build-pod-contract.ts of the control plane. */
  #ownVariables(folder: string, root: string, { mounts, buildPowers }: ContainerConfig, builtIn: boolean): Record<string, string> {
    const { ELECTRON_RUN_AS_NODE } = process.env;
    const build = join(folder, files.build);
    if (buildPowers) mkdirSync(build, { recursive: true, mode: 0o700 });
    const registry = builtIn ? this.#options.registryAddress() : undefined;
    // The kubelet's file for it is the one mount that belongs to no volume.
    const terminationLog = mounts.find(({ volume }) => volume === undefined)?.hostPath;
    return {
      ...machineVariables(),
      SLIPWAY_MOUNTS: root,
      ...(mounts.some(({ containerPath }) => containerPath === serviceAccount) && { SLIPWAY_SERVICE_ACCOUNT: join(root, serviceAccount) }),
      ...(terminationLog !== undefined && { SLIPWAY_TERMINATION_LOG: terminationLog }),
      // Only our own programs run on the editor's binary.
      ...(builtIn && ELECTRON_RUN_AS_NODE && { ELECTRON_RUN_AS_NODE }),
      ...(registry !== undefined && { SLIPWAY_REGISTRY_ADDRESS: registry }),
      ...(buildPowers && { SLIPWAY_BUILD_PLAIN: 'true', SLIPWAY_BUILD_FOLDER: build, SLIPWAY_BUILD_CACHE: join(this.#options.directory, 'build-cache') }),
    };
  }

  startContainer(id: string): Promise<void> {
    return this.#containers.start(id);
  }

  stopContainer(id: string, graceSeconds: number): Promise<void> {
    return this.#containers.stop(id, graceSeconds);
  }

  changeLimits(id: string, { memoryLimit, cpuLimit }: ContainerLimits): Promise<void> {
    return this.#containers.changeLimits(id, this.capabilities.memoryLimit === 'poll' ? memoryLimit : 0, this.capabilities.cpuLimit === 'poll' ? cpuLimit : 0);
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

  async exec(containerId: string, argv: string[], options: { tty: boolean; stdin: boolean }): Promise<ExecSession> {
    const record = this.#containers.get(containerId);
    if (!record || this.#containers.pid(containerId) === undefined) throw new RuntimeFailure('ExecFailed', `container ${record?.name ?? containerId} is not running`);
    if (options.tty && this.capabilities.tty === 'none') throw new RuntimeFailure('ExecFailed', noTerminal);
    const { environment, cwd } = record.extra;
    const root = join(this.#containers.folder(containerId), files.root);
    const command = this.#commandLine(argv, relocation(root, shownIn(root)), record.imageId === toolsImage);
    return startSession(
      { argv: options.tty ? terminalCommand(command, false) : command, environment: { ...environment, ...(options.tty && { TERM: 'xterm', SHELL: '/bin/sh' }) }, cwd, terminals: '/dev/pts' },
      options, this.#pipes,
    );
  }

  async attach(containerId: string, options: { tty: boolean; stdin: boolean }): Promise<ExecSession> {
    if (this.#containers.pid(containerId) === undefined) throw new RuntimeFailure('AttachFailed', 'the container is not running');
    return attachToShim(this.#containers.folder(containerId), options);
  }

  async dial(sandboxId: string, port: number): Promise<Duplex> {
    const assigned = this.#pods.need(sandboxId).portMap?.[port] ?? port;
    return new Promise((resolve, reject) => {
      const socket = connect({ host: 'localhost', port: assigned, autoSelectFamily: true, allowHalfOpen: true });
      const failed = (cause: Error) => reject(new RuntimeFailure('PortForwardFailed', `nothing answers on port ${port} (${assigned} of this machine): ${cause.message}`, { cause }));
      socket.once('error', failed);
      socket.once('connect', () => resolve(socket.off('error', failed)));
    });
  }

  async stats(containerId: string): Promise<ContainerStats | undefined> {
    if (this.#containers.pid(containerId) === undefined) return undefined;
    const now = performance.now();
    if (!this.#look || now - this.#look.at > lookMilliseconds) this.#look = { at: now, found: markedProcesses() };
    return statsOf((await this.#look.found).get(containerId) ?? []);
  }

  /** Processes go on without the agent. */
  dispose(): void {
    this.#containers.dispose();
    this.#launcher.dispose();
  }
}

const portsOf = ({ config, portMap = {} }: PodSandbox): number[] => (config.ports.length > 0 ? config.ports : portMap[usualPort] === undefined ? [] : [usualPort]);

/** Without these nothing starts on Windows. */
const windowsVariables = ['SystemRoot', 'SystemDrive', 'ComSpec', 'PATHEXT', 'windir', 'APPDATA', 'LOCALAPPDATA', 'USERPROFILE', 'ProgramFiles'];

function machineVariables(): Record<string, string> {
  if (process.platform !== 'win32') return {};
  return Object.fromEntries(windowsVariables.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
}

function machinePath(): string {
  return process.platform === 'win32' ? (process.env['Path'] ?? process.env['PATH'] ?? '') : systemPath();
}
