import { events, namespaces, pods, type Namespace } from '../../api/kinds/core.ts';
import { copyJson, equalJson } from '../../api/json.ts';
import type { KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';
import { isStatusError } from '../../api/status.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller, type ReconcileResult } from '../kernel/reconcile/controller.ts';
import { contentFinalizer } from './namespace.ts';
import { planDeletion, type Remaining } from './namespace-deletion-plan.ts';

/** Looks again after this long while something remains; deleted pods wake it sooner. */
const lookAgain = 500;
/** Deletions under way at once, in one namespace. */
const atOnce = 32;

/** Empties namespaces that are to go, and lets them go. `namespaced` names every kind of thing that can be in one. */
export async function startDeletionController({ client, informers, clock, log, scope }: ModuleContext, namespaced: () => readonly Resource[]): Promise<void> {
  const cache = informers.for(namespaces);
  const loop = scope.own(controller({ name: 'namespace', clock, log, workers: 2, reconcile }));
  await cache.synced;
  const isEnding = (namespace: Namespace | undefined) => namespace?.metadata.deletionTimestamp !== undefined && (namespace.spec?.finalizers ?? []).includes(contentFinalizer);
  scope.own(cache.onChange(({ type, object }) => {
    if (type !== 'deleted' && isEnding(object)) loop.enqueue(object.metadata.name);
  }));
  scope.own(informers.for(pods).onChange(({ type, object }) => {
    const { namespace = '' } = object.metadata;
    if (type === 'deleted' && isEnding(cache.get(namespace))) loop.enqueue(namespace);
  }));

  async function reconcile(name: string): Promise<ReconcileResult> {
    const namespace = cache.get(name);
    if (!namespace || !isEnding(namespace)) return;
    const failures: string[] = [];
    // Events last, so that the end of the others can still be read until then.
    const order = [...namespaced()].sort((a, b) => Number(a.plural === events.plural) - Number(b.plural === events.plural));
    for (const of of order) {
      try {
        await deleteAll(of, name);
      } catch (error) {
        failures.push(`${of.plural}.${of.group}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    const remaining: Remaining[] = await Promise.all(order.map(async (of) => ({ of, objects: (await client.list(of, { namespace: name })).items })));
    const step = planDeletion(namespace, remaining, failures, clock.now());
    if (step.type === 'finalize') {
      const next = copyJson(namespace) as Namespace;
      next.spec = { ...next.spec, finalizers: step.finalizers };
      await client.update(namespaces, next, { name, subresource: 'finalize' }).catch(ignoring('NotFound'));
      return;
    }
    if (!equalJson(step.conditions, namespace.status?.conditions)) {
      const next = copyJson(namespace) as Namespace;
      next.status = { ...next.status, conditions: step.conditions as NonNullable<Namespace['status']>['conditions'] };
      await client.update(namespaces, next, { name, subresource: 'status' }).catch(ignoring('NotFound', 'Conflict'));
    }
    return { afterMs: lookAgain };
  }

  async function deleteAll(of: Resource, namespace: string): Promise<void> {
    const { items } = await client.list(of, { namespace });
    const waiting: KubeObject[] = items.filter(({ metadata }) => !metadata.deletionTimestamp);
    const work = async () => {
      for (let next = waiting.pop(); next; next = waiting.pop()) {
        const { name } = next.metadata;
        await client.delete(of, { namespace, name }, { propagationPolicy: 'Background' }).catch(ignoring('NotFound'));
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, waiting.length) }, work));
  }
}

const ignoring = (...reasons: string[]) => (error: unknown): void => {
  if (!isStatusError(error, ...reasons)) throw error;
};
