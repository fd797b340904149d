/** Keeps the status of quotas that count images and image streams. */
import { imageStreams } from '../../api/kinds/image.ts';
import { imageQuotas, resourceQuotas } from '../../api/kinds/quota.ts';
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
      const hard = Object.fromEntries(Object.entries(quota.spec?.hard ?? {}).filter(([name]) => imageQuotas.includes(name)));
      const used = quotaUsed(quota, imageUsage(streams.list(quota.metadata.namespace)));
      // What else the status says is told by others.
      const [hardBefore, usedBefore] = [own(quota.status?.hard), own(quota.status?.used)];
      if (equalJson(hard as JsonObject, hardBefore) && equalJson(used, usedBefore)) return;
      const status = { hard: { ...gone(hardBefore), ...hard }, used: { ...gone(usedBefore), ...used } };
      await client.patch(resourceQuotas, { ...splitKey(key), subresource: 'status' }, 'merge', { status }).catch((error: unknown) => {
        if (!isStatusError(error, 'NotFound')) throw error;
      });
    },
  }));
  scope.own(quotas.onChange(({ type, object }) => void (type !== 'deleted' && loop.enqueue(keyOf(object)))));
  scope.own(streams.onChange(({ object }) => {
    for (const quota of quotas.list(object.metadata.namespace)) loop.enqueue(keyOf(quota));
  }));
}

function own(amounts: object | undefined): JsonObject {
  return Object.fromEntries(Object.entries(amounts ?? {}).filter(([name]) => imageQuotas.includes(name)));
}

/** A merge patch takes away what it names so. */
function gone(before: JsonObject): Record<string, null> {
  return Object.fromEntries(Object.keys(before).map((name) => [name, null]));
}
