import { clusterRoles } from '../../../api/kinds/rbac.ts';
import { equalJson } from '../../../api/json.ts';
import type { ModuleContext } from '../../kernel/boot/module.ts';
import { controller } from '../../kernel/reconcile/controller.ts';
import { aggregated } from './aggregation-plan.ts';

/** Keeps the rules of aggregating roles equal to what their sources say. */
export async function startAggregationController({ client, informers, clock, log, scope }: ModuleContext): Promise<void> {
  const cache = informers.for(clusterRoles);
  await cache.synced;
  const loop = scope.own(controller({
    name: 'clusterrole-aggregation', clock, log, workers: 1,
    async reconcile(name) {
      const role = cache.get(name);
      if (!role?.aggregationRule) return;
      const rules = aggregated(role, cache.list());
      if (!equalJson(rules, role.rules ?? [])) await client.update(clusterRoles, { ...role, rules } as typeof role);
    },
  }));
  const wake = () => {
    for (const role of cache.list()) if (role.aggregationRule) loop.enqueue(role.metadata.name);
  };
  scope.own(cache.onChange(wake));
}
