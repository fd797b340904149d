/** The Node this agent stands for, pure: what the machine has and what the driver truly gives. */
import type { Node } from '../../api/kinds/core.ts';
import { toTime } from '../../api/meta.ts';
import { agentSocketAnnotation, runtimeLabel, type AgentConfig } from '../../protocol/agent.ts';
import type { PressureCondition } from '../eviction/pressure-plan.ts';
import { amountOf, type Signal, type Threshold } from '../eviction/threshold.ts';
import type { Capabilities, ImageInfo } from '../runtime/runtime.ts';

export interface MachineFacts {
  cpus: number;
  memoryBytes: number;
  diskBytes: number;
  hostname: string;
  osImage: string;
  kernel: string;
  /** Go's names: `amd64`, `arm64`. */
  architecture: string;
  operatingSystem: string;
  machineId: string;
  bootId: string;
}

export interface DriverFacts {
  name: string;
  version: string;
  capabilities: Capabilities;
}

/** Pods a node takes; a /23 has room for twice as many. */
const mostPods = 250;
/** Images named in the status (the kubelet's bound). */
const mostImages = 50;

const label = (value: boolean | string) => String(value);

export function nodeObject(config: AgentConfig, machine: MachineFacts, driver: DriverFacts): Node {
  const { capabilities } = driver;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: config.nodeName,
      labels: {
        'kubernetes.io/hostname': config.nodeName,
        'kubernetes.io/os': machine.operatingSystem,
        'kubernetes.io/arch': machine.architecture,
        'node-role.kubernetes.io/worker': '',
        [runtimeLabel]: config.runtime,
        'slipway.dev/root-file-system': label(capabilities.rootfs),
        'slipway.dev/pod-network': label(capabilities.podNetwork),
        'slipway.dev/memory-limit': capabilities.memoryLimit,
        'slipway.dev/cpu-limit': capabilities.cpuLimit,
        'slipway.dev/multiple-uids': label(capabilities.multipleUids),
        'slipway.dev/tty': capabilities.tty,
      },
      annotations: { [agentSocketAnnotation]: config.socket },
    },
    spec: { podCIDR: config.network.podCidr, podCIDRs: [config.network.podCidr] },
  };
}

type NodeStatus = NonNullable<Node['status']>;
type NodeCondition = NonNullable<NodeStatus['conditions']>[number];

/** What is never given to pods, since they are ended before it is reached. Bytes. */
export interface Reserve {
  memory: number;
  disk: number;
}

/** The hard thresholds (Kubernetes docs, "Reserve Compute Resources": allocatable is what lies above them). */
export function reserveOf(thresholds: readonly Threshold[], machine: Pick<MachineFacts, 'memoryBytes' | 'diskBytes'>): Reserve {
  const of = (signal: Signal, capacity: number) => {
    const hard = thresholds.find((threshold) => threshold.signal === signal && threshold.graceMs === 0);
    return hard ? Math.min(capacity, Math.ceil(amountOf(hard.below, capacity))) : 0;
  };
  return { memory: of('memory.available', machine.memoryBytes), disk: of('nodefs.available', machine.diskBytes) };
}

export interface NodeView {
  config: AgentConfig;
  machine: MachineFacts;
  driver: DriverFacts;
  images: readonly ImageInfo[];
  pressure: ReadonlySet<PressureCondition>;
  reserve: Reserve;
  before: NodeStatus | undefined;
  now: Date;
  /** Why the runtime does not answer. */
  trouble: string | undefined;
}

export function nodeStatus(view: NodeView): NodeStatus {
  const { config, machine, driver, images, reserve } = view;
  const kibibytes = (bytes: number) => `${Math.floor(bytes / 1024)}Ki`;
  const capacity = {
    cpu: String(machine.cpus),
    memory: kibibytes(machine.memoryBytes),
    'ephemeral-storage': kibibytes(machine.diskBytes),
    pods: String(mostPods),
  };
  return {
    addresses: [{ type: 'InternalIP', address: config.network.nodeIp }, { type: 'Hostname', address: config.nodeName }],
    capacity,
    allocatable: { ...capacity, memory: kibibytes(machine.memoryBytes - reserve.memory), 'ephemeral-storage': kibibytes(machine.diskBytes - reserve.disk) },
    conditions: conditions(view),
    nodeInfo: {
      machineID: machine.machineId,
      systemUUID: machine.machineId,
      bootID: machine.bootId,
      kernelVersion: machine.kernel,
      osImage: machine.osImage,
      containerRuntimeVersion: `${driver.name}://${driver.version}`,
      kubeletVersion: kubernetesVersion,
      kubeProxyVersion: kubernetesVersion,
      operatingSystem: machine.operatingSystem,
      architecture: machine.architecture,
    },
    images: [...images].sort((a, b) => b.size - a.size).slice(0, mostImages).map(({ id, reference, size }) => ({ names: [reference || id], sizeBytes: size })),
    daemonEndpoints: { kubeletEndpoint: { Port: 0 } },
  };
}

/** The release whose behaviour this agent follows. */
const kubernetesVersion = 'v1.32.0';

/** How limits are held to, for people. */
function limitsText({ memoryLimit, cpuLimit }: Capabilities): string {
  if (memoryLimit === 'cgroup' && cpuLimit === 'cgroup') return 'memory and CPU limits are enforced by the kernel';
  if (memoryLimit === 'none' && cpuLimit === 'none') return 'memory and CPU limits are not enforced by this runtime';
  const memory = { cgroup: 'by the kernel', poll: 'by watching', none: 'not at all' }[memoryLimit];
  const cpu = { cgroup: 'by the kernel', poll: 'by stopping and continuing processes', none: 'not at all' }[cpuLimit];
  return `memory limits are enforced ${memory}, CPU limits ${cpu}${memoryLimit === 'poll' || cpuLimit === 'poll' ? ': this user has no cgroup to manage' : ''}`;
}

function conditions({ driver: { capabilities }, pressure, before, now, trouble }: NodeView): NodeCondition[] {
  const [memoryFull, diskFull, pidsFull] = [pressure.has('MemoryPressure'), pressure.has('DiskPressure'), pressure.has('PIDPressure')];
  const wanted: Omit<NodeCondition, 'lastHeartbeatTime' | 'lastTransitionTime'>[] = [
    { type: 'MemoryPressure', status: memoryFull ? 'True' : 'False', reason: memoryFull ? 'KubeletHasInsufficientMemory' : 'KubeletHasSufficientMemory', message: `kubelet has ${memoryFull ? 'insufficient' : 'sufficient'} memory available` },
    { type: 'DiskPressure', status: diskFull ? 'True' : 'False', reason: diskFull ? 'KubeletHasDiskPressure' : 'KubeletHasNoDiskPressure', message: diskFull ? 'kubelet has disk pressure' : 'kubelet has no disk pressure' },
    { type: 'PIDPressure', status: pidsFull ? 'True' : 'False', reason: pidsFull ? 'KubeletHasInsufficientPID' : 'KubeletHasSufficientPID', message: `kubelet has ${pidsFull ? 'insufficient' : 'sufficient'} PID available` },
    { type: 'ResourceLimits', status: capabilities.memoryLimit === 'cgroup' ? 'True' : 'False', reason: { cgroup: 'Cgroup', poll: 'Polling', none: 'None' }[capabilities.memoryLimit], message: limitsText(capabilities) },
    { type: 'Isolation', status: capabilities.rootfs && capabilities.podNetwork ? 'True' : 'False', reason: capabilities.rootfs ? 'Namespaces' : 'Processes', message: capabilities.rootfs ? 'pods have a root file system, a network and processes of their own' : 'pods are plain processes of this user: nothing is isolated' },
    trouble === undefined
      ? { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' }
      : { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: `container runtime is down: ${trouble}` },
  ];
  const time = toTime(now);
  return wanted.map((one) => {
    const old = before?.conditions?.find(({ type }) => type === one.type);
    return { ...one, lastHeartbeatTime: time, lastTransitionTime: old?.status === one.status && old.lastTransitionTime ? old.lastTransitionTime : time };
  });
}
