import type { Client } from '../client.ts';
import { alreadyPaused, notPaused, notSupported } from './refusal.ts';
import { hasRolloutAction, type RolloutTarget, type Workload } from './target.ts';

/** Changes wait: nothing is rolled out until `resume`. A rollout under way goes on. */
export const pause = (client: Client, target: RolloutTarget): Promise<void> => setPaused(client, target, true);

/** What changed meanwhile is rolled out as one. */
export const resume = (client: Client, target: RolloutTarget): Promise<void> => setPaused(client, target, false);

async function setPaused(client: Client, target: RolloutTarget, paused: boolean): Promise<void> {
  if (!hasRolloutAction(target.of, 'pause')) throw notSupported(target, paused ? 'pause' : 'resume');
  const { of, namespace, name } = target;
  const { spec } = (await client.get(of, { namespace, name })) as Workload;
  if ((spec.paused ?? false) === paused) throw paused ? alreadyPaused(target) : notPaused(target);
  await client.patch(of, { namespace, name }, 'merge', { spec: { paused } });
}
