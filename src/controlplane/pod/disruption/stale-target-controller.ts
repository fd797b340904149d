/** Takes back the word that a pod is disrupted, when nobody has ended it (kubernetes pkg/controller/disruption). */
import { pods } from '../../../api/kinds/core.ts';
import { keyOf, splitKey, toTime } from '../../../api/meta.ts';
import { isStatusError } from '../../../api/status.ts';
import type { ModuleContext } from '../../kernel/boot/module.ts';
import { controller, type ReconcileResult } from '../../kernel/reconcile/controller.ts';
import { staleTime } from './disruption-target.ts';

export function staleTargetController({ client, informers, clock, log, scope }: ModuleContext): void {
  const cache = informers.for(pods);

  async function reconcile(key: string): Promise<ReconcileResult> {
    const pod = cache.get(key);
    if (!pod) return;
    const at = staleTime(pod);
    if (at === undefined) return;
    const now = clock.now();
    if (now.getTime() < at) return { afterMs: at - now.getTime() };
    const condition = { type: 'DisruptionTarget', status: 'False', lastTransitionTime: toTime(now) };
    const { uid, resourceVersion } = pod.metadata;
    try {
      await client.patch(pods, { ...splitKey(key), subresource: 'status' }, 'strategic', { metadata: { uid, resourceVersion }, status: { conditions: [condition] } });
    } catch (error) {
      // Whoever changed it meanwhile has it looked at again.
      if (!isStatusError(error, 'NotFound', 'Conflict')) throw error;
    }
  }

  const loop = scope.own(controller({ name: 'stale-disruption', clock, log, reconcile }));
  scope.own(cache.onChange(({ type, object }) => type !== 'deleted' && staleTime(object) !== undefined && loop.enqueue(keyOf(object))));
}
