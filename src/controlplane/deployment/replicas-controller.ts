/** Keeps as many pods as asked for: one implementation for replication controllers and replica sets. */
import { pods, type Pod } from '../../api/kinds/core.ts';
import { copyJson, equalJson } from '../../api/json.ts';
import { controllerOf, keyOf, splitKey, type KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';
import { matches } from '../../api/selector.ts';
import { isStatusError } from '../../api/status.ts';
import { eventRecorder } from '../../client/event-recorder.ts';
import { ifFound } from '../../client/if-found.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller, type ReconcileResult } from '../kernel/reconcile/controller.ts';
import { inGrowingBatches, podFrom, setController } from './owned-pods.ts';
import { burst, planReplicas, replicasStatus, type ReplicaOwner } from './replicas-plan.ts';

export interface ReplicaRules<T extends KubeObject> {
  resource: Resource<T>;
  /** Component of its events. */
  component: string;
  /** Undefined while the object has no template to make pods of. */
  owner(object: T): ReplicaOwner | undefined;
  status(object: T): object | undefined;
}

type Failure = { reason: 'FailedCreate' | 'FailedDelete'; message: string };

export async function startReplicasController<T extends KubeObject>(rules: ReplicaRules<T>, { client, informers, clock, log, scope }: ModuleContext): Promise<void> {
  const recorder = scope.own(eventRecorder(client, rules.component, clock));
  const owners = informers.for(rules.resource);
  const podCache = informers.for(pods);
  await Promise.all([owners.synced, podCache.synced]);

  const loop = scope.own(controller({ name: rules.component, clock, log, reconcile }));
  scope.own(owners.onChange(({ object }) => loop.enqueue(keyOf(object))));
  scope.own(podCache.onChange(({ object, previous }) => {
    for (const pod of previous ? [object, previous] : [object]) {
      const reference = controllerOf(pod);
      if (reference) {
        if (reference.kind === rules.resource.kind) loop.enqueue(`${pod.metadata.namespace}/${reference.name}`);
        continue;
      }
      // An orphan: whoever's selector it meets may adopt it.
      for (const one of owners.list(pod.metadata.namespace)) {
        const owner = rules.owner(one);
        if (owner && matches(owner.selector, pod.metadata.labels)) loop.enqueue(keyOf(one));
      }
    }
  }));

  async function reconcile(key: string): Promise<ReconcileResult> {
    const { namespace } = splitKey(key);
    let object = owners.get(key);
    let owner = object && rules.owner(object);
    if (!object || !owner) return;
    let plan = planReplicas(owner, podCache.list(namespace), clock.now());
    let failure: Failure | undefined;
    if (plan.create + plan.remove.length + plan.adopt.length + plan.release.length > 0) {
      // Caches may be behind what was done a moment ago: nobody acts on them.
      object = await ifFound(client.get(rules.resource, { name: object.metadata.name, namespace }));
      owner = object && rules.owner(object);
      if (!object || !owner) return;
      const all = (await client.list(pods, { namespace })).items;
      plan = planReplicas(owner, all, clock.now());
      failure = await carryOut(owner, plan);
    }
    await writeStatus(object, owner, plan.mine, failure);
    if (failure) throw new Error(failure.message);
    return plan.afterMs === undefined ? undefined : { afterMs: plan.afterMs };
  }

  async function carryOut(owner: ReplicaOwner, plan: ReturnType<typeof planReplicas>): Promise<Failure | undefined> {
    const { object } = owner;
    for (const pod of plan.adopt) await setController(client, pod, object, true);
    for (const pod of plan.release) await setController(client, pod, object, false);
    const failedCreate = await inGrowingBatches(plan.create, async () => {
      try {
        const made = await client.create(pods, podFrom(owner.template, object), { namespace: object.metadata.namespace });
        plan.mine.push(made);
        recorder.normal(object, 'SuccessfulCreate', `Created pod: ${made.metadata.name}`);
      } catch (error) {
        // A project on its way out takes no new pods; nobody needs to be told.
        if (!isStatusError(error) || !error.message.includes('because it is being terminated')) recorder.warning(object, 'FailedCreate', `Error creating: ${(error as Error).message}`);
        throw error;
      }
    });
    if (failedCreate) return { reason: 'FailedCreate', message: failedCreate.message };
    const failedDelete = await inGrowingBatches(plan.remove.length, async (at) => {
      const pod = plan.remove[at] as Pod;
      try {
        await client.delete(pods, { name: pod.metadata.name, namespace: pod.metadata.namespace }, pod.metadata.uid ? { preconditions: { uid: pod.metadata.uid } } : {});
      } catch (error) {
        if (isStatusError(error, 'NotFound', 'Conflict')) return;
        recorder.warning(object, 'FailedDelete', `Error deleting: ${(error as Error).message}`);
        throw error;
      }
      plan.mine.splice(plan.mine.indexOf(pod), 1);
      recorder.normal(object, 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`);
    }, burst);
    return failedDelete && { reason: 'FailedDelete', message: failedDelete.message };
  }

  async function writeStatus(object: T, owner: ReplicaOwner, mine: readonly Pod[], failure: Failure | undefined): Promise<void> {
    const status = replicasStatus(owner, mine, failure, clock.now());
    if (equalJson(rules.status(object), status)) return;
    const { name, namespace } = object.metadata;
    try {
      await client.update(rules.resource, { ...copyJson(object), status } as KubeObject, { name, namespace, subresource: 'status' });
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
    }
  }
}
