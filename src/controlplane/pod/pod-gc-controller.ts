/** Removes pods that nobody else will ever remove. */
import { nodes, pods } from '../../api/kinds/core.ts';
import { isTerminal } from '../../api/pod.ts';
import { isStatusError } from '../../api/status.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller } from '../kernel/reconcile/controller.ts';
import { disruptions, noteDisruption } from './disruption/disruption-target.ts';
import { podGarbage } from './pod-gc-plan.ts';

const everyMs = 20_000;

export function podGcController({ client, informers, clock, log, scope }: ModuleContext): void {
  const podCache = informers.for(pods);
  const nodeCache = informers.for(nodes);
  const missingSince = new Map<string, number>();

  const missingMs = (name: string): number => {
    if (nodeCache.get(name)) {
      missingSince.delete(name);
      return 0;
    }
    const now = clock.now().getTime();
    if (!missingSince.has(name)) missingSince.set(name, now);
    return now - (missingSince.get(name) ?? now);
  };
  const collect = async () => {
    await Promise.all([podCache.synced, nodeCache.synced]);
    for (const { pod, why } of podGarbage(podCache.list(), missingMs)) {
      const { name, namespace, uid } = pod.metadata;
      log.info('removing a pod', { pod: name, namespace, why });
      try {
        if (why === 'orphaned' && !isTerminal(pod)) await noteDisruption(client, pod, disruptions.nodeGone, clock.now(), { phase: 'Failed' });
        else if (!isTerminal(pod)) await client.patch(pods, { namespace, name, subresource: 'status' }, 'merge', { metadata: { uid }, status: { phase: 'Failed' } });
        await client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0, ...(uid && { preconditions: { uid } }) });
      } catch (error) {
        if (!isStatusError(error, 'NotFound', 'Conflict')) throw error;
      }
    }
    return { afterMs: everyMs };
  };
  const queue = scope.own(controller({ name: 'pod-gc', reconcile: collect, workers: 1, clock, log }));
  queue.enqueueAfter('all', everyMs);
}
