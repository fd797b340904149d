/** What Linux tells about processes. Every function answers undefined or nothing for a process that is gone. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';

/** A process for sure: a pid alone may have been given to another one since. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks after boot. */
  startTime: string;
}

/** Fields of `/proc/<pid>/stat` after the name, whose brackets and blanks would confuse a plain split. */
function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

export interface ProcessStat extends ProcessIdentity {
  parent: number;
  /** Of the program, at most 15 characters. */
  name: string;
  /** As in `ps`: `T` stands, `Z` has ended. */
  state: string;
  /** User and system time with that of its reaped children, ms. */
  cpuMs: number;
}

export function processStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  const end = text.lastIndexOf(')');
  const fields = text.slice(end + 2).split(' ');
  return { pid, name: text.slice(text.indexOf('(') + 1, end), state: fields[0] ?? '', parent: Number(fields[1]), startTime: fields[19] ?? '', cpuMs: 10 * (Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14])) };
}

/** SIGTSTP (Ctrl-Z in a terminal) waits for it. */
export function isAskedToStop(pid: number): boolean {
  try {
    const waiting = /^ShdPnd:\s*([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '0';
    return (BigInt(`0x${waiting}`) & (1n << BigInt(constants.signals.SIGTSTP - 1))) !== 0n;
  } catch {
    return false;
  }
}

export function startTimeOf(pid: number): string | undefined {
  const fields = statFields(pid);
  return fields && fields[0] !== 'X' && (fields[0] !== 'Z' || hasThreads(pid)) ? fields[19] : undefined;
}

/** A first thread that has ended is a zombie until the others have, too: until then they hold all files and ports of the process. */
function hasThreads(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}

export function identify(pid: number): ProcessIdentity | undefined {
  const startTime = startTimeOf(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

export function isAlive(process: ProcessIdentity): boolean {
  return startTimeOf(process.pid) === process.startTime;
}

export function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
  } catch {
    // A kernel without CONFIG_PROC_CHILDREN, or the process is gone.
    return allProcesses().filter((one) => statFields(one)?.[1] === String(pid));
  }
}

/** `pid` first, then its children and theirs. */
export function descendantsOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(descendantsOf)];
}

export function allProcesses(): number[] {
  return readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)).map(Number);
}

/** Tells whether a process of this user was started with `entry` (`NAME=value`) in its environment. */
export function carries(entry: string): (pid: number) => boolean {
  const wanted = Buffer.from(`${entry}\0`);
  return (pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`).includes(wanted);
    } catch {
      return false;
    }
  };
}

/** Linux only: elsewhere nobody is found. */
export function processesCarrying(entry: string): number[] {
  return process.platform === 'linux' ? allProcesses().filter((pid) => pid !== process.pid).filter(carries(entry)) : [];
}

export type NamespaceKind = 'mnt' | 'net' | 'pid' | 'user' | 'uts' | 'ipc';

/** e.g. `pid:[4026531836]`; undefined also where another user's process hides it. */
export function namespaceOf(pid: number | 'self', kind: NamespaceKind): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`);
  } catch {
    return undefined;
  }
}

/** Every process that shares the pid namespace of `init`, `init` first. Processes that entered from outside are in. */
export function processesInNamespaceOf(init: number): number[] {
  const namespace = namespaceOf(init, 'pid');
  if (namespace === undefined) return [];
  return [init, ...allProcesses().filter((pid) => pid !== init && namespaceOf(pid, 'pid') === namespace)];
}

/** What tells the processes of a container that shares its pid namespace with others: they see its mounts. Whoever waits outside for it does too. */
export interface SharedPlace {
  pid: string;
  mnt: string;
}

export function sharedPlaceOf(process: number): SharedPlace | undefined {
  const [pid, mnt] = [namespaceOf(process, 'pid'), namespaceOf(process, 'mnt')];
  return pid === undefined || mnt === undefined ? undefined : { pid, mnt };
}

export function processesAt(place: SharedPlace): number[] {
  return allProcesses().filter((pid) => namespaceOf(pid, 'mnt') === place.mnt && namespaceOf(pid, 'pid') === place.pid);
}

/** Every process by its pid namespace: one look at /proc for any number of containers. */
export function processesByNamespace(): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const pid of allProcesses()) {
    const namespace = namespaceOf(pid, 'pid');
    if (namespace === undefined) continue;
    const list = found.get(namespace);
    if (list) list.push(pid);
    else found.set(namespace, [pid]);
  }
  return found;
}

/** Memory that is the process's own: resident pages without those shared with files and other processes. Bytes. */
export function anonymousMemory(pid: number): number {
  return memoryOf(pid).anonymous;
}

/** Bytes. `resident` counts shared pages in each process that has them. */
export function memoryOf(pid: number): { resident: number; anonymous: number } {
  try {
    const [, resident = 0, shared = 0] = readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ').map(Number);
    return { resident: resident * pageSize, anonymous: Math.max(0, resident - shared) * pageSize };
  } catch {
    return { resident: 0, anonymous: 0 };
  }
}

/** User and system time of the process and its reaped children. */
export function cpuNanoseconds(pid: number): number {
  const fields = statFields(pid);
  if (!fields) return 0;
  const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at] ?? 0), 0);
  return ticks * 10_000_000;
}

/** Node does not tell it; every kernel that Node's own builds for x64 run on has 4 KiB, arm64 ones may be set otherwise. */
const pageSize = 4096;
