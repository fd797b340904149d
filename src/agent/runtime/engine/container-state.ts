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

/** `refused`: why it never ran, if this agent knows. */
export function statusOf({ Id, Created, State }: EngineContainer, { mark, sandboxId }: KnownContainer, refused?: string): ContainerStatus {
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
      const oom = State.OOMKilled === true;
      const neverRan = startedAt === undefined;
      const message = oom ? `used more memory than its limit of ${mark.memoryLimit} bytes` : State.Error || undefined;
      return {
        ...base, state: 'exited', exitCode, ...(startedAt && { startedAt }), finishedAt: engineTime(State.FinishedAt) ?? new Date().toISOString(),
        ...(exitCode > 128 && exitCode < 193 && { signal: exitCode - 128 }),
        reason: oom ? 'OOMKilled' : neverRan ? 'ContainerCannotRun' : exitCode === 0 ? 'Completed' : 'Error',
        ...(message !== undefined && { message }),
      };
    }
    default:
      return { ...base, state: 'created' };
  }
}
