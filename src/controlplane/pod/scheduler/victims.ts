/** Carries out what `preemption.ts` found. */
import { pods, type Pod } from '../../../api/kinds/core.ts';
import { isStatusError } from '../../../api/status.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Client } from '../../../client/client.ts';
import type { EventRecorder } from '../../../client/event-recorder.ts';
import { disruptions, noteDisruption } from '../disruption/disruption-target.ts';
import type { Preemption } from './preemption.ts';

/** Each victim is told why, then it ends with the grace it has. */
export async function victimsGiveWay({ client, events, clock }: { client: Client; events: EventRecorder; clock: Clock }, pod: Pod, { node, victims }: Preemption): Promise<void> {
  await Promise.all(victims.map(async (victim) => {
    const { name, namespace, uid } = victim.metadata;
    try {
      await noteDisruption(client, victim, disruptions.preemption, clock.now());
      await client.delete(pods, { name, namespace }, uid ? { preconditions: { uid } } : {});
    } catch (error) {
      // Gone already: so much the better.
      if (isStatusError(error, 'NotFound', 'Conflict')) return;
      throw error;
    }
    events.normal(victim, 'Preempted', `Preempted by pod ${pod.metadata.uid} on node ${node}`);
  }));
}
