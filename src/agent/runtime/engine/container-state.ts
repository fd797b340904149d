/** What the engine tells of a container in the words of the contract. Pure. */
import type { ContainerStatus } from '../runtime.ts';
import { engineTime, type EngineContainer } from './engine-objects.ts';
import { engineLabels, type ContainerMark } from './labels.ts';

export interface KnownContainer {
  mark: ContainerMark;
  sandboxId: string;
}

/** undefined for what is no container of a pod. */
export function readMark(labels: Record<string, string> | null | undefined): KnownContainer | undefined {
  const text = labels?.[engineLabels.container];
  const sandboxId = labels?.[engineLabels.sandbox];
  if (text === undefined || sandboxId === undefined) return undefined;
  try {
    return { mark: JSON.parse(text) as ContainerMark, sandboxId };
  } catch {
    return undefined;
  }
}

export interface StatusHints {
  /** Why it never ran, if this agent knows. */
  refused?: string | undefined;
  /** Somebody asked for its end, and the engine says when the kernel ended it. */
  explained: boolean;
}

export function statusOf({ Id, Created, State }: EngineContainer, { mark, sandboxId }: KnownContainer, { refused, explained }: StatusHints): ContainerStatus {
  const startedAt = engineTime(State.StartedAt);
  const base = { id: Id, sandboxId, name: mark.name, attempt: mark.attempt, imageId: mark.imageId, createdAt: engineTime(Created) ?? new Date(0).toISOString(), logPath: mark.logPath };
  if (refused !== undefined) return { ...base, state: 'exited', exitCode: 128, reason: 'ContainerCannotRun', message: refused, finishedAt: new Date().toISOString() };
  switch (State.Status) {
    case 'running':
    case 'paused':
    case 'restarting':
    case 'stopping':
      return { ...base, state: 'running', ...(startedAt && { startedAt }) };
    case 'exited':
    case 'stopped':
    case 'dead':
    case 'removing': {
      const { ExitCode: exitCode } = State;
      // Podman misses the kernel's word on cgroups of version 1: a container with a limit that was killed by nobody was killed for it.
      const oom = State.OOMKilled === true || (!explained && exitCode === 137 && mark.memoryLimit > 0);
      const neverRan = startedAt === undefined;
      const message = oom ? `used more memory than its limit of ${mark.memoryLimit} bytes` : State.Error || undefined;
      return {
        ...base, state: 'exited', exitCode, ...(startedAt && { startedAt }), finishedAt: later(startedAt, engineTime(State.FinishedAt) ?? new Date().toISOString()),
        ...(exitCode > 128 && exitCode < 193 && { signal: exitCode - 128 }),
        reason: oom ? 'OOMKilled' : neverRan ? 'ContainerCannotRun' : exitCode === 0 ? 'Completed' : 'Error',
        ...(message !== undefined && { message }),
      };
    }
    default:
      return { ...base, state: 'created' };
  }
}

/** An engine may note the start of a short container after its end. */
function later(startedAt: string | undefined, finishedAt: string): string {
  return startedAt !== undefined && startedAt > finishedAt ? startedAt : finishedAt;
}
