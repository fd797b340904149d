/** One step of a Deployment's rollout: from the deployment and its replica sets to what to create, scale and delete. Pure. */
import { revisionAnnotation, templateHashLabel, type Deployment, type ReplicaSet } from '../../api/kinds/apps.ts';
import type { Pod } from '../../api/kinds/core.ts';
import { copyJson, equalJson } from '../../api/json.ts';
import { controllerReference } from '../../api/meta.ts';
import { isTerminal } from '../../api/pod.ts';
import { fenceposts } from './int-or-percent.ts';
import { templateHash } from './template-hash.ts';

const revisionHistoryAnnotation = 'deployment.kubernetes.io/revision-history';
const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas';
const maximumAnnotation = 'deployment.kubernetes.io/max-replicas';
/** Annotations of the deployment that its replica sets do not inherit. */
const notInherited = new Set(['kubectl.kubernetes.io/last-applied-configuration', revisionAnnotation, revisionHistoryAnnotation, desiredAnnotation, maximumAnnotation, 'deprecated.deployment.rollback.to']);

export interface Scaling {
  set: ReplicaSet;
  replicas: number;
}

export interface DeploymentPlan {
  /** The replica set of the current template, if it exists. */
  current?: ReplicaSet;
  create?: ReplicaSet;
  scale: Scaling[];
  /** Replica sets whose annotations or minReadySeconds must follow the deployment. */
  annotate: { set: ReplicaSet; annotations: Record<string, string>; minReadySeconds: number }[];
  remove: ReplicaSet[];
  /** The revision the deployment shows; undefined while it does not change. */
  revision?: string;
}

export function planDeployment(deployment: Deployment, sets: readonly ReplicaSet[], pods: readonly Pod[]): DeploymentPlan {
  const current = currentSet(deployment, sets);
  const old = sets.filter((set) => set !== current);
  const nothing = { scale: [], annotate: [], remove: [], ...(current && { current }) };
  if (deployment.metadata.deletionTimestamp) return nothing;
  const revision = String(Math.max(0, ...old.map(revisionOf)) + 1);
  if (deployment.spec.paused) {
    // No new set is made, but the one of a template that is there keeps its place in the history.
    return { ...nothing, ...(current && noted(deployment, current, String(Math.max(Number(revision), revisionOf(current))))), scale: proportional(deployment, current, old), remove: outdated(deployment, old) };
  }
  if (!current) {
    if (wantsRecreate(deployment)) {
      const down = old.filter((set) => replicasOf(set) > 0).map((set) => ({ set, replicas: 0 }));
      if (down.length > 0 || stillRunning(old, pods)) return { ...nothing, scale: down };
    }
    return { ...nothing, create: newSet(deployment, sets, revision), revision };
  }
  const shown = Number(revision) > revisionOf(current) ? revision : String(revisionOf(current));
  const base = { ...nothing, ...noted(deployment, current, shown) };
  if (wasScaled(deployment, sets)) return { ...base, scale: proportional(deployment, current, old) };
  const scale = wantsRecreate(deployment) ? recreate(deployment, current, old, pods) : roll(deployment, current, old);
  return { ...base, scale, remove: isComplete(deployment, current, sets) ? outdated(deployment, old) : [] };
}

function noted(deployment: Deployment, current: ReplicaSet, shown: string): Pick<DeploymentPlan, 'annotate' | 'revision'> {
  return { annotate: followDeployment(deployment, current, shown), ...(deployment.metadata.annotations?.[revisionAnnotation] !== shown && { revision: shown }) };
}

const wantsRecreate = (deployment: Deployment) => deployment.spec.strategy?.type === 'Recreate';
export const replicasOf = (set: ReplicaSet) => set.spec.replicas ?? 1;
const wanted = (deployment: Deployment) => deployment.spec.replicas ?? 1;
const available = (set: ReplicaSet) => set.status?.availableReplicas ?? 0;
const total = (sets: readonly ReplicaSet[], count: (set: ReplicaSet) => number) => sets.reduce((sum, set) => sum + count(set), 0);
export const revisionOf = (set: ReplicaSet) => Number(set.metadata.annotations?.[revisionAnnotation] ?? 0) || 0;
const byAge = (a: ReplicaSet, b: ReplicaSet) => {
  const difference = (Date.parse(a.metadata.creationTimestamp ?? '') || 0) - (Date.parse(b.metadata.creationTimestamp ?? '') || 0);
  return difference || (a.metadata.name < b.metadata.name ? -1 : 1);
};

/** Pods above and below the wanted number during a rolling update. */
export function bounds(deployment: Deployment): { surge: number; unavailable: number } {
  if (wantsRecreate(deployment)) return { surge: 0, unavailable: 0 };
  const { maxSurge, maxUnavailable } = deployment.spec.strategy?.rollingUpdate ?? {};
  return fenceposts(maxSurge, maxUnavailable, wanted(deployment));
}

function withoutHash(template: ReplicaSet['spec']['template']): unknown {
  const copy = copyJson(template ?? {}) as { metadata?: { labels?: Record<string, string>; creationTimestamp?: unknown } };
  delete copy.metadata?.labels?.[templateHashLabel];
  delete copy.metadata?.creationTimestamp;
  if (copy.metadata?.labels && Object.keys(copy.metadata.labels).length === 0) delete copy.metadata.labels;
  if (copy.metadata && Object.keys(copy.metadata).length === 0) delete copy.metadata;
  return copy;
}

/** The oldest replica set with the deployment's template. */
export function currentSet(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  const template = withoutHash(deployment.spec.template);
  return [...sets].sort(byAge).find((set) => equalJson(withoutHash(set.spec.template), template));
}

function inherited(deployment: Deployment): Record<string, string> {
  return Object.fromEntries(Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => !notInherited.has(key)));
}

function sizeAnnotations(deployment: Deployment): Record<string, string> {
  const replicas = wanted(deployment);
  return { [desiredAnnotation]: String(replicas), [maximumAnnotation]: String(replicas + bounds(deployment).surge) };
}

function newSet(deployment: Deployment, sets: readonly ReplicaSet[], revision: string): ReplicaSet {
  const template = copyJson(deployment.spec.template);
  const hash = templateHash(template, deployment.status?.collisionCount);
  template.metadata = { ...template.metadata, labels: { ...template.metadata?.labels, [templateHashLabel]: hash } };
  const selector = deployment.spec.selector;
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      ...(deployment.metadata.namespace && { namespace: deployment.metadata.namespace }),
      labels: { ...template.metadata.labels, [templateHashLabel]: hash },
      annotations: { ...inherited(deployment), ...sizeAnnotations(deployment), [revisionAnnotation]: revision },
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas: newSetReplicas(deployment, sets, 0),
      ...(deployment.spec.minReadySeconds && { minReadySeconds: deployment.spec.minReadySeconds }),
      selector: { ...copyJson(selector), matchLabels: { ...selector.matchLabels, [templateHashLabel]: hash } },
      template,
    },
  };
}

/** How large the new set may be now, given that all sets together stay below the surge. */
function newSetReplicas(deployment: Deployment, sets: readonly ReplicaSet[], now: number): number {
  const replicas = wanted(deployment);
  if (wantsRecreate(deployment)) return replicas;
  const room = replicas + bounds(deployment).surge - total(sets, replicasOf);
  return room <= 0 ? now : now + Math.min(room, replicas - now);
}

function followDeployment(deployment: Deployment, current: ReplicaSet, revision: string): DeploymentPlan['annotate'] {
  const before = current.metadata.annotations ?? {};
  const annotations: Record<string, string> = { ...before, ...inherited(deployment), [revisionAnnotation]: revision };
  const past = before[revisionAnnotation];
  if (past !== undefined && past !== revision) {
    const history = before[revisionHistoryAnnotation];
    annotations[revisionHistoryAnnotation] = history ? `${history},${past}` : past;
  }
  const minReadySeconds = deployment.spec.minReadySeconds ?? 0;
  return equalJson(annotations, before) && minReadySeconds === (current.spec.minReadySeconds ?? 0) ? [] : [{ set: current, annotations, minReadySeconds }];
}

/** Someone changed `spec.replicas` since the sets were last sized. */
function wasScaled(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  return sets.some((set) => {
    const desired = set.metadata.annotations?.[desiredAnnotation];
    return replicasOf(set) > 0 && desired !== undefined && Number(desired) !== wanted(deployment);
  });
}

function recreate(deployment: Deployment, current: ReplicaSet, old: readonly ReplicaSet[], pods: readonly Pod[]): Scaling[] {
  const down = old.filter((set) => replicasOf(set) > 0).map((set) => ({ set, replicas: 0 }));
  if (down.length > 0 || stillRunning(old, pods)) return down;
  return changed([{ set: current, replicas: wanted(deployment) }]);
}

function stillRunning(old: readonly ReplicaSet[], pods: readonly Pod[]): boolean {
  const uids = new Set(old.map(({ metadata }) => metadata.uid));
  return pods.some((pod) => !isTerminal(pod) && pod.metadata.ownerReferences?.some(({ uid, controller }) => controller && uids.has(uid)));
}

const changed = (list: readonly Scaling[]) => list.filter(({ set, replicas }) => replicasOf(set) !== replicas);

function roll(deployment: Deployment, current: ReplicaSet, old: readonly ReplicaSet[]): Scaling[] {
  const replicas = wanted(deployment);
  const now = replicasOf(current);
  const up = now > replicas ? replicas : newSetReplicas(deployment, [current, ...old], now);
  if (up !== now) return [{ set: current, replicas: up }];
  return scaleDownOld(deployment, current, old);
}

/** First replicas of old sets that are not available anyway, then as many available ones as may be missed. */
function scaleDownOld(deployment: Deployment, current: ReplicaSet, old: readonly ReplicaSet[]): Scaling[] {
  const least = wanted(deployment) - bounds(deployment).unavailable;
  const unavailableNew = replicasOf(current) - available(current);
  let unhealthy = total([current, ...old], replicasOf) - least - unavailableNew;
  if (total(old, replicasOf) === 0 || unhealthy <= 0) return [];
  const sizes = new Map(old.map((set) => [set, replicasOf(set)]));
  const sorted = [...old].sort(byAge);
  for (const set of sorted) {
    const idle = Math.min(unhealthy, Math.max(0, replicasOf(set) - available(set)));
    sizes.set(set, replicasOf(set) - idle);
    unhealthy -= idle;
  }
  let spare = total([current, ...old], available) - least;
  for (const set of sorted) {
    if (spare <= 0) break;
    const size = sizes.get(set) ?? 0;
    const less = Math.min(size, spare);
    sizes.set(set, size - less);
    spare -= less;
  }
  return changed(sorted.map((set) => ({ set, replicas: sizes.get(set) ?? 0 })));
}

/** A new total, spread over the sets of a rollout under way in proportion to their sizes. */
function proportional(deployment: Deployment, current: ReplicaSet | undefined, old: readonly ReplicaSet[]): Scaling[] {
  const replicas = wanted(deployment);
  const all = current ? [current, ...old] : [...old];
  const active = all.filter((set) => replicasOf(set) > 0);
  if (active.length <= 1) {
    const only = active[0] ?? current ?? [...old].sort(byAge).at(-1);
    return only ? resized(deployment, [{ set: only, replicas }]) : [];
  }
  if (current && replicasOf(current) === replicas && available(current) === replicas && current.metadata.annotations?.[desiredAnnotation] === String(replicas)) {
    return changed(old.map((set) => ({ set, replicas: 0 })));
  }
  if (wantsRecreate(deployment)) return [];
  const allowed = replicas > 0 ? replicas + bounds(deployment).surge : 0;
  const toAdd = allowed - total(active, replicasOf);
  // The largest first, so that rounding falls where it matters least; growing, the newest of equals first.
  const ordered = [...active].sort((a, b) => replicasOf(b) - replicasOf(a) || (toAdd > 0 ? byAge(b, a) : byAge(a, b)));
  let added = 0;
  const sizes = ordered.map((set) => {
    const share = toAdd === 0 ? 0 : proportion(deployment, set, toAdd, added);
    added += share;
    return { set, replicas: replicasOf(set) + share };
  });
  const [first] = sizes;
  if (first && toAdd !== 0) first.replicas = Math.max(0, first.replicas + toAdd - added);
  return resized(deployment, sizes);
}

function proportion(deployment: Deployment, set: ReplicaSet, toAdd: number, added: number): number {
  const before = Number(set.metadata.annotations?.[maximumAnnotation] ?? 0) || wanted(deployment);
  const fraction = Math.round((replicasOf(set) * (wanted(deployment) + bounds(deployment).surge)) / before) - replicasOf(set);
  const rest = toAdd - added;
  return toAdd > 0 ? Math.min(fraction, rest) : Math.max(fraction, rest);
}

/** Sets that keep their size are listed too while their size annotations are old, or every look would see a scaling. */
function resized(deployment: Deployment, list: readonly Scaling[]): Scaling[] {
  const desired = String(wanted(deployment));
  return list.filter(({ set, replicas }) => replicasOf(set) !== replicas || (replicas > 0 && set.metadata.annotations?.[desiredAnnotation] !== desired));
}

/** `set` with another size and annotations that tell why. */
export function scaled(deployment: Deployment, { set, replicas }: Scaling): ReplicaSet {
  const copy = copyJson(set);
  copy.spec.replicas = replicas;
  copy.metadata.annotations = { ...copy.metadata.annotations, ...sizeAnnotations(deployment) };
  return copy;
}

function isComplete(deployment: Deployment, current: ReplicaSet, sets: readonly ReplicaSet[]): boolean {
  const replicas = wanted(deployment);
  return (current.status?.replicas ?? 0) === replicas && total(sets, (set) => set.status?.replicas ?? 0) === replicas && total(sets, available) === replicas;
}

function outdated(deployment: Deployment, old: readonly ReplicaSet[]): ReplicaSet[] {
  const limit = deployment.spec.revisionHistoryLimit ?? 10;
  const idle = old.filter((set) => !set.metadata.deletionTimestamp);
  const surplus = idle.length - limit;
  if (surplus <= 0) return [];
  return idle
    .sort((a, b) => revisionOf(a) - revisionOf(b) || byAge(a, b))
    .slice(0, surplus)
    .filter((set) => replicasOf(set) === 0 && (set.status?.replicas ?? 0) === 0 && (set.status?.observedGeneration ?? 0) >= (set.metadata.generation ?? 0));
}
