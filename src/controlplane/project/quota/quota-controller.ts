/** Keeps the status of quotas; what they count of images is the image stage's to tell. */
import { equalJson } from '../../../api/json.ts';
import type { Pod } from '../../../api/kinds/core.ts';
import { resourceQuotas, type ResourceQuota } from '../../../api/kinds/quota.ts';
import { keyOf, splitKey, type KubeObject } from '../../../api/meta.ts';
import { isTerminal } from '../../../api/pod.ts';
import type { Resource } from '../../../api/resource.ts';
import { isStatusError } from '../../../api/status.ts';
import type { Change } from '../../../client/informer.ts';
import type { ModuleContext } from '../../kernel/boot/module.ts';
import { controller } from '../../kernel/reconcile/controller.ts';
import { countedBy, usedText } from './quota-plan.ts';
import { kindsOf, type QuotaUsage } from './quota-usage.ts';

/** `namespaced`: every kind that is stored in a project. Kinds are watched from the first quota on that counts them. */
export function startQuotaController({ client, clock, informers, log, scope }: ModuleContext, usage: QuotaUsage, namespaced: () => readonly Resource[]): void {
  const quotas = informers.for(resourceQuotas);
  const watched = new Set<string>();

  const loop = scope.own(controller({
    name: 'resource-quota', workers: 1, clock, log,
    async reconcile(key) {
      const quota = quotas.get(key);
      if (!quota) return;
      const change = statusOf(quota, usage);
      if (!change) return;
      await client.patch(resourceQuotas, { ...splitKey(key), subresource: 'status' }, 'merge', { status: change }).catch((error: unknown) => {
        if (!isStatusError(error, 'NotFound')) throw error;
      });
    },
  }));

  const watch = (quota: ResourceQuota): void => {
    for (const { plural, group } of kindsOf(quota)) {
      const name = `${plural}.${group}`;
      const resource = namespaced().find((one) => one.plural === plural && one.group === group);
      if (!resource || watched.has(name)) continue;
      watched.add(name);
      scope.own(informers.for(resource as Resource<KubeObject>).onChange((change) => {
        if (!matters(change)) return;
        for (const one of quotas.list(change.object.metadata.namespace)) if (kindsOf(one).some((counted) => counted.plural === plural && counted.group === group)) loop.enqueue(keyOf(one));
      }));
    }
  };
  scope.own(quotas.onChange(({ type, object }) => {
    if (type === 'deleted') return;
    watch(object);
    loop.enqueue(keyOf(object));
  }));
}

/** Of a pod that goes on nothing counts anew; of other things the spec may (a service's type, a claim's size). */
function matters({ type, object, previous }: Change<KubeObject>): boolean {
  if (type !== 'modified' || !previous) return true;
  if (object.kind === 'Pod') return isTerminal(object as Pod) !== isTerminal(previous as Pod);
  return object.metadata.generation === undefined || object.metadata.generation !== previous.metadata.generation;
}

/** What of the status is not so yet; `null` takes away. */
export function statusOf(quota: ResourceQuota, usage: Pick<QuotaUsage, 'of'>): { hard: Record<string, string | null>; used: Record<string, string | null> } | undefined {
  const own = Object.entries((quota.spec?.hard ?? {}) as Record<string, string | number>).filter(([name]) => countedBy(name));
  const used = usage.of(quota);
  const hard: Record<string, string | null> = Object.fromEntries(own.map(([name, value]) => [name, String(value)]));
  const count: Record<string, string | null> = Object.fromEntries(own.map(([name]) => [name, usedText(name, used.get(name) ?? 0)]));
  const before = quota.status ?? {};
  for (const [now, then] of [[hard, before.hard], [count, before.used]] as const) for (const name of Object.keys(then ?? {})) if (countedBy(name) && !(name in now)) now[name] = null;
  const same = (now: object, then: object | undefined) => equalJson(now, Object.fromEntries(Object.entries(then ?? {}).filter(([name]) => countedBy(name)).map(([name, value]) => [name, String(value)])));
  return same(hard, before.hard) && same(count, before.used) ? undefined : { hard, used: count };
}
