/**
 * What a node and its pods use: the kubelet's `/stats/summary` (k8s.io/kubelet/pkg/apis/stats/v1alpha1), the fields that can be known here.
 * Bytes, nanoseconds, thousand-millionths of a core; a field that cannot be known is absent.
 */
export interface StatsSummary {
  node: NodeStats;
  pods: PodStats[];
}

export interface CpuStats {
  time: string;
  /** Rate over the last seconds: 1e9 is one core. Absent while only one look was taken. */
  usageNanoCores?: number;
  /** Since the container began; never falls. */
  usageCoreNanoSeconds: number;
}

export interface MemoryStats {
  time: string;
  availableBytes?: number;
  /** With what the kernel would give back at once. */
  usageBytes: number;
  /** Without that: what counts against limits and for eviction. */
  workingSetBytes: number;
  rssBytes: number;
}

export interface InterfaceStats {
  name: string;
  rxBytes: number;
  rxErrors: number;
  txBytes: number;
  txErrors: number;
}

export interface NetworkStats extends InterfaceStats {
  time: string;
  interfaces: InterfaceStats[];
}

export interface FsStats {
  time: string;
  availableBytes?: number;
  capacityBytes?: number;
  usedBytes?: number;
  inodesFree?: number;
  inodes?: number;
  inodesUsed?: number;
}

export interface NodeStats {
  nodeName: string;
  startTime?: string;
  /** Of the machine: several nodes of one machine show the same. */
  cpu: CpuStats;
  memory: MemoryStats;
  fs: FsStats;
  runtime: { imageFs: FsStats };
  rlimit?: { time: string; maxpid: number; curproc: number };
}

export interface ContainerStatsSummary {
  name: string;
  startTime: string;
  cpu: CpuStats;
  memory: MemoryStats;
}

export interface PodStats {
  podRef: { name: string; namespace: string; uid: string };
  startTime: string;
  /** Those that run. */
  containers: ContainerStatsSummary[];
  cpu: CpuStats;
  memory: MemoryStats;
  network?: NetworkStats;
  process_stats: { process_count: number };
}
