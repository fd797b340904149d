/** Rolls Deployments out by way of replica sets. */
import { deployments, replicaSets, revisionAnnotation, type Deployment, type ReplicaSet } from '../../api/kinds/apps.ts';
import { pods } from '../../api/kinds/core.ts';
import { copyJson, equalJson } from '../../api/json.ts';
import { controllerOf, controllerReference, keyOf, splitKey } from '../../api/meta.ts';
import { isStatusError } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { eventRecorder } from '../../client/event-recorder.ts';
import { ifFound } from '../../client/if-found.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller, type ReconcileResult } from '../kernel/reconcile/controller.ts';
import { currentSet, planDeployment, replicasOf, scaled } from './deployment-plan.ts';
import { meets } from './workload.ts';
import { deploymentStatus, type StatusInput } from './deployment-status.ts';

export async function startDeploymentController({ client, informers, clock, log, scope }: ModuleContext): Promise<void> {
  const recorder = scope.own(eventRecorder(client, 'deployment-controller', clock));
  const cache = informers.for(deployments);
  const sets = informers.for(replicaSets);
  const podCache = informers.for(pods);
  await Promise.all([cache.synced, sets.synced, podCache.synced]);

  const loop = scope.own(controller({ name: 'deployment', clock, log, reconcile }));
  scope.own(cache.onChange(({ object }) => loop.enqueue(keyOf(object))));
  scope.own(sets.onChange(({ object, previous }) => {
    for (const set of previous ? [object, previous] : [object]) {
      const reference = controllerOf(set);
      if (reference?.kind === 'Deployment') loop.enqueue(`${set.metadata.namespace}/${reference.name}`);
      else if (!reference) for (const one of cache.list(set.metadata.namespace)) if (meets(one.spec.selector, set.metadata.labels)) loop.enqueue(keyOf(one));
    }
  }));
  // Recreate waits for the last old pod.
  scope.own(podCache.onChange(({ type, object }) => {
    if (type !== 'deleted') return;
    const reference = controllerOf(object);
    const set = reference?.kind === 'ReplicaSet' ? sets.get(`${object.metadata.namespace}/${reference.name}`) : undefined;
    const owner = set && controllerOf(set);
    if (owner?.kind === 'Deployment') loop.enqueue(`${object.metadata.namespace}/${owner.name}`);
  }));

  async function reconcile(key: string): Promise<ReconcileResult> {
    if (!cache.get(key)) return;
    const { name, namespace } = splitKey(key);
    const deployment = await ifFound(client.get(deployments, { name, namespace }));
    if (!deployment) return;
    const owned = await claim(deployment);
    const plan = planDeployment(deployment, owned, podCache.list(namespace));
    for (const { set, annotations, minReadySeconds } of plan.annotate) replace(owned, await update(client, { ...copyJson(set), metadata: { ...copyJson(set.metadata), annotations }, spec: { ...copyJson(set.spec), minReadySeconds } }));
    if (plan.revision !== undefined && deployment.metadata.annotations?.[revisionAnnotation] !== plan.revision) {
      await client.patch(deployments, { name, namespace }, 'merge', { metadata: { annotations: { [revisionAnnotation]: plan.revision } } });
    }
    const outcome: Pick<StatusInput, 'created' | 'createFailure'> = {};
    if (plan.create) {
      try {
        if (await createSet(deployment, plan.create, owned)) outcome.created = true;
      } catch (error) {
        recorder.warning(deployment, 'ReplicaSetCreateError', `Failed to create new replica set "${plan.create.metadata.name}": ${(error as Error).message}`);
        await writeStatus(deployment, { sets: owned, current: undefined, createFailure: (error as Error).message });
        throw error;
      }
    }
    for (const scaling of plan.scale) {
      const set = owned.find(({ metadata }) => metadata.uid === scaling.set.metadata.uid) ?? scaling.set;
      const [from, to] = [replicasOf(set), scaling.replicas];
      replace(owned, await update(client, scaled(deployment, { set, replicas: to })));
      if (from !== to) recorder.normal(deployment, 'ScalingReplicaSet', `Scaled ${to > from ? 'up' : 'down'} replica set ${set.metadata.name} from ${from} to ${to}`);
    }
    for (const set of plan.remove) await client.delete(replicaSets, { name: set.metadata.name, namespace }, { propagationPolicy: 'Background' });
    return writeStatus(deployment, { sets: owned, current: currentSet(deployment, owned), ...outcome });
  }

  /** Replica sets of the deployment, orphans adopted and those that no longer match let go. */
  async function claim(deployment: Deployment): Promise<ReplicaSet[]> {
    const { namespace, uid, deletionTimestamp } = deployment.metadata;
    const mine: ReplicaSet[] = [];
    for (const set of (await client.list(replicaSets, { namespace })).items) {
      const reference = controllerOf(set);
      const fits = meets(deployment.spec.selector, set.metadata.labels);
      if (reference ? reference.uid === uid && (fits || deletionTimestamp) : fits && !deletionTimestamp && !set.metadata.deletionTimestamp) {
        mine.push(reference ? set : await own(set, deployment, true));
      } else if (reference?.uid === uid) await own(set, deployment, false);
    }
    return mine;
  }

  function own(set: ReplicaSet, deployment: Deployment, ours: boolean): Promise<ReplicaSet> {
    const others = (set.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== deployment.metadata.uid);
    return update(client, { ...copyJson(set), metadata: { ...copyJson(set.metadata), ownerReferences: ours ? [...others, controllerReference(deployment)] : others } });
  }

  /** False if the set of that name already is the one wanted. */
  async function createSet(deployment: Deployment, set: ReplicaSet, owned: ReplicaSet[]): Promise<boolean> {
    const { namespace } = deployment.metadata;
    try {
      owned.push(await client.create(replicaSets, set, { namespace }));
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
      const existing = await client.get(replicaSets, { name: set.metadata.name, namespace });
      if (controllerOf(existing)?.uid === deployment.metadata.uid && currentSet(deployment, [existing])) return false;
      // Another template has the same hash: the next try counts the collision in.
      const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
      await client.update(deployments, { ...copyJson(deployment), status: { ...copyJson(deployment.status ?? {}), collisionCount } } as Deployment, { name: deployment.metadata.name, namespace, subresource: 'status' });
      throw error;
    }
    const size = replicasOf(set);
    if (size > 0) recorder.normal(deployment, 'ScalingReplicaSet', `Scaled up replica set ${set.metadata.name} from 0 to ${size}`);
    return true;
  }

  async function writeStatus(deployment: Deployment, input: Omit<StatusInput, 'deployment'>): Promise<ReconcileResult> {
    const { status, afterMs } = deploymentStatus({ deployment, ...input }, clock.now());
    const { name, namespace } = deployment.metadata;
    if (!equalJson(deployment.status, status)) {
      // Annotations were patched a moment ago, so the version read before them would be refused.
      const { resourceVersion: _, ...metadata } = copyJson(deployment.metadata);
      await client.update(deployments, { ...copyJson(deployment), metadata, status } as Deployment, { name, namespace, subresource: 'status' });
    }
    return afterMs === undefined ? undefined : { afterMs };
  }
}

function replace(list: ReplicaSet[], set: ReplicaSet): void {
  const at = list.findIndex(({ metadata }) => metadata.uid === set.metadata.uid);
  if (at >= 0) list[at] = set;
}

const update = (client: Client, set: ReplicaSet): Promise<ReplicaSet> => client.update(replicaSets, set, { name: set.metadata.name, namespace: set.metadata.namespace });
