/** The sandbox driver: user namespaces, no root, no engine. Runs inside the machine holder, in its node's network. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Disposable } from '../../../base/disposable.ts';
import type { Log } from '../../../base/log.ts';
import { describeHostRoot, writeHostSkeleton } from '../../../oci/host-root.ts';
import type { InterfaceStats } from '../../../protocol/stats.ts';
import { diskUsage } from '../../eviction/disk-usage.ts';
import type { ImageRecord } from '../../image/image-record.ts';
import type { ImageStore } from '../../image/image-store.ts';
import { cgroupStats, changeGroup, removeGroup, type Cgroups } from '../cgroup.ts';
import { attachToShim } from '../attach-session.ts';
import { containerCommand, containerEnvironment } from '../command.ts';
import { Containers } from '../containers.ts';
import { namespaceOf, processesAt, processesByNamespace, sharedPlaceOf } from '../procfs.ts';
import { parseInterfaces, processStats } from '../stats.ts';
import { PipeSets } from '../pipe-sets.ts';
import { run, shellQuote } from '../run.ts';
import { RuntimeFailure, type Capabilities, type ContainerConfig, type ContainerLimits, type ContainerStats, type ContainerStatus, type ExecSession, type ImageService, type PodSandbox, type PodSandboxConfig, type Runtime } from '../runtime.ts';
import { ShimLauncher } from '../shim-launcher.ts';
import { findProgram, systemEnvironment } from '../system-path.ts';
import { copyLayers } from './copy-root.ts';
import { startExec, type ExecTarget } from './exec.ts';
import { formatTable, isMountPoint, readMountPoints, type MountEntry } from './mount-table.ts';
import { prepareNodeRoot, type NodeRoot } from './node-root.ts';
import { PodDialer } from './pod-dial.ts';
import { Pods } from './pods.ts';
import { planRoot } from './root-plan.ts';
import { environmentScript, overlayFirst, startScript, waitText } from './start-script.ts';
import { containerUser } from './user.ts';

export interface SandboxOptions {
  /** Of this driver: pods, containers and what they share. */
  directory: string;
  podCidr: string;
  nodeIp: string;
  bundles: string;
  nodeBinary: string;
  images: ImageStore;
  /** Folders outside `/usr` of the toolchains found on this machine. */
  toolchains(): Promise<readonly string[]>;
  /** Where this user has a part of the tree of control groups. */
  cgroups?: Cgroups | undefined;
  log: Log;
}

/** What `exec` needs of a container after a restart of the agent. */
interface SandboxContainer {
  uid: number;
  workingDir: string;
  buildPowers: boolean;
  tty: boolean;
  group?: string | undefined;
  processLimit?: number | undefined;
  /** Its processes are those in its mount namespace. */
  sharesProcesses?: boolean;
}

const files = { environment: 'environment.sh', start: 'start.sh', table: 'mounts', upper: 'upper', work: 'work', root: 'root', build: 'build', passwd: 'passwd' } as const;
/** Beside the folders of builds and on their mount, since nothing can be moved from one mount to another: what builds keep for later ones. */
const cacheFolder = 'cache';
/** How long one look at all processes counts, for the statistics of many containers. */
const lookMilliseconds = 200;

export async function sandboxRuntime(options: SandboxOptions): Promise<SandboxRuntime> {
  mkdirSync(options.directory, { recursive: true, mode: 0o700 });
  const node = await prepareNodeRoot(options.directory);
  const runtime = new SandboxRuntime(options, node);
  await runtime.load();
  return runtime;
}

export class SandboxRuntime implements Runtime {
  readonly name = 'sandbox';
  readonly version = '1';
  readonly capabilities: Capabilities;
  readonly images: ImageService;
  readonly #options: SandboxOptions;
  readonly #node: NodeRoot;
  readonly #pods: Pods;
  readonly #launcher: ShimLauncher;
  readonly #containers: Containers<SandboxContainer>;
  readonly #pipes: PipeSets;
  readonly #dialer: PodDialer;
  #look: { at: number; found: Map<string, number[]> } | undefined;
  readonly #skeletons = new Map<string, Promise<{ layer: string; binds: { path: string; directory: boolean }[] }>>();

  constructor(options: SandboxOptions, node: NodeRoot) {
    const { directory, bundles, nodeBinary, log } = options;
    this.#options = options;
    this.#node = node;
    this.images = options.images;
    this.capabilities = { rootfs: true, podNetwork: true, memoryLimit: options.cgroups ? 'cgroup' : 'poll', cpuLimit: options.cgroups?.limitsCpu ? 'cgroup' : 'poll', multipleUids: node.users > 0, tty: findProgram('script') ? 'script' : 'none' };
    this.#launcher = new ShimLauncher({ nodeBinary, bundles, logFile: join(directory, 'shim.log') });
    this.#containers = new Containers(join(directory, 'containers'), this.#launcher, log);
    this.#pods = new Pods(join(directory, 'pods'), options, log);
    this.#pipes = new PipeSets(join(directory, 'pipes'));
    this.#dialer = new PodDialer(this.#launcher);
    // A builder that was killed has tidied nothing, and its pod may stay for days. Its mounts went with its namespaces.
    this.#containers.onChange((id) => {
      if (this.#lives(id)) return;
      this.#clear(id);
      if (this.#containers.get(id)?.extra.buildPowers) rm(join(options.directory, files.build, id), { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) => options.log.warn('a build folder cannot be removed', { id, error }));
    });
  }

  /** Nobody sees any more what an ended container wrote: its mounts went with its namespaces. Its log lies elsewhere. */
  #clear(id: string): void {
    for (const name of [files.upper, files.work]) rm(join(this.#containers.folder(id), name), { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) => this.#options.log.warn('what an ended container wrote cannot be removed', { id, error }));
  }

  #lives(id: string): boolean {
    const state = this.#containers.status(id)?.state;
    return state === 'created' || state === 'running';
  }

  async load(): Promise<void> {
    await Promise.all([this.#pods.load(), this.#containers.load()]);
    // Build folders of containers that are gone or have ended, after a kill for example.
    const builds = join(this.#options.directory, files.build);
    if (existsSync(builds)) for (const id of readdirSync(builds)) if (id !== cacheFolder && !this.#lives(id)) await rm(join(builds, id), { recursive: true, force: true }).catch((error: unknown) => this.#options.log.warn('a build folder cannot be removed: it may hold files of users that this machine no longer gives', { id, error }));
  }

  runPodSandbox(config: PodSandboxConfig): Promise<PodSandbox> {
    this.#launcher.prepare();
    return this.#pods.run(config);
  }

  async stopPodSandbox(id: string): Promise<void> {
    await Promise.all(this.#containers.records(id).map((record) => this.#containers.stop(record.id, 0)));
    await this.#pods.stop(id);
  }

  async removePodSandbox(id: string): Promise<void> {
    await this.stopPodSandbox(id);
    for (const record of this.#containers.records(id)) await this.removeContainer(record.id);
    await this.#pods.remove(id);
  }

  listPodSandboxes(): Promise<PodSandbox[]> {
    return Promise.resolve(this.#pods.list());
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const image = this.#options.images.record(config.imageId);
    if (!image) throw new RuntimeFailure('CreateContainerError', `the image ${config.imageId} is not on this node`);
    const id = this.#containers.open();
    const folder = this.#containers.folder(id);
    try {
      await this.#prepare(id, folder, sandboxId, config, image);
    } catch (error) {
      await this.#containers.discard(id);
      if (error instanceof RuntimeFailure) throw error;
      throw new RuntimeFailure('CreateContainerError', (error as Error).message, { cause: error });
    }
    return id;
  }

  async #prepare(id: string, folder: string, sandboxId: string, config: ContainerConfig, image: ImageRecord): Promise<void> {
    const { images, directory } = this.#options;
    const { kit } = this.#node;
    const pod = this.#pods.place(sandboxId);
    const command = containerCommand(config, image.config);
    if (command.length === 0) throw new RuntimeFailure('CreateContainerError', 'no command is given, neither by the pod nor by the image');
    const workingDir = config.workingDir || image.config.workingDir || '/';
    const host = image.hostPaths && (await this.#skeleton([...image.hostPaths, ...(image.allToolchains ? await this.#options.toolchains() : [])]));
    const layerNames = [...image.layers, ...(host ? [host.layer] : [])];
    const layers = layerNames.map((name) => join(images.layers, name));
    const user = containerUser(config.user, image.config.user, workingDir, layers);
    const root = join(folder, files.root);
    for (const name of [files.root, files.upper, files.work]) mkdirSync(join(folder, name), { mode: 0o755 });
    if (user.passwd !== undefined) writeFileSync(join(folder, files.passwd), user.passwd, { mode: 0o644 });
    const builds = { hostPath: join(directory, files.build), containerPath: '/build', readOnly: false };
    if (config.buildPowers) for (const name of [id, cacheFolder]) mkdirSync(join(builds.hostPath, name), { recursive: true, mode: 0o755 });
    const buildEnv = config.buildPowers ? [{ name: 'SLIPWAY_BUILD_FOLDER', value: `/build/${id}` }, { name: 'SLIPWAY_BUILD_CACHE', value: `/build/${cacheFolder}` }] : [];
    const plan = planRoot({
      node: this.#node, root, layers, workingDir, pod, unmasked: config.buildPowers, points: readMountPoints(),
      hostBinds: [...(host?.binds ?? []), ...(image.extraBinds ?? [])],
      generated: [
        ...['hosts', 'hostname', 'resolv.conf'].map((name) => ({ source: join(pod.directory, name), target: `/etc/${name}` })),
        ...(user.passwd === undefined ? [] : [{ source: join(folder, files.passwd), target: '/etc/passwd' }]),
      ].filter(({ target }) => !config.mounts.some(({ containerPath }) => containerPath === target)),
      mounts: [...config.mounts, ...(config.buildPowers ? [builds] : [])],
    });
    if (!this.#node.overlay) await copyLayers(layers, root);
    const table = join(folder, files.table);
    const overlay = this.#node.overlay ? `lowerdir=${layerNames.join(':')},upperdir=${join(folder, files.upper)},workdir=${join(folder, files.work)},userxattr` : undefined;
    const whole: MountEntry[] = overlay !== undefined && !overlayFirst(plan) ? [{ source: 'overlay', target: root, type: 'overlay', options: [overlay] }] : [];
    writeFileSync(table, formatTable([...whole, ...plan.entries]), { mode: 0o600 });
    const environment = containerEnvironment(image.config.env, [...config.env, ...buildEnv], { hostname: pod.config.hostname, home: user.home, tty: config.tty });
    const handOver = join(folder, files.environment);
    writeFileSync(handOver, environmentScript(environment, kit), { mode: 0o600 });
    const processLimit = config.buildPowers ? undefined : config.processLimit;
    const group = this.#options.cgroups?.create(sandboxId, id, { memory: config.memoryLimit, cpu: config.cpuLimit, cpuRequest: config.cpuRequest ?? 0, podProcesses: processLimit ?? 0 });
    const start = join(folder, files.start);
    const script = startScript({
      ...(overlay !== undefined && { overlay }),
      layers: images.layers, root, directories: plan.directories, files: plan.files, table, readOnlyRoot: config.readOnlyRootFilesystem,
      uid: user.uid, gid: user.gid, users: config.buildPowers && this.#node.users > 0 ? (await this.#pods.users(sandboxId)).pid : undefined, workingDir, command, buildPowers: config.buildPowers, group, processLimit,
    }, kit);
    writeFileSync(start, script, { mode: 0o600 });
    const joined = config.processesOf === undefined ? pod.processes?.pid : this.#processOf(config.processesOf);
    const processes = joined === undefined ? [] : [`--pid=/proc/${joined}/ns/pid`, '-F'];
    const enter = ['nsenter', '-t', String(pod.holder.pid), '-n', '-u', '-i', ...processes, 'unshare', joined === undefined ? '-mp' : '-m', '--propagation', 'private', 'sh', ...(config.tty ? ['-m'] : []), '-c', waitText, 'sh', 'sh', start];
    const argv = config.tty
      ? ['unshare', '-m', '--propagation', 'private', 'sh', '-c', 'mount --bind "$1" /dev/pts && exec script -qfec "$2" /dev/null', 'sh', pod.terminals, `${enter.map(shellQuote).join(' ')}; exit $?`]
      : enter;
    const logPath = join(config.logDirectory, `${config.attempt}.log`);
    await this.#containers.create(
      {
        id, sandboxId, name: config.name, attempt: config.attempt, imageId: config.imageId, createdAt: new Date().toISOString(), logPath, stopSignal: config.stopSignal ?? image.config.stopSignal ?? 'SIGTERM',
        extra: { uid: config.buildPowers ? 0 : user.uid, workingDir, buildPowers: config.buildPowers, tty: config.tty, group, processLimit, ...(joined !== undefined && { sharesProcesses: true }) },
      },
      {
        argv, environment: { ...(systemEnvironment as Record<string, string>), SHELL: '/bin/sh' }, cwd: '/', handOver, log: logPath, tty: config.tty, stdin: config.stdin, stdinOnce: config.stdinOnce,
        memoryLimit: group === undefined ? config.memoryLimit : 0, cpuLimit: this.capabilities.cpuLimit === 'poll' ? config.cpuLimit : 0, ...(group !== undefined && { group }), reports: true, terminals: pod.terminals, ...(joined !== undefined && { sharesProcesses: true }),
      },
    );
  }

  #processOf(id: string): number {
    const pid = this.#containers.pid(id);
    if (pid === undefined) throw new RuntimeFailure('CreateContainerError', `the container ${id}, whose processes were to be joined, does not run`);
    return pid;
  }

  async startContainer(id: string): Promise<void> {
    await this.#pods.named(this.#containers.get(id)?.sandboxId ?? '');
    return this.#containers.start(id);
  }

  stopContainer(id: string, graceSeconds: number): Promise<void> {
    return this.#containers.stop(id, graceSeconds);
  }

  async changeLimits(id: string, limits: ContainerLimits): Promise<void> {
    const group = this.#containers.get(id)?.extra.group;
    if (group !== undefined) changeGroup(group, { memory: limits.memoryLimit, cpu: limits.cpuLimit, cpuRequest: limits.cpuRequest ?? 0 });
    await this.#containers.changeLimits(id, group === undefined ? limits.memoryLimit : 0, this.capabilities.cpuLimit === 'poll' ? limits.cpuLimit : 0);
  }

  async removeContainer(id: string): Promise<void> {
    const group = this.#containers.get(id)?.extra.group;
    await this.#containers.remove(id);
    if (group !== undefined) removeGroup(group);
    await rm(join(this.#options.directory, files.build, id), { recursive: true, force: true, maxRetries: 3 });
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
    const pid = this.#containers.pid(containerId);
    if (!record || pid === undefined) throw new RuntimeFailure('ExecFailed', `container ${record?.name ?? containerId} is not running`);
    if (options.tty && this.capabilities.tty === 'none') throw new RuntimeFailure('ExecFailed', 'a terminal needs the program "script" (package bsdutils or util-linux)');
    const target: ExecTarget = {
      ...record.extra, pid, environment: join(this.#containers.folder(containerId), files.environment), terminals: this.#pods.place(record.sandboxId).terminals,
    };
    return startExec(target, argv, options, this.#node.kit, this.#pipes);
  }

  async attach(containerId: string, options: { tty: boolean; stdin: boolean }): Promise<ExecSession> {
    if (this.#containers.pid(containerId) === undefined) throw new RuntimeFailure('AttachFailed', 'the container is not running');
    return attachToShim(this.#containers.folder(containerId), options);
  }

  async dial(sandboxId: string, port: number): Promise<Duplex> {
    return this.#dialer.dial(this.#pods.place(sandboxId), port);
  }

  stats(containerId: string): Promise<ContainerStats | undefined> {
    const pid = this.#containers.pid(containerId);
    if (pid === undefined) return Promise.resolve(undefined);
    const group = this.#containers.get(containerId)?.extra.group;
    const counted = group === undefined ? undefined : cgroupStats(group);
    if (counted) return Promise.resolve(counted);
    const shared = this.#containers.get(containerId)?.extra.sharesProcesses ? sharedPlaceOf(pid) : undefined;
    if (shared) return Promise.resolve(processStats(processesAt(shared)));
    const namespace = namespaceOf(pid, 'pid');
    const now = performance.now();
    if (!this.#look || now - this.#look.at > lookMilliseconds) this.#look = { at: now, found: processesByNamespace() };
    return Promise.resolve(namespace === undefined ? undefined : processStats(this.#look.found.get(namespace) ?? [pid]));
  }

  async networkStats(sandboxId: string): Promise<InterfaceStats[] | undefined> {
    const { config, holder } = this.#pods.place(sandboxId);
    return config.hostNetwork ? undefined : parseInterfaces(await readFile(`/proc/${holder.pid}/net/dev`, 'latin1'));
  }

  writableBytes(containerId: string): Promise<number> {
    return diskUsage(join(this.#containers.folder(containerId), files.upper));
  }

  async mountMemory(folder: string, bytes: number): Promise<void> {
    if (isMountPoint(folder)) return;
    await run(['mount', '-t', 'tmpfs', '-o', `mode=1777,nosuid,nodev${bytes > 0 ? `,size=${Math.ceil(bytes)}` : ''}`, 'tmpfs', folder], { env: systemEnvironment });
  }

  async mountImage(imageId: string, folder: string): Promise<void> {
    if (isMountPoint(folder)) return;
    const { images } = this.#options;
    const record = images.record(imageId);
    if (!record || record.hostPaths) throw new RuntimeFailure('CreateContainerError', record ? `the image ${record.reference} stands on this machine's own files: it cannot be a volume` : `the image ${imageId} is not on this node`);
    const [only = '', ...more] = images.folders(record);
    if (more.length > 0 && !this.#node.overlay) throw new RuntimeFailure('CreateContainerError', `the image ${record.reference} has several layers, which cannot be shown as one here: overlay mounts are refused`);
    const argv = more.length === 0
      ? ['mount', '--bind', '-o', 'ro,nosuid,nodev', only, folder]
      : ['mount', '-t', 'overlay', '-o', `lowerdir=${record.layers.join(':')},userxattr,ro,nosuid,nodev`, 'overlay', folder];
    await run(argv, { env: systemEnvironment, cwd: images.layers });
  }

  async unmount(folder: string): Promise<void> {
    if (isMountPoint(folder)) await run(['umount', '-l', folder], { env: systemEnvironment });
  }

  /** Pods and containers go on without the agent. */
  dispose(): void {
    this.#containers.dispose();
    this.#pods.dispose();
    this.#launcher.dispose();
  }

  /** Lowest layer of an image without a base: made once for each set of toolchain folders. */
  #skeleton(hostPaths: string[]): Promise<{ layer: string; binds: { path: string; directory: boolean }[] }> {
    const key = JSON.stringify(hostPaths);
    let made = this.#skeletons.get(key);
    if (!made) {
      made = this.#makeSkeleton(hostPaths);
      this.#skeletons.set(key, made);
      made.catch(() => this.#skeletons.delete(key));
    }
    return made;
  }

  async #makeSkeleton(hostPaths: string[]): Promise<{ layer: string; binds: { path: string; directory: boolean }[] }> {
    const described = await describeHostRoot({ hostPaths, hostname: 'localhost' });
    // Another folder once the machine has changed: containers may still use the old one.
    const layer = `host-${createHash('sha256').update(JSON.stringify(described)).digest('hex').slice(0, 12)}`;
    const folder = join(this.#options.images.layers, layer);
    if (!existsSync(folder)) {
      const fresh = `${folder}.${randomBytes(4).toString('hex')}`;
      await writeHostSkeleton(fresh, described);
      await rename(fresh, folder).catch(() => rm(fresh, { recursive: true, force: true }));
    }
    return { layer, binds: described.binds };
  }
}
