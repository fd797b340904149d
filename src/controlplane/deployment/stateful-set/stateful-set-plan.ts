/** Pods with names that last: which are made, replaced, ended next, and in what order (kubernetes pkg/controller/statefulset). Pure. */
import { revisionHashLabel, statefulSetLabels, type StatefulSet } from '../../../api/kinds/apps.ts';
import type { PersistentVolumeClaim, Pod, PodTemplateSpec } from '../../../api/kinds/core.ts';
import { copyJson } from '../../../api/json.ts';
import { controllerReference } from '../../../api/meta.ts';
import { isPodReady } from '../../../api/pod.ts';
import { resolveIntOrPercent } from '../int-or-percent.ts';
import { isAvailable } from '../replicas-plan.ts';

export interface RevisionPair {
  /** Names of the revisions that pods come from and go to. */
  current: string;
  update: string;
  template(revision: string): PodTemplateSpec | undefined;
}

export interface StatefulSetPlan {
  /** Ordinal and revision. */
  create: { ordinal: number; revision: string }[];
  remove: { pod: Pod; why: 'failed' | 'ended' | 'scaled' | 'update' }[];
  /** When a pod becomes available by merely staying ready. */
  afterMs?: number;
}

export const claimName = (template: string, set: StatefulSet, ordinal: number) => `${template}-${set.metadata.name}-${ordinal}`;
export const podName = (set: StatefulSet, ordinal: number) => `${set.metadata.name}-${ordinal}`;

/** Undefined for a name that is not of this set. */
export function ordinalOf(set: StatefulSet, name: string): number | undefined {
  const prefix = `${set.metadata.name}-`;
  const rest = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return /^\d+$/.test(rest) ? Number(rest) : undefined;
}

export const revisionOf = (pod: Pod) => pod.metadata.labels?.[revisionHashLabel];
const ended = (pod: Pod) => pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded';
const leaving = (pod: Pod) => pod.metadata.deletionTimestamp !== undefined;
const healthy = (pod: Pod) => pod.status?.phase === 'Running' && isPodReady(pod) && !leaving(pod);

/** `pods`: those of the set. */
export function planStatefulSet(set: StatefulSet, pods: readonly Pod[], revisions: RevisionPair, now: Date): StatefulSetPlan {
  const plan: StatefulSetPlan = { create: [], remove: [] };
  if (set.metadata.deletionTimestamp) return plan;
  const { spec } = set;
  const start = spec.ordinals?.start ?? 0;
  const replicas = spec.replicas ?? 1;
  const oneByOne = spec.podManagementPolicy !== 'Parallel';
  const minReady = spec.minReadySeconds ?? 0;
  const byOrdinal = new Map(pods.map((pod) => [ordinalOf(set, pod.metadata.name) ?? -1, pod]));
  const wanted = Array.from({ length: replicas }, (_, at) => start + at);
  const surplus = [...byOrdinal].filter(([ordinal]) => ordinal < start || ordinal >= start + replicas).sort(([one], [other]) => other - one).map(([, pod]) => pod);
  const ready = (pod: Pod) => healthy(pod) && isAvailable(pod, minReady, now);
  const waits = pods.filter((pod) => healthy(pod) && !ready(pod)).map((pod) => Date.parse(pod.status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime ?? '') + minReady * 1000 - now.getTime());
  if (waits.length > 0) plan.afterMs = Math.max(0, Math.min(...waits));

  for (const ordinal of wanted) {
    const pod = byOrdinal.get(ordinal);
    // Made again under the same name once it is gone.
    if (pod && ended(pod) && !leaving(pod)) plan.remove.push({ pod, why: pod.status?.phase === 'Failed' ? 'failed' : 'ended' });
    else if (!pod) plan.create.push({ ordinal, revision: revisionFor(set, ordinal, revisions) });
    else if (!oneByOne || ready(pod)) continue;
    if (oneByOne) return plan;
  }
  for (const pod of surplus) {
    if (!leaving(pod)) plan.remove.push({ pod, why: 'scaled' });
    if (oneByOne) return plan;
  }
  if (plan.create.length > 0 || plan.remove.length > 0 || spec.updateStrategy?.type === 'OnDelete') return plan;
  const partition = start + (spec.updateStrategy?.rollingUpdate?.partition ?? 0);
  const most = mostMissing(spec);
  if (most > 1) {
    const missing = wanted.filter((ordinal) => { const pod = byOrdinal.get(ordinal); return !pod || !ready(pod); }).length;
    const outdated = wanted.toReversed().flatMap((ordinal) => byOrdinal.get(ordinal) ?? []).filter((pod) => (ordinalOf(set, pod.metadata.name) ?? -1) >= partition && revisionOf(pod) !== revisions.update && !leaving(pod));
    for (const pod of outdated.slice(0, Math.max(0, most - missing))) plan.remove.push({ pod, why: 'update' });
    return plan;
  }
  for (const ordinal of wanted.toReversed()) {
    const pod = byOrdinal.get(ordinal);
    if (ordinal < partition || !pod) break;
    if (revisionOf(pod) !== revisions.update && !leaving(pod)) {
      plan.remove.push({ pod, why: 'update' });
      return plan;
    }
    // The one before it is replaced when this one serves.
    if (!ready(pod)) return plan;
  }
  return plan;
}

/** Pods that may be missing during an update; a share is rounded up. */
function mostMissing({ replicas = 1, updateStrategy }: StatefulSet['spec']): number {
  const { maxUnavailable } = (updateStrategy?.rollingUpdate ?? {}) as { maxUnavailable?: number | string };
  return maxUnavailable === undefined ? 1 : Math.max(1, resolveIntOrPercent(maxUnavailable, replicas, 'up'));
}

/** Below the partition a pod stays what it was. */
function revisionFor({ spec }: StatefulSet, ordinal: number, { current, update }: RevisionPair): string {
  const partition = (spec.ordinals?.start ?? 0) + (spec.updateStrategy?.rollingUpdate?.partition ?? 0);
  return spec.updateStrategy?.type === 'RollingUpdate' && ordinal < partition ? current : update;
}

export function statefulPod(set: StatefulSet, ordinal: number, revision: string, template: PodTemplateSpec): Pod {
  const { metadata, spec } = copyJson(template);
  const name = podName(set, ordinal);
  const claims = (set.spec.volumeClaimTemplates ?? []).map((one) => one.metadata?.name ?? '');
  const volumes = [...(spec?.volumes ?? []).filter((volume) => !claims.includes(volume.name)), ...claims.map((claim) => ({ name: claim, persistentVolumeClaim: { claimName: claimName(claim, set, ordinal) } }))];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      ...(set.metadata.namespace && { namespace: set.metadata.namespace }),
      labels: { ...metadata?.labels, [statefulSetLabels.podName]: name, [statefulSetLabels.podIndex]: String(ordinal), [revisionHashLabel]: revision },
      ...(metadata?.annotations && { annotations: metadata.annotations }),
      ...(metadata?.finalizers && { finalizers: metadata.finalizers }),
      ownerReferences: [controllerReference(set)],
    },
    spec: { ...spec, hostname: name, ...(set.spec.serviceName && { subdomain: set.spec.serviceName }), ...(volumes.length > 0 && { volumes }) },
  } as Pod;
}

/** Claims of a pod, as they are made before it. They outlive it, unless the set says otherwise. */
export function claimsFor(set: StatefulSet, ordinal: number): PersistentVolumeClaim[] {
  return (set.spec.volumeClaimTemplates ?? []).map((template) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: claimName(template.metadata?.name ?? '', set, ordinal),
      ...(set.metadata.namespace && { namespace: set.metadata.namespace }),
      labels: { ...template.metadata?.labels, ...set.spec.selector.matchLabels },
      ...(template.metadata?.annotations && { annotations: { ...template.metadata.annotations } }),
    },
    spec: copyJson(template.spec ?? {}),
  })) as PersistentVolumeClaim[];
}

export function statefulSetStatus(set: StatefulSet, pods: readonly Pod[], { current, update }: RevisionPair, now: Date): NonNullable<StatefulSet['status']> {
  const made = pods.filter((pod) => !ended(pod));
  const staying = made.filter((pod) => !leaving(pod));
  const of = (revision: string) => staying.filter((pod) => revisionOf(pod) === revision).length;
  const available = staying.filter((pod) => healthy(pod) && isAvailable(pod, set.spec.minReadySeconds ?? 0, now)).length;
  const ready = made.filter((pod) => pod.status?.phase === 'Running' && isPodReady(pod)).length;
  const updated = of(update);
  // When every pod is of the new revision and serves, that is the current one.
  const settled = set.spec.updateStrategy?.type === 'RollingUpdate' && updated === (set.spec.replicas ?? 1) && ready === updated && made.length === updated;
  const currentReplicas = settled ? updated : of(current);
  return {
    replicas: made.length,
    ...(ready > 0 && { readyReplicas: ready }),
    availableReplicas: available,
    ...(currentReplicas > 0 && { currentReplicas }),
    ...(updated > 0 && { updatedReplicas: updated }),
    currentRevision: settled ? update : current,
    updateRevision: update,
    collisionCount: set.status?.collisionCount ?? 0,
    ...(set.metadata.generation !== undefined && { observedGeneration: set.metadata.generation }),
  };
}
