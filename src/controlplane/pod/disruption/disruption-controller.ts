/** Keeps the counts of disruption budgets. */
import { deployments, replicaSets } from '../../../api/kinds/apps.ts';
import { pods, type Pod } from '../../../api/kinds/core.ts';
import { podDisruptionBudgets, type PodDisruptionBudget } from '../../../api/kinds/policy.ts';
import { copyJson, equalJson } from '../../../api/json.ts';
import { controllerOf, keyOf, splitKey, type KubeObject, type LabelSelector, type OwnerReference } from '../../../api/meta.ts';
import { resource, splitApiVersion } from '../../../api/resource.ts';
import { allResources } from '../../../api/resources.ts';
import { matchesLabelSelector } from '../../../api/selector.ts';
import { isStatusError } from '../../../api/status.ts';
import { eventRecorder } from '../../../client/event-recorder.ts';
import { ifFound } from '../../../client/if-found.ts';
import type { ModuleContext } from '../../kernel/boot/module.ts';
import { controller, type ReconcileResult } from '../../kernel/reconcile/controller.ts';
import { failedStatus, needsScale, planDisruption, type ExpectedScale } from './disruption-plan.ts';

export function disruptionController({ client, informers, clock, log, scope }: ModuleContext): void {
  const recorder = scope.own(eventRecorder(client, 'controllermanager', clock));
  const cache = informers.for(podDisruptionBudgets);
  const podCache = informers.for(pods);

  const loop = scope.own(controller({ name: 'disruption', clock, log, reconcile }));
  scope.own(cache.onChange(({ object }) => loop.enqueue(keyOf(object))));
  scope.own(podCache.onChange(({ object, previous }) => {
    for (const budget of cache.list(object.metadata.namespace)) if (selects(budget, object) || (previous && selects(budget, previous))) loop.enqueue(keyOf(budget));
  }));

  async function reconcile(key: string): Promise<ReconcileResult> {
    await podCache.synced;
    const { name, namespace } = splitKey(key);
    if (!cache.get(key)) return;
    const budget = await ifFound(client.get(podDisruptionBudgets, { name, namespace }));
    if (!budget) return;
    const own = podCache.list(namespace).filter((pod) => selects(budget, pod));
    let scale: ExpectedScale | undefined;
    try {
      scale = needsScale(budget) ? await scaleOf(own) : undefined;
    } catch (error) {
      const message = (error as Error).message;
      recorder.warning(budget, 'CalculateExpectedPodCountFailed', `Failed to calculate the number of expected pods: ${message}`);
      await writeStatus(budget, failedStatus(budget, message, clock.now()));
      throw error;
    }
    const plan = planDisruption(budget, own, scale, clock.now());
    for (const { type, reason, message } of plan.events) recorder[type === 'Normal' ? 'normal' : 'warning'](budget, reason, message);
    await writeStatus(budget, plan.status);
    return plan.afterMs === undefined ? undefined : { afterMs: plan.afterMs };
  }

  /** What the controllers of the pods want together, each asked once. */
  async function scaleOf(own: readonly Pod[]): Promise<ExpectedScale> {
    const unmanaged: string[] = [];
    const counts = new Map<string, number>();
    for (const pod of own) {
      const owner = controllerOf(pod);
      if (!owner) unmanaged.push(pod.metadata.name);
      else if (!counts.has(owner.uid)) {
        const { uid, replicas } = await wanted(pod.metadata.namespace, owner);
        counts.set(owner.uid, 0);
        counts.set(uid, replicas);
      }
    }
    return { replicas: [...counts.values()].reduce((sum, count) => sum + count, 0), unmanaged };
  }

  /** A replica set that belongs to a deployment stands for all of it. */
  async function wanted(namespace: string | undefined, owner: OwnerReference): Promise<{ uid: string; replicas: number }> {
    if (owner.kind === 'ReplicaSet') {
      const set = await ifFound(client.get(replicaSets, { namespace, name: owner.name }));
      const above = set && controllerOf(set);
      const deployment = above?.kind === 'Deployment' ? await ifFound(client.get(deployments, { namespace, name: above.name })) : undefined;
      if (deployment) return { uid: deployment.metadata.uid ?? '', replicas: deployment.spec.replicas ?? 1 };
    }
    const [group, version] = splitApiVersion(owner.apiVersion);
    const of = allResources.find((one) => one.group === group && one.kind === owner.kind) ?? resource(owner.apiVersion, { kind: owner.kind, plural: `${owner.kind.toLowerCase()}s`, namespaced: true });
    try {
      const scale = (await client.get({ ...of, version }, { namespace, name: owner.name, subresource: 'scale' })) as unknown as { spec?: { replicas?: number } };
      return { uid: owner.uid, replicas: scale.spec?.replicas ?? 0 };
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
      // The owner is gone, and its pods with it soon.
      if (error.status.details?.name === owner.name) return { uid: owner.uid, replicas: 0 };
      throw new Error(`${of.plural}${group && `.${group}`} does not implement the scale subresource`, { cause: error });
    }
  }

  async function writeStatus(budget: PodDisruptionBudget, status: PodDisruptionBudget['status']): Promise<void> {
    if (equalJson(budget.status, status)) return;
    const { name, namespace } = budget.metadata;
    await ifFound(client.update(podDisruptionBudgets, { ...copyJson(budget), status } as KubeObject, { name, namespace, subresource: 'status' }));
  }
}

const selects = ({ spec }: PodDisruptionBudget, pod: Pod): boolean => matchesLabelSelector(spec?.selector as LabelSelector | undefined, pod.metadata.labels);
