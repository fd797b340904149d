import type { RollingParams } from '../../../api/kinds/deployment-config.ts';
import type { ReplicationController } from '../../../api/kinds/core.ts';
import { fenceposts } from '../int-or-percent.ts';
import { recreate } from './recreate.ts';
import { scaleDownTo, scaleUpTo } from './rolling-step.ts';
import type { Scaler } from './scaler.ts';
import { ConditionReached, percentage, stopAt } from './until.ts';

export interface RollingOptions {
  scaler: Scaler;
  write(line: string): void;
  from: ReplicationController | undefined;
  to: ReplicationController;
  desired: number;
  parameters: RollingParams;
  until?: string | undefined;
}

/** Old pods make room for new ones step by step, as many staying available as the parameters say. */
export async function rolling({ scaler, write, from, to, desired, parameters, until }: RollingOptions): Promise<void> {
  const timeoutMs = (parameters.timeoutSeconds ?? 600) * 1000;
  if (!from) return recreate({ scaler, write, from, to, desired, timeoutMs, until });
  stopAt(until, '0%', 'Reached 0% (before rollout)');
  const { surge, unavailable } = fenceposts(parameters.maxSurge, parameters.maxUnavailable, desired);
  const minAvailable = desired === 0 ? 0 : Math.max(0, desired - unavailable);
  const [oldName, newName] = [from.metadata.name, to.metadata.name];
  const sizes = { old: from.spec.replicas ?? 0, new: to.spec.replicas ?? 0 };
  const state = () => ({ ...sizes, desired, surge, minAvailable, newAvailable: scaler.available(to) });
  write(`--> Scaling up ${newName} from ${sizes.new} to ${desired}, scaling down ${oldName} from ${sizes.old} to 0 (keep ${minAvailable} pods available, don't exceed ${desired + surge} pods)`);

  const goal = Math.abs(desired - sizes.new);
  const progress = (share: number) => {
    if (share >= (percentage(until) ?? Infinity)) throw new ConditionReached(`Reached ${until} (currently ${share}%)`);
  };
  const share = () => (goal === 0 ? 100 : Math.floor(((goal - Math.abs(desired - sizes.new)) * 100) / goal));
  let updates = 0;
  while (sizes.new !== desired || sizes.old !== 0) {
    const up = scaleUpTo(state());
    if (up !== sizes.new) {
      // The period lies between updates of pods, not before the first or after the last.
      if (updates > 0) await scaler.pause((parameters.updatePeriodSeconds ?? 1) * 1000);
      updates += 1;
      write(`    Scaling ${newName} up to ${up}`);
      await scaler.scale(newName, up, timeoutMs);
      sizes.new = up;
      progress(share());
    }
    const moved = await scaler.until(timeoutMs, () => scaleDownTo(state()) !== sizes.old || scaleUpTo(state()) !== sizes.new || (sizes.old === 0 && sizes.new === desired));
    if (!moved) throw new Error('timed out waiting for any update progress to be made');
    const down = scaleDownTo(state());
    if (down !== sizes.old) {
      write(`    Scaling ${oldName} down to ${down}`);
      await scaler.scale(oldName, down, timeoutMs);
      sizes.old = down;
      progress(share());
    }
  }
  progress(100);
  if (!(await scaler.untilAvailable(to, desired, timeoutMs))) throw new Error(`pods for rc '${to.metadata.namespace}/${newName}' took longer than ${timeoutMs / 1000} seconds to become available`);
}
