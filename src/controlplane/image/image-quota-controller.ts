/** Keeps the status of quotas that count images and image streams. */
import { imageStreams } from '../../api/kinds/image.ts';
import { enforcedQuotas, resourceQuotas, type ResourceQuota } from '../../api/kinds/quota.ts';
import { keyOf, splitKey } from '../../api/meta.ts';
import { equalJson, type JsonObject } from '../../api/json.ts';
import { isStatusError } from '../../api/status.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller } from '../kernel/reconcile/controller.ts';
import { imageUsage, quotaUsed } from './image-limits-plan.ts';

export function startImageQuotaController({ client, clock, informers, log, scope }: ModuleContext): void {
  const streams = informers.for(imageStreams);
  const quotas = informers.for(resourceQuotas);
  const loop = scope.own(controller({
    name: 'image-quota', workers: 1, clock, log,
    async reconcile(key) {
      const quota = quotas.get(key);
      if (!quota) return;
      await streams.synced;
      const hard = Object.fromEntries(Object.entries(quota.spec?.hard ?? {}).filter(([name]) => enforcedQuotas.includes(name)));
      const status = { hard, used: quotaUsed(quota, imageUsage(streams.list(quota.metadata.namespace))) };
      if (equalJson(status as JsonObject, (quota.status ?? {}) as JsonObject)) return;
      const next: ResourceQuota = { ...quota, status };
      await client.update(resourceQuotas, next, { ...splitKey(key), subresource: 'status' }).catch((error: unknown) => {
        if (!isStatusError(error, 'NotFound')) throw error;
      });
    },
  }));
  scope.own(quotas.onChange(({ type, object }) => void (type !== 'deleted' && loop.enqueue(keyOf(object)))));
  scope.own(streams.onChange(({ object }) => {
    for (const quota of quotas.list(object.metadata.namespace)) loop.enqueue(keyOf(quota));
  }));
}
