/** Processes of containers without process namespaces: found by the variable that each inherits. */
import { readFileSync } from 'node:fs';
import { allProcesses } from '../procfs.ts';
import { run } from '../run.ts';
import type { ContainerStats } from '../runtime.ts';
import { processStats } from '../stats.ts';
import { markerVariable } from './process-environment.ts';

/** How often strays are looked for: one may start another while it is being ended. */
const rounds = 5;

/** All processes of this user that carry a marker, by container. Windows keeps other processes' variables to itself: there nothing is found. */
export async function markedProcesses(): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>();
  const add = (text: string, pid: number) => {
    const id = markerPattern.exec(text)?.[1];
    if (id !== undefined && pid !== process.pid) found.set(id, [...(found.get(id) ?? []), pid]);
  };
  if (process.platform === 'linux') {
    for (const pid of allProcesses()) add(environmentOf(pid), pid);
  } else if (process.platform === 'darwin') {
    // -E shows the environment of one's own processes behind the command.
    const list = await run(['ps', '-axEww', '-o', 'pid=,command=']).catch(() => '');
    for (const line of list.split('\n')) add(line, Number.parseInt(line, 10));
  }
  return found;
}

const markerPattern = new RegExp(`(?:^|[\\0 ])${markerVariable}=([0-9a-f]+)`);

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    // Another user's, or gone.
    return '';
  }
}

/** Kills whatever is left of a container. */
export async function endStrays(id: string): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    const strays = (await markedProcesses()).get(id) ?? [];
    if (strays.length === 0) return;
    for (const pid of strays) kill(pid);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

export async function statsOf(pids: readonly number[]): Promise<ContainerStats | undefined> {
  if (pids.length === 0) return undefined;
  if (process.platform === 'linux') {
    return processStats(pids);
  }
  const list = await run(['ps', '-o', 'rss=,time=', '-p', pids.join(',')]).catch(() => '');
  const used = list.split('\n').filter((line) => line.trim() !== '').map(parseUsage);
  const memory = sum(used.map((one) => one.memory));
  return { cpuNanoseconds: sum(used.map(({ cpu }) => cpu)), usageBytes: memory, workingSetBytes: memory, rssBytes: memory, processes: used.length };
}

/** A line `<KiB> [[hours:]minutes:]seconds` of `ps`. */
export function parseUsage(line: string): { memory: number; cpu: number } {
  const [size = '0', time = '0'] = line.trim().split(/\s+/);
  const seconds = time.split(/[:-]/).reduce((total, part) => total * 60 + Number(part), 0);
  return { memory: Number(size) * 1024, cpu: Math.round(seconds * 1e9) };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
