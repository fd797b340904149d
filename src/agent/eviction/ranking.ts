/** Which pod goes first and what it is told, pure (kubelet eviction manager: by usage beyond its requests, then priority, then usage). */
import type { Container, Pod } from '../../api/kinds/core.ts';
import { isTerminal, mirrorAnnotation } from '../../api/pod.ts';
import { quantityOf } from '../../api/quantity.ts';
import { amountOf, amountText, type Signal, type Threshold } from './threshold.ts';
import type { Observations } from './pressure-plan.ts';

export interface Used {
  memory: number;
  processes: number;
  /** Writable layer and logs; 0 where unknown. */
  disk: number;
}

export interface PodUsage {
  pod: Pod;
  containers: readonly (Used & { name: string })[];
  /** emptyDirs on disk. */
  volumeBytes: number;
}

/** Priorities from here on are the system's own (kubernetes scheduling.SystemCriticalPriority). */
const critical = 2_000_000_000;

type Resource = 'memory' | 'ephemeral-storage' | 'inodes' | 'pids';
const resourceOf: Record<Signal, Resource> = {
  'memory.available': 'memory', 'nodefs.available': 'ephemeral-storage', 'imagefs.available': 'ephemeral-storage', 'nodefs.inodesFree': 'inodes', 'imagefs.inodesFree': 'inodes', 'pid.available': 'pids',
};

/** First to go first. System pods, mirrors and what has ended are left out. */
export function rank(all: readonly PodUsage[], signal: Signal): PodUsage[] {
  const resource = resourceOf[signal];
  const candidates = all.filter(({ pod }) => (pod.spec.priority ?? 0) < critical && pod.metadata.annotations?.[mirrorAnnotation] === undefined && !isTerminal(pod) && !pod.metadata.deletionTimestamp);
  const figures = candidates.map((usage) => ({ usage, used: usedOf(usage, resource), beyond: usedOf(usage, resource) - requestOf(usage.pod, resource), priority: usage.pod.spec.priority ?? 0 }));
  figures.sort((a, b) => Number(b.beyond > 0) - Number(a.beyond > 0) || a.priority - b.priority || b.beyond - a.beyond || b.used - a.used);
  return figures.map(({ usage }) => usage);
}

function usedOf({ containers, volumeBytes }: PodUsage, resource: Resource): number {
  const sum = (of: (one: Used) => number) => containers.reduce((total, one) => total + of(one), 0);
  switch (resource) {
    case 'memory':
      return sum((one) => one.memory);
    case 'pids':
      return sum((one) => one.processes);
    default:
      return sum((one) => one.disk) + volumeBytes;
  }
}

/** Numbers of processes and files cannot be requested. */
function requestOf(pod: Pod, resource: Resource): number {
  return resource === 'pids' || resource === 'inodes' ? 0 : pod.spec.containers.reduce((sum, container) => sum + containerRequest(container, resource), 0);
}

function containerRequest(container: Container | undefined, resource: 'memory' | 'ephemeral-storage'): number {
  return quantityOf(container?.resources?.requests?.[resource]);
}

export function evictionMessage({ pod, containers }: PodUsage, { signal, below }: Threshold, observations: Observations): string {
  const resource = resourceOf[signal];
  const observed = observations.get(signal);
  let text = `The node was low on resource: ${resource}. `;
  if (observed) text += `Threshold quantity: ${amountText(signal, amountOf(below, observed.capacity))}, available: ${amountText(signal, observed.available)}. `;
  if (resource !== 'memory' && resource !== 'ephemeral-storage') return text;
  for (const used of containers) {
    const request = containerRequest(pod.spec.containers.find(({ name }) => name === used.name), resource);
    const amount = resource === 'memory' ? used.memory : used.disk;
    if (amount > request) text += `Container ${used.name} was using ${amountText(signal, amount)}, request is ${amountText(signal, request)}, has larger consumption of ${resource}. `;
  }
  return text;
}
