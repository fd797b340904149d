/** The processes of one platform, as Linux tells of them. */
import { readdirSync, readFileSync } from 'node:fs';

export interface FoundProcess {
  pid: number;
  parent: number;
  command: string;
}

export function allProcesses(): FoundProcess[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [, parent = '0'] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return [{ pid: Number(name), parent: Number(parent), command: readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() }];
    } catch {
      return [];
    }
  });
}

/** Those whose command line names `text`, e.g. a program in the home. */
export function processesNaming(text: string): FoundProcess[] {
  return allProcesses().filter(({ command, pid }) => command.includes(text) && pid !== process.pid);
}

/** `roots` and all that they started, and what that started. */
export function familyOf(roots: readonly number[]): FoundProcess[] {
  const all = allProcesses();
  const family = new Set(roots);
  for (let grown = true; grown; ) {
    grown = false;
    for (const { pid, parent } of all) if (!family.has(pid) && family.has(parent)) grown = Boolean(family.add(pid));
  }
  return all.filter(({ pid }) => family.has(pid));
}

export function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
