/**
 * What to do next for one pod: (desired pod, observed sandboxes and containers, what is remembered, now) → actions.
 *
 *   ended or deleted ──→ stop containers, then the sandbox
 *   no ready sandbox ──→ make one (unless nothing would run in it)
 *   otherwise        ──→ init containers in order, then sidecars and main containers, restarts under their back-off
 */
import type { Pod } from '../../api/kinds/core.ts';
import { isTerminal } from '../../api/pod.ts';
import { nextBackoff, restartDue } from './backoff.ts';
import {
  containersOf, emptyMemory, exitCodeOf, instancesOf, restarts, type Backoff, type NamedContainer, type ObservedContainer, type ObservedPod, type PodMemory, type Waiting,
} from './pod-view.ts';
import { resizeOf } from './resize-plan.ts';

export type PodAction =
  | { type: 'createSandbox'; attempt: number }
  | { type: 'startContainer'; named: NamedContainer; attempt: number }
  /** `message` becomes a Killing event. `after`: ids of those that end before this one is told to; hooks and the grace do not wait for them. */
  | { type: 'stopContainer'; id: string; name: string; message: string; graceSeconds: number; hooks: boolean; after?: readonly string[] }
  /** Gives a running container what its spec says now. */
  | { type: 'resizeContainer'; id: string; named: NamedContainer; attempt: number }
  | { type: 'stopSandbox'; id: string }
  | { type: 'removeContainer'; id: string }
  | { type: 'removeSandbox'; id: string };

export interface PodPlan {
  /** Carried out together; the pod is then looked at again. */
  actions: PodAction[];
  /** Why containers wait, by name. */
  waiting: Record<string, Waiting>;
  /** Back-offs that grow because the actions restart something. */
  backoff: Record<string, Backoff>;
  /** Containers whose restart is being held back: a BackOff event each. */
  heldBack: string[];
  /** ms; look again then. */
  recheckAt?: number;
  /** Nothing runs and nothing will: a deleted pod may be removed. */
  finished: boolean;
  /** The pod has just run out of its time. */
  ended?: { reason: string; message: string };
}

/** `gone`: the pod was removed from the API without waiting for this agent. */
export function planPod(pod: Pod, observed: ObservedPod, memory: PodMemory, now: Date, gone = false): PodPlan {
  const plan: PodPlan = { actions: [], waiting: {}, backoff: {}, heldBack: [], finished: false };
  const deadline = deadlineOf(pod);
  if (deadline !== undefined && !isTerminal(pod) && !memory.ended) {
    if (now.getTime() >= deadline) plan.ended = { reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' };
    else recheck(plan, deadline);
  }
  if (memory.resize?.type === 'PodResizePending') recheck(plan, now.getTime() + resizeAgainMs);
  if (gone) return end(plan, pod, observed, goneGraceSeconds);
  if (pod.metadata.deletionTimestamp || isTerminal(pod) || memory.ended || plan.ended) return end(plan, pod, observed, memory.ended?.evictedWithin);

  const sandbox = observed.sandboxes[0];
  if (!sandbox?.ready) return withoutSandbox(plan, pod, observed);
  const all = containersOf(pod);
  const main = all.filter(({ role }) => role === 'main');
  const isMain = new Set(main.map(({ container }) => container.name));
  const inSandbox = (name: string) => {
    const instances = instancesOf(observed, name);
    return instances.find(({ sandboxId }) => sandboxId === sandbox.id) ?? (isMain.has(name) && succeededBefore(pod, instances[0]) ? instances[0] : undefined);
  };
  const context: Context = { plan, pod, observed, memory, now: now.getTime(), inSandbox };
  const initialized = main.some(({ container }) => inSandbox(container.name)?.sandboxId === sandbox.id) || initialize(context, all.filter(({ role }) => role === 'init' || role === 'sidecar'));
  if (initialized === 'failed') return end(plan, pod, observed);
  if (initialized) {
    for (const named of all) if (named.role === 'sidecar' && !plan.actions.some((action) => action.type === 'startContainer' && action.named === named)) keepRunning(context, named);
    for (const named of main) keepRunning(context, named);
  }
  for (const named of all) if (named.role === 'ephemeral' && instancesOf(observed, named.container.name).length === 0) start(context, named);
  if (initialized && isDone(pod, main, inSandbox)) return end(plan, pod, observed);
  collectGarbage(plan, pod, observed);
  return plan;
}

/** What a pod still gets that was removed by force (the kubelet's minimum). */
export const goneGraceSeconds = 2;
/** A pod whose containers cannot have more now is looked at again after this time. */
const resizeAgainMs = 10_000;
/** A failed pull shows its own error for a moment before the back-off. */
const showErrorMs = 1_500;

interface Context {
  plan: PodPlan;
  pod: Pod;
  observed: ObservedPod;
  memory: PodMemory;
  now: number;
  inSandbox(name: string): ObservedContainer | undefined;
}

function deadlineOf(pod: Pod): number | undefined {
  const { activeDeadlineSeconds } = pod.spec;
  const start = pod.status?.startTime;
  return activeDeadlineSeconds === undefined || !start ? undefined : Date.parse(start) + activeDeadlineSeconds * 1000;
}

function recheck(plan: PodPlan, at: number): void {
  plan.recheckAt = Math.min(plan.recheckAt ?? Infinity, at);
}

/** Main containers end first, then sidecars in reverse order, all within one grace (kubelet `newTerminationOrdering`); then the sandbox. */
function end(plan: PodPlan, pod: Pod, observed: ObservedPod, graceSeconds = pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30): PodPlan {
  // Whatever was planned before: nothing starts any more, and nothing is held back.
  Object.assign(plan, { actions: [], waiting: {}, backoff: {}, heldBack: [] });
  delete plan.recheckAt;
  const running = observed.containers.filter(({ state }) => state === 'running');
  const named = containersOf(pod);
  const idsOf = (role: NamedContainer['role']) => named.filter((one) => one.role === role).map(({ container }) => running.filter(({ name }) => name === container.name).map(({ id }) => id));
  const main = idsOf('main').flat();
  const sidecars = idsOf('sidecar').reverse().filter((ids) => ids.length > 0);
  for (const { id, name } of running) {
    const place = sidecars.findIndex((ids) => ids.includes(id));
    const after = place < 0 ? [] : [...main, ...(sidecars[place - 1] ?? [])];
    plan.actions.push({ type: 'stopContainer', id, name, message: `Stopping container ${name}`, graceSeconds, hooks: true, ...(after.length > 0 && { after }) });
  }
  if (running.length === 0) {
    for (const sandbox of observed.sandboxes) if (sandbox.ready) plan.actions.push({ type: 'stopSandbox', id: sandbox.id });
    plan.finished = plan.actions.length === 0;
  }
  return plan;
}

/** A lost sandbox takes its containers with it; what may run again gets a new one. */
function withoutSandbox(plan: PodPlan, pod: Pod, observed: ObservedPod): PodPlan {
  const survivors = observed.containers.filter(({ state }) => state === 'running');
  for (const { id, name } of survivors) plan.actions.push({ type: 'stopContainer', id, name, message: 'Pod sandbox changed, it will be killed and re-created.', graceSeconds: 0, hooks: false });
  if (survivors.length > 0) return plan;
  const last = observed.sandboxes[0];
  const ran = observed.containers.length > 0;
  const main = containersOf(pod).filter(({ role }) => role === 'main');
  const newest = (name: string) => instancesOf(observed, name)[0];
  const nothingLeft = ran && main.every(({ container, role }) => {
    const instance = newest(container.name);
    return instance ? !restarts(pod, role, exitCodeOf(instance)) : false;
  });
  if (nothingLeft || (ran && pod.spec.restartPolicy === 'Never')) {
    plan.finished = true;
    return plan;
  }
  plan.actions.push({ type: 'createSandbox', attempt: last ? last.config.attempt + 1 : 0 });
  // What starts first starts in the same step: a pod without init containers is up after one round.
  const context: Context = { plan, pod, observed, memory: emptyMemory, now: 0, inSandbox: () => undefined };
  const [firstInit] = containersOf(pod).filter(({ role }) => role === 'init' || role === 'sidecar');
  if (firstInit) start(context, firstInit);
  else for (const named of main) if (!succeededBefore(pod, newest(named.container.name))) start(context, named);
  return plan;
}

/** Works through the init containers; true once the main ones may start. */
function initialize(context: Context, init: readonly NamedContainer[]): boolean | 'failed' {
  const { plan, pod, inSandbox } = context;
  // Before sidecars are looked at: one that was ended because of it does not come back.
  if (init.some(({ container, role }) => role === 'init' && hasFailed(pod, inSandbox(container.name)))) return 'failed';
  for (const named of init) {
    const instance = inSandbox(named.container.name);
    if (named.role === 'sidecar') {
      keepRunning(context, named);
      const current = instance?.state === 'running' && !plan.actions.some((action) => action.type === 'stopContainer' && action.id === instance.id);
      if (current && (context.memory.probes[instance.id]?.started ?? true)) continue;
      return false;
    }
    if (instance?.state === 'exited' && instance.exitCode === 0) continue;
    if (instance?.state === 'running') return false;
    keepRunning(context, named);
    return false;
  }
  return true;
}

function hasFailed(pod: Pod, init: ObservedContainer | undefined): boolean {
  if (!init || init.state === 'running' || init.state === 'created') return false;
  const exitCode = exitCodeOf(init);
  return exitCode !== 0 && !restarts(pod, 'init', exitCode);
}

/** Brings one container to where its policy wants it. */
function keepRunning(context: Context, named: NamedContainer): void {
  const { plan, pod, memory, inSandbox } = context;
  const { container, role } = named;
  const instance = inSandbox(container.name);
  if (!instance || instance.state === 'created') {
    if (instance) plan.actions.push({ type: 'removeContainer', id: instance.id });
    start(context, named, instance?.attempt);
    return;
  }
  if (instance.state === 'running') {
    const failed = memory.probes[instance.id]?.failed;
    const changed = instance.image !== undefined && instance.image !== container.image;
    // One that has to wait or has failed has a reason.
    const resize = memory.resize?.reason !== undefined ? 'none' : resizeOf(container, instance.resources);
    if (resize === 'inPlace') plan.actions.push({ type: 'resizeContainer', id: instance.id, named, attempt: instance.attempt });
    if (!failed && !changed && resize !== 'restart') return;
    const again = restarts(pod, role, 137) ? ', will be restarted' : '';
    const message = failed ? `Container ${container.name} failed ${failed} probe${again}` : !changed ? `Container ${container.name} resize requires restart` : `Container ${container.name} definition changed${again}`;
    const probe = failed === 'startup' ? container.startupProbe : failed === 'liveness' ? container.livenessProbe : undefined;
    const graceSeconds = probe?.terminationGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30;
    plan.actions.push({ type: 'stopContainer', id: instance.id, name: container.name, message, graceSeconds, hooks: true });
    return;
  }
  if (restarts(pod, role, exitCodeOf(instance))) restart(context, named, instance);
}

function restart(context: Context, named: NamedContainer, instance: ObservedContainer): void {
  const { plan, pod, memory, now } = context;
  const { name } = named.container;
  const finishedAt = Date.parse(instance.finishedAt ?? instance.createdAt);
  const due = restartDue(memory.backoff[name], finishedAt);
  if (due !== undefined && now < due) {
    const seconds = (memory.backoff[name]?.delayMs ?? 0) / 1000;
    plan.waiting[name] = { reason: 'CrashLoopBackOff', message: `back-off ${goDuration(seconds)} restarting failed container=${name} pod=${podText(pod)}` };
    plan.heldBack.push(name);
    recheck(plan, due);
    return;
  }
  const before = plan.actions.length;
  start(context, named);
  if (plan.actions.length > before) plan.backoff[name] = nextBackoff(memory.backoff[name], finishedAt, now);
}

function start({ plan, observed, memory, now }: Context, named: NamedContainer, attempt?: number): void {
  const { name, image } = named.container;
  const failure = memory.startFailures[name];
  if (failure) {
    const fresh = now < failure.at + showErrorMs;
    const holdsBack = failure.reason === 'ErrImagePull' && !fresh;
    // It stands while the next try is under way, too.
    plan.waiting[name] = holdsBack
      ? { reason: 'ImagePullBackOff', message: `Back-off pulling image "${image}": ErrImagePull: ${failure.message}` }
      : { reason: failure.reason, ...(failure.message && { message: failure.message }) };
    if (now < failure.retryAt) return recheck(plan, fresh ? Math.min(failure.at + showErrorMs, failure.retryAt) : failure.retryAt);
  }
  const newest = instancesOf(observed, name)[0];
  plan.actions.push({ type: 'startContainer', named, attempt: attempt ?? (newest ? newest.attempt + 1 : 0) });
}

/** Done in an earlier sandbox: a container of an OnFailure pod does not run again. */
function succeededBefore(pod: Pod, instance: ObservedContainer | undefined): boolean {
  return pod.spec.restartPolicy === 'OnFailure' && instance?.state === 'exited' && instance.exitCode === 0;
}

function isDone(pod: Pod, main: readonly NamedContainer[], inSandbox: Context['inSandbox']): boolean {
  return main.every(({ container, role }) => {
    const instance = inSandbox(container.name);
    return instance !== undefined && (instance.state === 'exited' || instance.state === 'unknown') && !restarts(pod, role, exitCodeOf(instance));
  });
}

/** The newest instance and the one before it stay: their logs can be read. Of sandboxes those stay that hold one of them. */
function collectGarbage(plan: PodPlan, pod: Pod, observed: ObservedPod): void {
  for (const { container } of containersOf(pod)) {
    for (const old of instancesOf(observed, container.name).slice(2)) {
      if (old.state === 'exited' || old.state === 'unknown') plan.actions.push({ type: 'removeContainer', id: old.id });
    }
  }
  for (const { id } of observed.sandboxes.slice(1)) {
    if (!observed.containers.some(({ sandboxId }) => sandboxId === id)) plan.actions.push({ type: 'removeSandbox', id });
  }
}

/** `name_namespace(uid)`, as the kubelet's texts name a pod. */
export function podText(pod: Pod): string {
  return `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;
}

/** Go's notation of a duration: `10s`, `2m40s`, `5m0s`. */
function goDuration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return minutes > 0 ? `${minutes}m${seconds % 60}s` : `${seconds}s`;
}
