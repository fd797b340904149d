/** What the agent asks of a container runtime. Shaped like the CRI (RuntimeService, ImageService); one implementation a driver. */
import type { Duplex, Readable, Writable } from 'node:stream';
import type { Disposable } from '../../base/disposable.ts';
import type { InterfaceStats } from '../../protocol/stats.ts';
import type { ServiceTable } from '../network/service-table.ts';

export type RuntimeName = 'sandbox' | 'engine' | 'process';

/** What a driver truly gives on this machine; shown in node labels and conditions. */
export interface Capabilities {
  /** Containers see their image's root file system, not this machine's. */
  rootfs: boolean;
  /** Pods have a network namespace and an address of their own. */
  podNetwork: boolean;
  /** `poll`: watched and killed from outside, told as such. */
  memoryLimit: 'cgroup' | 'poll' | 'none';
  /** `poll`: watched, stopped and continued from outside. */
  cpuLimit: 'cgroup' | 'poll' | 'none';
  /** More than one uid can exist in a container. */
  multipleUids: boolean;
  tty: 'pty' | 'script' | 'none';
}

export interface PodSandboxConfig {
  uid: string;
  namespace: string;
  name: string;
  /** Restart count of the sandbox itself. */
  attempt: number;
  hostname: string;
  /** What follows the pod's own name in its full name; none for a pod that names no service it belongs to. */
  domain?: string;
  /** All containers see each other's processes; none of them is process 1. */
  sharedProcesses?: boolean;
  /** Share the node's network instead of one's own. */
  hostNetwork: boolean;
  dns: { servers: string[]; searches: string[]; options: string[] };
  /** Extra lines of /etc/hosts. */
  hostAliases: { ip: string; hostnames: string[] }[];
  /** Container ports; the process driver assigns a port of this machine to each. */
  ports: number[];
}

export interface PodSandbox {
  id: string;
  config: PodSandboxConfig;
  ready: boolean;
  ip: string;
  /** Process driver only: container port to port on `ip`. */
  portMap?: Record<number, number>;
  createdAt: string;
}

export interface Mount {
  /** On this machine; made by the caller. */
  hostPath: string;
  containerPath: string;
  readOnly: boolean;
  /** Name of the pod's volume; none for files of the platform. */
  volume?: string;
  /** Where nothing can be mounted, a variable may tell another place: files to read, scratch space. Without it, a driver that cannot mount refuses. */
  movable?: boolean;
  /** A part of a volume whose files are replaced: the container keeps what was there when it was made. */
  fixed?: boolean;
}

export interface ContainerConfig {
  name: string;
  attempt: number;
  /** Answer of `ImageService.pull`. */
  imageId: string;
  /** Overrides of the image's entrypoint and cmd, with the rules of the Kubernetes docs ("Define a Command and Arguments for a Container"). */
  command?: string[];
  args?: string[];
  workingDir?: string;
  /** Complete: image env is merged underneath by the driver. */
  env: { name: string; value: string }[];
  mounts: Mount[];
  /** Of this container alone, in the order of its spec. */
  ports?: number[];
  user?: { uid?: number; gid?: number };
  readOnlyRootFilesystem: boolean;
  tty: boolean;
  stdin: boolean;
  stdinOnce: boolean;
  /** Bytes; 0: none. */
  memoryLimit: number;
  /** Thousandths of a core; 0: none. */
  cpuLimit: number;
  /** Thousandths of a core: its weight where there is not enough for all. */
  cpuRequest?: number;
  /** Processes and threads of its pod, or where that cannot be counted, of it alone; 0 or absent: the runtime's own bound. */
  processLimit?: number;
  /** Id of a container that runs in the same pod, whose processes this one joins: it ends with it. */
  processesOf?: string;
  /** Instead of the image's. */
  stopSignal?: string;
  /** Only built-in build pods: keeps mount powers inside a user namespace of its own, and gets `/build` on the host's file system. */
  buildPowers: boolean;
  /** Folder for `<attempt>.log` in CRI form; the shim writes and rotates it. */
  logDirectory: string;
}

export type ContainerLimits = Pick<ContainerConfig, 'memoryLimit' | 'cpuLimit' | 'cpuRequest'>;

export type ContainerState = 'created' | 'running' | 'exited' | 'unknown';

export interface ContainerStatus {
  id: string;
  sandboxId: string;
  name: string;
  attempt: number;
  imageId: string;
  state: ContainerState;
  createdAt: string;
  startedAt?: string;
  finishedAt?: string;
  exitCode?: number;
  signal?: number;
  /** `Completed`, `Error`, `OOMKilled`, `ContainerCannotRun`. */
  reason?: string;
  message?: string;
  logPath: string;
}

export interface ExecSession {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Empty with a tty. */
  readonly stderr: Readable;
  resize(width: number, height: number): void;
  readonly exit: Promise<{ code: number } | { error: string }>;
  kill(): void;
}

export interface ImageInfo {
  id: string;
  /** Canonical reference with digest. */
  reference: string;
  size: number;
  config: { user?: string; env: string[]; entrypoint: string[]; cmd: string[]; workingDir?: string; exposedPorts: string[]; labels: Record<string, string>; stopSignal?: string };
}

export interface ImageAuth {
  username: string;
  password: string;
}

export interface ImageService {
  /** Already here under this reference or id? */
  status(reference: string): Promise<ImageInfo | undefined>;
  /** Fetches and unpacks; layers already here are not fetched again. `signal` cancels. */
  pull(reference: string, auth: ImageAuth | undefined, signal: AbortSignal): Promise<ImageInfo>;
  list(): Promise<ImageInfo[]>;
  remove(id: string): Promise<void>;
}

export interface ContainerStats {
  /** Nanoseconds of CPU since start. */
  cpuNanoseconds: number;
  /** With pages that are shared or could be given back. */
  usageBytes: number;
  workingSetBytes: number;
  /** Anonymous memory. */
  rssBytes: number;
  processes: number;
}

/** The network of nodes that lie inside a runtime, not in the agent's own. */
export interface RuntimeNetwork {
  /** The node's address, and its pods'. */
  readonly ip: string;
  readonly podCidr: string;
  /** A connection to a pod's address, where this machine's own network does not lead there; absent where it does. */
  connect?(ip: string, port: number): Promise<Duplex>;
  /** The whole table, each time something changed: service addresses and names are served inside. */
  updateServices(table: ServiceTable): void;
}

/** Whether the runtime itself answers. */
export interface RuntimeHealth {
  /** Why not; undefined while it does. */
  trouble(): string | undefined;
  onChange(listener: (trouble: string | undefined) => void): Disposable;
}

/** Every call may reject with `RuntimeFailure`, whose reason and text go into the container's waiting state. */
export interface Runtime extends Disposable {
  readonly name: RuntimeName;
  readonly version: string;
  readonly capabilities: Capabilities;
  readonly images: ImageService;
  runPodSandbox(config: PodSandboxConfig): Promise<PodSandbox>;
  /** Ends every process in it and gives back its address; idempotent. */
  stopPodSandbox(id: string): Promise<void>;
  removePodSandbox(id: string): Promise<void>;
  listPodSandboxes(): Promise<PodSandbox[]>;
  createContainer(sandboxId: string, config: ContainerConfig): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** TERM (or the image's stop signal), then KILL after `graceSeconds`. Resolves when it has ended. */
  stopContainer(id: string, graceSeconds: number): Promise<void>;
  removeContainer(id: string): Promise<void>;
  /** Holds a container that runs to other limits, at once. */
  changeLimits(id: string, limits: ContainerLimits): Promise<void>;
  containerStatus(id: string): Promise<ContainerStatus | undefined>;
  /** Includes containers of an earlier agent: state is on disk, shims live on. */
  listContainers(): Promise<ContainerStatus[]>;
  /** A container changed state (by id); never polled. */
  onChange(listener: (containerId: string) => void): Disposable;
  exec(containerId: string, argv: string[], options: { tty: boolean; stdin: boolean }): Promise<ExecSession>;
  attach(containerId: string, options: { tty: boolean; stdin: boolean }): Promise<ExecSession>;
  /** A TCP connection to `port` as seen inside the pod, its loopback included. */
  dial(sandboxId: string, port: number): Promise<Duplex>;
  /** Undefined for a container that does not run. */
  stats(containerId: string): Promise<ContainerStats | undefined>;
  /** Of the pod's own network, without the loopback; absent of a driver whose pods have none. */
  networkStats?(sandboxId: string): Promise<InterfaceStats[] | undefined>;
  /** Bytes a container has written outside its volumes; absent where that cannot be told. Takes as long as looking at every file does. */
  writableBytes?(containerId: string): Promise<number>;
  /** Puts an empty file system in memory of at most `bytes` (0: the system's own bound) on a folder that containers made from now on see; nothing if it is there already. */
  mountMemory?(folder: string, bytes: number): Promise<void>;
  /** Puts an image's files on a folder, read-only; nothing if they are there already. */
  mountImage?(imageId: string, folder: string): Promise<void>;
  /** Takes away what the two above put on a folder; nothing if there is nothing. */
  unmount?(folder: string): Promise<void>;
  /** Of a runtime whose nodes are inside it. */
  readonly inside?: RuntimeNetwork;
  /** Of a runtime that is a service of its own and may be away; absent of one that is not. */
  readonly health?: RuntimeHealth;
}

export class RuntimeFailure extends Error {
  /** As the kubelet shows it: `ErrImagePull`, `CreateContainerError`, `RunContainerError`, `CreatePodSandboxError`, … */
  readonly reason: string;
  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RuntimeFailure';
    this.reason = reason;
  }
}
