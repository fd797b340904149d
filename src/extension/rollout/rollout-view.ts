/** A workload's rollouts as their editor shows them: pure. */
import type { Build } from '../../api/kinds/build.ts';
import type { Deployment, StatefulSet } from '../../api/kinds/apps.ts';
import { revisionHashLabel } from '../../api/kinds/apps.ts';
import type { Pod } from '../../api/kinds/core.ts';
import { deploymentLabels, type DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import { controllerOf, type Condition } from '../../api/meta.ts';
import { isPodReady } from '../../api/pod.ts';
import { disabledTriggers } from '../../client/rollout/disabled-triggers.ts';
import type { Revision } from '../../client/rollout/revisions.ts';
import { rolloutState, type RolloutState, type RolloutStep } from '../../client/rollout/status.ts';
import { hasRolloutAction, rolloutKindOf, type RolloutTarget, type Workload } from '../../client/rollout/target.ts';
import { mostPods, type PodGroup, type PodView, type RevisionRow, type RolloutAction, type RolloutView } from '../../protocol/rollout-panel.ts';
import { commitText } from '../explorer/presenters/build.ts';
import { inTrouble } from '../explorer/presenters/pod.ts';
import { isRunner, selects, type Workload as TreeWorkload } from '../explorer/project-content.ts';

export interface RolloutObjects {
  workload: Workload;
  /** Newest first. */
  revisions: readonly Revision[];
  pods: readonly Pod[];
  builds: readonly Build[];
}

export interface RolloutWords {
  kind(kind: string): string;
  phase(phase: RolloutView['phase']): string;
  step(step: RolloutStep): string;
  state(state: RevisionRow['state'], phase: Revision['phase']): string;
  cause(cause: string): string;
  pod(pod: Pod): string;
  /** `Revision {0}` */
  revision(number: number): string;
  otherPods: string;
}

export function rolloutView(target: Pick<RolloutTarget, 'of'>, { workload, revisions, pods, builds }: RolloutObjects, words: RolloutWords, now: Date): RolloutView {
  const { phase, message, step } = stateOf(target, workload);
  const own = pods.filter((pod) => selects(workload as unknown as TreeWorkload, pod) && pod.status?.phase !== 'Succeeded');
  const groups = podGroups(own, revisions, words, now);
  const wanted = wantedOf(workload);
  const newest = groups.find(({ current }) => current);
  const paused = workload.spec.paused ?? false;
  const view: RolloutView = {
    kind: words.kind(target.of.kind), name: workload.metadata.name, project: workload.metadata.namespace ?? '',
    phase, phaseText: words.phase(phase), message: step ? words.step(step) : phase === 'complete' ? '' : message, trouble: troubleOf(workload), paused, strategy: strategyOf(workload),
    wanted, ready: own.filter(serves).length, progress: wanted === 0 ? 1 : Math.min(1, (newest?.ready ?? 0) / wanted),
    canScale: rolloutKindOf(target.of) !== 'DaemonSet', actions: [], groups, revisions: [], disabledTriggers: rolloutKindOf(target.of) === 'DeploymentConfig' ? disabledTriggers(workload as unknown as DeploymentConfig) : [],
  };
  view.revisions = revisions.map((one) => revisionRow(one, { own, pods, builds, words, paused }));
  view.actions = actionsOf(target, view, revisions[0]);
  return view;
}

/** As it is told, but for two: what replaces its pods only as they are deleted has no rollout that could fail, and nothing goes on that is paused. */
function stateOf(target: Pick<RolloutTarget, 'of'>, workload: Workload): RolloutState {
  const state = rolloutState(target, workload);
  if (state.step?.type === 'byHand') return { ...state, phase: 'waiting' };
  return workload.spec.paused && state.phase === 'progressing' ? { ...state, phase: 'waiting', step: { type: 'paused' } } : state;
}

/** A quota that is used up, an admission that refuses: nothing else tells why there are too few pods. */
function troubleOf(workload: Workload): string {
  const { conditions } = (workload as Workload & { status?: { conditions?: readonly Condition[] } }).status ?? {};
  return conditions?.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True')?.message ?? '';
}

interface Around {
  own: readonly Pod[];
  pods: readonly Pod[];
  builds: readonly Build[];
  words: RolloutWords;
  paused: boolean;
}

function revisionRow(one: Revision, { own, pods, builds, words, paused }: Around): RevisionRow {
  const state = one.phase === 'Failed' ? 'failed' : one.phase && one.phase !== 'Complete' ? 'running' : one.current ? 'current' : 'past';
  const containers = one.template.spec?.containers ?? [];
  const source = builds.map((build) => sourceText(build, containers.map(({ image }) => image ?? ''))).find(Boolean);
  const ready = own.filter((pod) => isOf(pod, one.keeper) && serves(pod)).length;
  return {
    number: one.number, ...(one.created && { created: one.created }), cause: words.cause(one.cause),
    images: containers.map(({ image = '' }) => ({ text: shortImage(image), title: image })), ...(source && { source }),
    pods: one.replicas === undefined ? String(ready) : `${ready}/${one.replicas}`,
    state, stateText: words.state(state, one.phase), canUndo: !one.current && state !== 'running' && !paused,
    canLog: pods.some((pod) => pod.metadata.labels?.[deploymentLabels.deployerPodFor] === one.keeper),
  };
}

/** What can be done now, first what one is most likely to want. */
function actionsOf({ of }: Pick<RolloutTarget, 'of'>, { paused, phase, disabledTriggers: off, revisions }: RolloutView, newest: Revision | undefined): RolloutAction[] {
  const has = (action: Exclude<RolloutAction, 'enableTriggers'>) => hasRolloutAction(of, action);
  const running = newest?.phase !== undefined && newest.phase !== 'Complete' && newest.phase !== 'Failed';
  const can: Record<RolloutAction, boolean> = {
    cancel: has('cancel') && running && !paused, retry: has('retry') && newest?.phase === 'Failed' && !paused,
    latest: has('latest') && !running && !paused, restart: !has('latest') && has('restart') && !paused && (phase !== 'progressing' || revisions.length > 0),
    pause: has('pause') && !paused, resume: has('resume') && paused, enableTriggers: off.length > 0 && !paused,
  };
  return (Object.keys(can) as RolloutAction[]).filter((action) => can[action]);
}

function podGroups(own: readonly Pod[], revisions: readonly Revision[], words: RolloutWords, now: Date): PodGroup[] {
  const known = revisions.map((one) => ({ label: words.revision(one.number), current: one.current, pods: own.filter((pod) => isOf(pod, one.keeper)) }));
  const rest = { label: words.otherPods, current: false, pods: own.filter((pod) => !revisions.some(({ keeper }) => isOf(pod, keeper))) };
  return [...known, rest].filter(({ pods, current }) => pods.length > 0 || current).map(({ label, current, pods }) => ({
    label, current, ready: pods.filter(serves).length, pods: [...pods].sort(byName).slice(0, mostPods).map((pod) => podView(pod, words, now)), more: Math.max(0, pods.length - mostPods),
  }));
}

function podView(pod: Pod, words: RolloutWords, now: Date): PodView {
  const state = pod.metadata.deletionTimestamp ? 'ending' : inTrouble(pod, now) ? 'failed' : isPodReady(pod) ? 'ready' : 'starting';
  return { name: pod.metadata.name, state, text: words.pod(pod) };
}

/** `keeper`: name of a replication controller, replica set or controller revision. Pods carry the name of the latter, or its hash. */
function isOf(pod: Pod, keeper: string): boolean {
  const revision = pod.metadata.labels?.[revisionHashLabel];
  if (revision !== undefined) return revision === keeper || keeper.endsWith(`-${revision}`);
  return !isRunner(pod) && controllerOf(pod)?.name === keeper;
}

/** One that ends may be ready to its last moment, but counts no more. */
function serves(pod: Pod): boolean {
  return isPodReady(pod) && !pod.metadata.deletionTimestamp;
}

function wantedOf(workload: Workload): number {
  if (workload.kind !== 'DaemonSet') return workload.spec.replicas ?? 1;
  return (workload as { status?: { desiredNumberScheduled?: number } }).status?.desiredNumberScheduled ?? 0;
}

/** The field's own names, as in the YAML. */
function strategyOf(workload: Workload): string {
  const spec = workload.spec as DeploymentConfig['spec'] & Deployment['spec'] & Partial<StatefulSet['spec']>;
  const { type, ...rest } = (spec.strategy ?? spec.updateStrategy ?? {}) as Record<string, unknown> & { type?: string };
  const params = Object.values(rest).find((one) => typeof one === 'object' && one !== null) as Record<string, unknown> | undefined;
  const shown = ['maxSurge', 'maxUnavailable', 'partition'].filter((name) => params?.[name] !== undefined).map((name) => `${name} ${String(params?.[name])}`);
  return [type, ...shown].filter(Boolean).join(' · ');
}

function sourceText(build: Build, images: readonly string[]): string | undefined {
  const digest = build.status.output?.to?.imageDigest;
  if (!digest || !images.some((image) => image.endsWith(`@${digest}`))) return undefined;
  return [build.metadata.name, commitText(build)].filter(Boolean).join(' · ');
}

/** `docker-registry.default.svc:5000/shop/web@sha256:1a2b…` → `shop/web@1a2b3c4d` */
export function shortImage(image: string): string {
  const [path = '', digest] = image.split('@sha256:');
  const named = path.split('/').slice(-2).join('/');
  return digest ? `${named}@${digest.slice(0, 8)}` : named;
}

function byName(a: Pod, b: Pod): number {
  return a.metadata.name.localeCompare(b.metadata.name, undefined, { numeric: true });
}
