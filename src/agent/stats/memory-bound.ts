/** The memory this machine's own control group was given: a development container has less than its host shows in /proc/meminfo. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';

export interface MemoryBound {
  limitBytes: number;
  usageBytes: number;
  /** Without file pages the kernel would give back at once. */
  workingSetBytes: number;
}

const root = '/sys/fs/cgroup';

/** The tightest bound from this process's group up; undefined without one. `cgroups`: contents of /proc/self/cgroup. */
export async function memoryBound(read = text, cgroups?: string): Promise<MemoryBound | undefined> {
  const lines = (cgroups ?? (await read('/proc/self/cgroup')) ?? '').split('\n').map((line) => line.split(':'));
  const v1 = lines.find(([, controllers]) => controllers?.split(',').includes('memory'));
  const v2 = lines.find(([number, controllers]) => number === '0' && controllers === '');
  const [base, own, names] = v1 ? [`${root}/memory`, v1.slice(2).join(':'), files.v1] : [root, v2?.slice(2).join(':'), files.v2];
  if (own === undefined) return undefined;
  let tightest: MemoryBound | undefined;
  for (let at = own; ; at = path.posix.dirname(at)) {
    const found = await boundAt(path.posix.join(base, at), names, read);
    if (found && (!tightest || found.limitBytes - found.workingSetBytes < tightest.limitBytes - tightest.workingSetBytes)) tightest = found;
    if (at === '/' || at === '.') return tightest;
  }
}

const files = {
  v1: { limit: 'memory.limit_in_bytes', usage: 'memory.usage_in_bytes', cold: 'total_inactive_file' },
  v2: { limit: 'memory.max', usage: 'memory.current', cold: 'inactive_file' },
};

async function boundAt(folder: string, names: (typeof files)['v1'], read: typeof text): Promise<MemoryBound | undefined> {
  const limit = Number((await read(`${folder}/${names.limit}`))?.trim());
  // Version 1 says "none" by a number beyond every machine.
  if (!Number.isFinite(limit) || limit <= 0 || limit > 2 ** 60) return undefined;
  const [usage, stat] = [Number(await read(`${folder}/${names.usage}`)), await read(`${folder}/memory.stat`)];
  if (!Number.isFinite(usage)) return undefined;
  const cold = Number(new RegExp(`^${names.cold} (\\d+)`, 'm').exec(stat ?? '')?.[1] ?? 0);
  return { limitBytes: limit, usageBytes: usage, workingSetBytes: Math.max(0, usage - cold) };
}

function text(file: string): Promise<string | undefined> {
  return readFile(file, 'latin1').catch(() => undefined);
}
