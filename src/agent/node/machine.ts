/** Reads what this machine has. */
import { readFile, statfs } from 'node:fs/promises';
import os from 'node:os';
import { machineMemory } from '../stats/machine-usage.ts';
import type { MachineFacts } from './node-object.ts';

const architectures: Record<string, string> = { x64: 'amd64', ia32: '386' };
const systems: Record<string, string> = { win32: 'windows' };

export async function machineFacts(folder: string): Promise<MachineFacts> {
  const [disk, memory] = await Promise.all([statfs(folder), machineMemory()]);
  return {
    cpus: os.availableParallelism(),
    memoryBytes: memory.capacityBytes,
    diskBytes: disk.blocks * disk.bsize,
    hostname: os.hostname(),
    osImage: (await osName()) ?? `${os.type()} ${os.release()}`,
    kernel: os.release(),
    architecture: architectures[os.arch()] ?? os.arch(),
    operatingSystem: systems[process.platform] ?? process.platform,
    machineId: await text('/etc/machine-id'),
    bootId: await text('/proc/sys/kernel/random/boot_id'),
  };
}

async function osName(): Promise<string | undefined> {
  return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(await text('/etc/os-release'))?.[1];
}

async function text(file: string): Promise<string> {
  return (await readFile(file, 'utf8').catch(() => '')).trim();
}
