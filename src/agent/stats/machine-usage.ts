/** What the machine under this node uses. */
import { readFile, statfs } from 'node:fs/promises';
import os from 'node:os';
import type { FsStats } from '../../protocol/stats.ts';
import { memoryBound } from './memory-bound.ts';

export interface MemoryUsage {
  capacityBytes: number;
  availableBytes: number;
  usageBytes: number;
  workingSetBytes: number;
}

/** Nanoseconds of all processors since boot. */
export function machineCpu(): number {
  return os.cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) * 1e6;
}

/** `os.freemem` leaves out what the kernel would give back. A machine that is itself a container has what that was given. */
export async function machineMemory(): Promise<MemoryUsage> {
  const text = await readFile('/proc/meminfo', 'latin1').catch(() => '');
  const field = (name: string) => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1];
    return found === undefined ? undefined : Number(found) * 1024;
  };
  const capacityBytes = os.totalmem();
  const availableBytes = field('MemAvailable') ?? os.freemem();
  const whole = { capacityBytes, availableBytes, usageBytes: capacityBytes - (field('MemFree') ?? os.freemem()), workingSetBytes: capacityBytes - availableBytes };
  const bound = await memoryBound();
  if (bound === undefined || bound.limitBytes >= capacityBytes) return whole;
  const { limitBytes, usageBytes, workingSetBytes } = bound;
  return { capacityBytes: limitBytes, availableBytes: Math.max(0, Math.min(limitBytes - workingSetBytes, availableBytes)), usageBytes, workingSetBytes };
}

export async function fsUsage(folder: string, time: string): Promise<FsStats> {
  const { blocks, bfree, bavail, bsize, files, ffree } = await statfs(folder);
  // A file system without a table of inodes tells 0.
  return {
    time, availableBytes: bavail * bsize, capacityBytes: blocks * bsize, usedBytes: (blocks - bfree) * bsize,
    ...(files > 0 && { inodesFree: ffree, inodes: files, inodesUsed: files - ffree }),
  };
}

/** How many processes there may be, and are. Linux only. */
export async function machineProcesses(): Promise<{ maxpid: number; curproc: number } | undefined> {
  const [most, threads, load] = await Promise.all(['/proc/sys/kernel/pid_max', '/proc/sys/kernel/threads-max', '/proc/loadavg'].map((file) => readFile(file, 'latin1').catch(() => '')));
  const curproc = Number(/\/(\d+) /.exec(load ?? '')?.[1]);
  const maxpid = Math.min(Number(most?.trim() || NaN), Number(threads?.trim() || NaN));
  return Number.isFinite(curproc) && Number.isFinite(maxpid) ? { maxpid, curproc } : undefined;
}
