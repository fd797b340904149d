import type { InterfaceStats } from '../../protocol/stats.ts';
import { cpuNanoseconds, memoryOf } from './procfs.ts';
import type { ContainerStats } from './runtime.ts';

/** Sum over a container's processes, from /proc. Memory that could be given back at once cannot be told apart there: the working set is what is the processes' own. */
export function processStats(processes: readonly number[]): ContainerStats {
  const total = { cpuNanoseconds: 0, usageBytes: 0, workingSetBytes: 0, rssBytes: 0, processes: processes.length };
  for (const pid of processes) {
    const { resident, anonymous } = memoryOf(pid);
    total.cpuNanoseconds += cpuNanoseconds(pid);
    total.usageBytes += resident;
    total.workingSetBytes += anonymous;
    total.rssBytes += anonymous;
  }
  return total;
}

/** Contents of `/proc/<pid>/net/dev`, without the loopback. */
export function parseInterfaces(text: string): InterfaceStats[] {
  return text.split('\n').flatMap((line) => {
    const found = /^\s*([^:\s]+):\s*(.*)$/.exec(line);
    if (!found || found[1] === 'lo') return [];
    const numbers = (found[2] ?? '').trim().split(/\s+/).map(Number);
    return [{ name: found[1] ?? '', rxBytes: numbers[0] ?? 0, rxErrors: numbers[2] ?? 0, txBytes: numbers[8] ?? 0, txErrors: numbers[10] ?? 0 }];
  });
}
