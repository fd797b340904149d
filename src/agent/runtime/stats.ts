import { anonymousMemory, cpuNanoseconds } from './procfs.ts';
import type { ContainerStats } from './runtime.ts';

/** Sum over a container's processes, from /proc. */
export function processStats(processes: readonly number[]): ContainerStats {
  const sum = (of: (pid: number) => number) => processes.reduce((total, pid) => total + of(pid), 0);
  return { cpuNanoseconds: sum(cpuNanoseconds), workingSetBytes: sum(anonymousMemory), processes: processes.length };
}
