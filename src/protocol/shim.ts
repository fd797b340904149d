/**
 * Between an agent and the shim of one container.
 *
 * The agent starts `shim.js` with pipes as standard input and output and writes a line for each container that it is to look after: the container's folder. Lines of `ShimNews` come
 * back: when it listens for one, and when one is over. After the end of its input it ends with its last container.
 * In the folder lie `shimFiles`; the spec before the first `start`, `stop` or `attach`. On the socket a connection's first line is a `ShimRequest`:
 *
 *   watch    lines of `ShimStatus` come back, the present one first; further requests may follow on the same connection
 *   attach   frames of protocol/agent.ts both ways, until the container ends
 *   others   nothing comes back; what they did shows in the status
 */
export const shimFiles = {
  spec: 'spec.json',
  /** The last `ShimStatus`, whole at every moment. */
  status: 'status.json',
  socket: 'shim.sock',
  /** Named pipes where the system has them: unlike sockets they can be opened again through `/dev/stdout`. */
  stdin: 'stdin',
  stdout: 'stdout',
  stderr: 'stderr',
} as const;

/** Descriptors of the process that the shim starts. */
export const shimDescriptors = {
  /** Lines: `pid <n>`, then `started` or `error <text>`. */
  report: 3,
  /** `ShimSpec.handOver`, open for reading. */
  handOver: 4,
} as const;

export interface ShimSpec {
  /** Complete command line. */
  argv: string[];
  /** Complete environment of that command. */
  environment: Record<string, string>;
  cwd?: string;
  /** A file given to the process as an open descriptor. */
  handOver?: string;
  /** Log file in CRI form; rotated ones are beside it as `<log>.1` (newest) to `<log>.4`. */
  log: string;
  tty: boolean;
  stdin: boolean;
  stdinOnce: boolean;
  /** Bytes; watched and ended from outside. 0: none, or a control group does it. */
  memoryLimit: number;
  /** Thousandths of a core; its processes are stopped and continued from outside. 0: none, or a control group does it. */
  cpuLimit: number;
  /** Folder of the control group that holds the container to its memory: it knows why the container was killed. */
  group?: string;
  /** The process reports on descriptor 3 who the container is; else the process started is the container. */
  reports: boolean;
  /** Set where no process namespace ends the container's tree: every process with this text `NAME=value` in its environment belongs to it. */
  marker?: string;
  /** Set where the container shares its process namespace with others: every process in the mount namespace of its first one belongs to it, and all are ended with it. */
  sharesProcesses?: boolean;
  /** Folder of the terminals' devices, for resizing. Default `/dev/pts`. */
  terminals?: string;
}

export interface ShimNews {
  directory: string;
  state: 'ready' | 'ended';
  /** Why it never was ready. */
  problem?: string;
}

export interface ShimStatus {
  state: 'created' | 'running' | 'exited';
  shimPid: number;
  /** First process of the container as the agent sees it. */
  pid?: number;
  /** Of that process, in clock ticks after boot, where the system tells. */
  startTime?: string;
  startedAt?: string;
  finishedAt?: string;
  exitCode?: number;
  signal?: number;
  /** As in `ContainerStatus`. */
  reason?: 'Completed' | 'Error' | 'OOMKilled' | 'ContainerCannotRun';
  message?: string;
}

export type ShimRequest =
  | { op: 'watch' }
  | { op: 'start' }
  /** `signal`, then KILL after `graceSeconds`. */
  | { op: 'stop'; signal: string; graceSeconds: number }
  /** In the place of those in `ShimSpec`. */
  | { op: 'limits'; memoryLimit: number; cpuLimit: number }
  /** `stdin` false: only looks on, so its end does not end the container's input. */
  | { op: 'attach'; stdin?: boolean };
