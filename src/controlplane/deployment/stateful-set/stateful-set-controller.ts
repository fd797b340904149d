/** Keeps the pods of stateful sets, one name each, with the claims that belong to the name. */
import { statefulSets, type StatefulSet } from '../../../api/kinds/apps.ts';
import { persistentVolumeClaims, pods, type PersistentVolumeClaim, type Pod, type PodTemplateSpec } from '../../../api/kinds/core.ts';
import { copyJson, equalJson } from '../../../api/json.ts';
import { controllerOf, keyOf, splitKey, type KubeObject, type OwnerReference } from '../../../api/meta.ts';
import { isStatusError } from '../../../api/status.ts';
import { eventRecorder } from '../../../client/event-recorder.ts';
import { ifFound } from '../../../client/if-found.ts';
import type { ModuleContext } from '../../kernel/boot/module.ts';
import { controller, type ReconcileResult } from '../../kernel/reconcile/controller.ts';
import { syncRevisions, templateOf, trimRevisions, type Revisions } from '../controller-revision.ts';
import { setController } from '../owned-pods.ts';
import { meets } from '../workload.ts';
import { claimName, claimsFor, ordinalOf, planStatefulSet, podName, revisionOf, statefulPod, statefulSetStatus, type RevisionPair, type StatefulSetPlan } from './stateful-set-plan.ts';

export async function startStatefulSetController({ client, informers, clock, log, scope }: ModuleContext): Promise<void> {
  const recorder = scope.own(eventRecorder(client, 'statefulset-controller', clock));
  const cache = informers.for(statefulSets);
  const podCache = informers.for(pods);
  await Promise.all([cache.synced, podCache.synced]);

  const loop = scope.own(controller({ name: 'statefulset-controller', clock, log, reconcile }));
  scope.own(cache.onChange(({ object }) => loop.enqueue(keyOf(object))));
  scope.own(podCache.onChange(({ object }) => {
    const owner = controllerOf(object);
    if (owner) {
      if (owner.kind === 'StatefulSet') loop.enqueue(`${object.metadata.namespace}/${owner.name}`);
      return;
    }
    for (const set of cache.list(object.metadata.namespace)) if (fits(set, object)) loop.enqueue(keyOf(set));
  }));

  async function reconcile(key: string): Promise<ReconcileResult> {
    const { namespace, name } = splitKey(key);
    if (!cache.get(key)) return;
    const set = await ifFound(client.get(statefulSets, { name, namespace }));
    if (!set) return;
    const own = await claim(set, (await client.list(pods, { namespace })).items);
    const history = await syncRevisions(client, set as unknown as Parameters<typeof syncRevisions>[1]);
    const revisions = pairOf(set, history);
    const plan = planStatefulSet(set, own, revisions, clock.now());
    await retainClaims(set, own, plan);
    // A pod that waits may wait for a claim that somebody deleted.
    for (const pod of own) if (pod.status?.phase === 'Pending' && !pod.metadata.deletionTimestamp) for (const one of claimsFor(set, ordinalOf(set, pod.metadata.name) ?? 0)) await createClaim(set, one, pod.metadata.name);
    try {
      for (const { ordinal, revision } of plan.create) own.push(await create(set, ordinal, revision, revisions));
      for (const one of plan.remove) await remove(set, one);
    } finally {
      await writeStatus(set, own, revisions);
    }
    await trimRevisions(client, set as unknown as Parameters<typeof syncRevisions>[1], history, new Set([revisions.current, revisions.update, ...own.flatMap((pod) => revisionOf(pod) ?? [])]));
    return plan.afterMs === undefined ? undefined : { afterMs: plan.afterMs };
  }

  /** The set's pods; orphans with its names are adopted, those that no longer fit let go. */
  async function claim(set: StatefulSet, all: readonly Pod[]): Promise<Pod[]> {
    const mine: Pod[] = [];
    for (const pod of all) {
      const owner = controllerOf(pod);
      if (owner ? owner.uid !== set.metadata.uid : !fits(set, pod)) continue;
      if (owner && !fits(set, pod)) await setController(client, pod, set, false);
      else {
        if (!owner && !set.metadata.deletionTimestamp) await setController(client, pod, set, true);
        mine.push(pod);
      }
    }
    return mine;
  }

  async function create(set: StatefulSet, ordinal: number, revision: string, revisions: RevisionPair): Promise<Pod> {
    const name = podName(set, ordinal);
    try {
      for (const one of claimsFor(set, ordinal)) await createClaim(set, one, name);
      const made = await client.create<Pod>(pods, statefulPod(set, ordinal, revision, revisions.template(revision) ?? set.spec.template), { namespace: set.metadata.namespace });
      recorder.normal(set, 'SuccessfulCreate', `create Pod ${name} in StatefulSet ${set.metadata.name} successful`);
      return made;
    } catch (error) {
      if (!isStatusError(error) || !error.message.includes('because it is being terminated')) recorder.warning(set, 'FailedCreate', `create Pod ${name} in StatefulSet ${set.metadata.name} failed error: ${(error as Error).message}`);
      throw error;
    }
  }

  async function createClaim(set: StatefulSet, wanted: PersistentVolumeClaim, pod: string): Promise<void> {
    const { name, namespace } = wanted.metadata;
    if (await ifFound(client.get(persistentVolumeClaims, { name, namespace }))) return;
    const retention = set.spec.persistentVolumeClaimRetentionPolicy;
    if (retention?.whenDeleted === 'Delete') wanted.metadata.ownerReferences = [ownedBy(set)];
    await client.create(persistentVolumeClaims, wanted, { namespace });
    recorder.normal(set, 'SuccessfulCreate', `create Claim ${name} Pod ${pod} in StatefulSet ${set.metadata.name} success`);
  }

  async function remove(set: StatefulSet, { pod, why }: StatefulSetPlan['remove'][number]): Promise<void> {
    const { name, namespace, uid } = pod.metadata;
    if (why === 'ended') recorder.normal(set, 'RecreatingTerminatedPod', `StatefulSet ${namespace}/${set.metadata.name} is recreating terminated Pod ${name}`);
    if (why === 'failed') recorder.warning(set, 'RecreatingFailedPod', `StatefulSet ${namespace}/${set.metadata.name} is recreating failed Pod ${name}`);
    try {
      await client.delete(pods, { name, namespace }, uid ? { preconditions: { uid } } : {});
      recorder.normal(set, 'SuccessfulDelete', `delete Pod ${name} in StatefulSet ${set.metadata.name} successful`);
    } catch (error) {
      if (!isStatusError(error, 'NotFound', 'Conflict')) throw error;
    }
  }

  /** Whose the claims are decides what ends them: the set's with the set, a surplus pod's with the pod, else nobody's. */
  async function retainClaims(set: StatefulSet, own: readonly Pod[], plan: StatefulSetPlan): Promise<void> {
    const { whenDeleted, whenScaled } = set.spec.persistentVolumeClaimRetentionPolicy ?? {};
    if (whenDeleted !== 'Delete' && whenScaled !== 'Delete') return;
    const leaving = new Set(plan.remove.filter((one) => one.why === 'scaled').map(({ pod }) => pod.metadata.uid));
    for (const pod of own) {
      const ordinal = ordinalOf(set, pod.metadata.name) ?? 0;
      const wanted = [...(whenDeleted === 'Delete' ? [ownedBy(set)] : []), ...(whenScaled === 'Delete' && leaving.has(pod.metadata.uid) ? [ownedBy(pod)] : [])];
      for (const template of set.spec.volumeClaimTemplates ?? []) await ownClaim(claimName(template.metadata?.name ?? '', set, ordinal), set, pod, wanted);
    }
  }

  async function ownClaim(name: string, set: StatefulSet, pod: Pod, wanted: readonly OwnerReference[]): Promise<void> {
    const { namespace } = set.metadata;
    const held = await ifFound(client.get(persistentVolumeClaims, { name, namespace }));
    if (!held) return;
    const others = (held.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== set.metadata.uid && uid !== pod.metadata.uid);
    const references = [...others, ...wanted];
    if (equalJson(held.metadata.ownerReferences ?? [], references)) return;
    await client.patch(persistentVolumeClaims, { name, namespace }, 'merge', { metadata: { resourceVersion: held.metadata.resourceVersion, ownerReferences: references.length > 0 ? references : null } });
  }

  async function writeStatus(set: StatefulSet, own: readonly Pod[], revisions: RevisionPair): Promise<void> {
    const status = statefulSetStatus(set, own, revisions, clock.now());
    if (equalJson(set.status, status)) return;
    const { name, namespace } = set.metadata;
    await ifFound(client.update(statefulSets, { ...copyJson(set), status } as KubeObject, { name, namespace, subresource: 'status' }));
  }
}

const fits = (set: StatefulSet, pod: Pod) => ordinalOf(set, pod.metadata.name) !== undefined && meets(set.spec.selector, pod.metadata.labels);

function ownedBy({ apiVersion, kind, metadata: { name, uid } }: KubeObject): OwnerReference {
  return { apiVersion: apiVersion ?? 'v1', kind: kind ?? 'Pod', name, uid: uid ?? '' };
}

function pairOf(set: StatefulSet, { all, update }: Revisions): RevisionPair {
  const known = all.find(({ metadata }) => metadata.name === set.status?.currentRevision);
  return {
    current: (known ?? update).metadata.name,
    update: update.metadata.name,
    template: (name) => {
      const revision = all.find(({ metadata }) => metadata.name === name);
      return revision && templateOf<PodTemplateSpec>(revision);
    },
  };
}
