import type { ReplicationController } from '../../../api/kinds/core.ts';
import type { Scaler } from './scaler.ts';
import { ConditionReached, isBetween, stopAt } from './until.ts';

export interface RecreateOptions {
  scaler: Scaler;
  write(line: string): void;
  from: ReplicationController | undefined;
  to: ReplicationController;
  desired: number;
  timeoutMs: number;
  until?: string | undefined;
  /** Between the end of the old pods and the first new one. */
  mid?(): Promise<void>;
}

/** All old pods end before the first new one starts. Without old ones it is the first rollout of any strategy. */
export async function recreate({ scaler, write, from, to, desired, timeoutMs, until, mid }: RecreateOptions): Promise<void> {
  const { name, namespace } = to.metadata;
  const accept = async (replicas: number) => {
    write(`--> Waiting up to ${duration(timeoutMs)} for pods in rc ${name} to become ready`);
    if (await scaler.untilAvailable(to, replicas, timeoutMs)) return;
    throw new Error(`update acceptor rejected ${name}: pods for rc '${namespace}/${name}' took longer than ${timeoutMs / 1000} seconds to become available`);
  };
  if (from) {
    write(`--> Scaling ${from.metadata.name} down to zero`);
    await scaler.scale(from.metadata.name, 0, timeoutMs);
    if (!(await scaler.untilNoPods(from, timeoutMs))) {
      write('--> Failed to wait for old pods to be terminated: timed out waiting for the condition');
      write('New pods may be scaled up before old pods get terminated!');
    }
  }
  stopAt(until, '0%', 'Reached 0% (no running pods)');
  await mid?.();
  stopAt(until, 'mid', 'mid hook succeeded');
  let size = to.spec.replicas ?? 0;
  if (desired > 0 && from) {
    if (size < 1) {
      write(`--> Scaling ${name} to 1 before performing acceptance check`);
      await scaler.scale(name, (size = 1), timeoutMs);
    }
    await accept(1);
    if (isBetween(until, 1, 99)) throw new ConditionReached(`Reached ${until}`);
  }
  if (desired > 0 && size !== desired) {
    write(`--> Scaling ${name} to ${desired}`);
    await scaler.scale(name, desired, timeoutMs);
  }
  if (desired > 0 && !(from && desired === 1)) await accept(desired);
  if (from ? until === '100%' : isBetween(until, 1, 100)) throw new ConditionReached(`Reached ${until}`);
}

/** `10m0s`, `45s`, as Go prints it. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  return `${hours > 0 ? `${hours}h` : ''}${hours + minutes > 0 ? `${minutes}m` : ''}${seconds % 60}s`;
}
