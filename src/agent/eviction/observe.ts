/** Reads the eviction signals of this machine. What it cannot tell is absent. */
import { fsUsage, machineMemory, machineProcesses } from '../stats/machine-usage.ts';
import type { Observation, Observations } from './pressure-plan.ts';
import type { Signal } from './threshold.ts';

/** `folder` is the agent's: images and volumes lie in it, so both disk signals are one. */
export async function observeMachine(folder: string): Promise<Observations> {
  const [memory, fs, processes] = await Promise.all([machineMemory(), fsUsage(folder, ''), machineProcesses()]);
  const observations = new Map<Signal, Observation>([['memory.available', { available: memory.availableBytes, capacity: memory.capacityBytes }]]);
  const { availableBytes = 0, capacityBytes = 0, inodesFree, inodes } = fs;
  for (const disk of ['nodefs', 'imagefs'] as const) {
    observations.set(`${disk}.available`, { available: availableBytes, capacity: capacityBytes });
    if (inodesFree !== undefined && inodes !== undefined) observations.set(`${disk}.inodesFree`, { available: inodesFree, capacity: inodes });
  }
  if (processes) observations.set('pid.available', { available: processes.maxpid - processes.curproc, capacity: processes.maxpid });
  return observations;
}
