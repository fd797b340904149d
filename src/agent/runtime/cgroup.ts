/**
 * Control groups (version 2) of a node's containers, where this user was given a part of the tree (docs.kernel.org, "Control Group v2", delegation):
 *
 *   <base>/slipway-agent/          the agent, its shims and programs (a group that hands on controllers holds no processes itself)
 *   <base>/<pod>/                  bound on processes of the pod
 *   <base>/<pod>/<container>/      memory, CPU
 */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ContainerStats } from './runtime.ts';

/** Last part of the group an agent is started in; see holder/cgroup-scope.ts. */
export const agentGroup = 'slipway-agent';

export interface CgroupLimits {
  /** Bytes; 0: none. */
  memory: number;
  /** Thousandths of a core; 0: none. */
  cpu: number;
  /** Thousandths of a core that count when there is not enough for all. */
  cpuRequest: number;
  /** Processes and threads of the pod; 0: none. */
  podProcesses: number;
}

const mountPoint = '/sys/fs/cgroup';
/** Microseconds in which a share of the processor is counted. */
const period = 100_000;

/** The group this process was started for, undefined where it was started in none. `own`: contents of /proc/self/cgroup. */
export function openCgroups(own = readText('/proc/self/cgroup'), root = mountPoint): Cgroups | undefined {
  const group = /^0::(.*)$/m.exec(own ?? '')?.[1];
  if (group === undefined || path.basename(group) !== agentGroup) return undefined;
  const base = path.join(root, path.dirname(group));
  const controllers = new Set((readText(path.join(base, 'cgroup.subtree_control')) ?? '').trim().split(/\s+/));
  return controllers.has('memory') ? new Cgroups(base, controllers) : undefined;
}

export class Cgroups {
  readonly #base: string;
  readonly #controllers: ReadonlySet<string>;

  constructor(base: string, controllers: ReadonlySet<string>) {
    this.#base = base;
    this.#controllers = controllers;
  }

  get limitsCpu(): boolean {
    return this.#controllers.has('cpu');
  }

  /** Makes the group of a container; whoever writes `0` into its `cgroup.procs` is in it. */
  create(pod: string, container: string, limits: CgroupLimits): string {
    const outer = path.join(this.#base, pod);
    const group = path.join(outer, container);
    mkdirSync(outer, { recursive: true });
    for (const controller of ['memory', 'cpu', 'pids']) if (this.#controllers.has(controller)) write(outer, 'cgroup.subtree_control', `+${controller}`);
    if (this.#controllers.has('pids') && limits.podProcesses > 0) write(outer, 'pids.max', String(limits.podProcesses));
    mkdirSync(group, { recursive: true });
    if (limits.memory > 0) {
      write(group, 'memory.max', memoryText(limits.memory));
      // All of it ends together, as a kubelet has it since 1.28; and swapping must not make the limit mean nothing.
      write(group, 'memory.oom.group', '1');
      tryWrite(group, 'memory.swap.max', '0');
    }
    if (this.limitsCpu) {
      write(group, 'cpu.weight', String(weightOf(limits.cpuRequest)));
      if (limits.cpu > 0) write(group, 'cpu.max', cpuText(limits.cpu));
    }
    return group;
  }
}

/** Other limits for what runs in it; a group of an earlier agent, too. */
export function changeGroup(group: string, { memory, cpu, cpuRequest }: Omit<CgroupLimits, 'podProcesses'>): void {
  write(group, 'memory.max', memory > 0 ? memoryText(memory) : 'max');
  if (memory > 0) tryWrite(group, 'memory.swap.max', '0');
  if (memory > 0) tryWrite(group, 'memory.oom.group', '1');
  if (readText(path.join(group, 'cpu.max')) === undefined) return;
  write(group, 'cpu.weight', String(weightOf(cpuRequest)));
  write(group, 'cpu.max', cpu > 0 ? cpuText(cpu) : `max ${period}`);
}

const memoryText = (bytes: number) => String(Math.floor(bytes));
const cpuText = (milli: number) => `${Math.max(1000, Math.round((milli * period) / 1000))} ${period}`;

/** Processes that still are in it are ended. Its pod's group goes with the last one in it. */
export function removeGroup(group: string): void {
  tryWrite(group, 'cgroup.kill', '1');
  tryRemove(group);
  tryRemove(path.dirname(group));
}

/** Of a group wherever it lies: one of an earlier agent, too. */
export function cgroupStats(group: string): ContainerStats | undefined {
  const usage = readText(path.join(group, 'memory.current'));
  if (usage === undefined) return undefined;
  const memory = fields(readText(path.join(group, 'memory.stat')));
  const cpu = fields(readText(path.join(group, 'cpu.stat')));
  const usageBytes = Number(usage);
  return {
    cpuNanoseconds: (cpu.get('usage_usec') ?? 0) * 1000,
    usageBytes,
    workingSetBytes: Math.max(0, usageBytes - (memory.get('inactive_file') ?? 0)),
    rssBytes: memory.get('anon') ?? usageBytes,
    processes: Number(readText(path.join(group, 'pids.current')) ?? 0) || 1,
  };
}

/** True if the kernel ended something in it for want of memory. */
export function ranOutOfMemory(group: string): boolean {
  const events = fields(readText(path.join(group, 'memory.events')));
  return (events.get('oom_kill') ?? 0) > 0 || (events.get('oom_group_kill') ?? 0) > 0;
}

/** The kubelet's way from requests over shares to weights. */
export function weightOf(milliCpu: number): number {
  const shares = Math.min(262_144, Math.max(2, Math.floor((milliCpu * 1024) / 1000)));
  return 1 + Math.floor(((shares - 2) * 9999) / 262_142);
}

function fields(text: string | undefined): Map<string, number> {
  return new Map((text ?? '').split('\n').filter(Boolean).map((line) => {
    const [name = '', value] = line.split(' ');
    return [name, Number(value)];
  }));
}

function write(group: string, file: string, text: string): void {
  writeFileSync(path.join(group, file), text);
}

function tryWrite(group: string, file: string, text: string): void {
  try {
    write(group, file, text);
  } catch {
    // Gone, or a kernel without it.
  }
}

/** A group whose processes are ending is busy for a moment; it goes with its pod's, or with the scope it lies in. */
function tryRemove(group: string): void {
  try {
    rmdirSync(group);
  } catch {
    // See above.
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return undefined;
  }
}
