/** The sync loop: one worker a pod, which looks, plans, acts, reports, and looks again. */
import type { Pod } from '../../api/kinds/core.ts';
import { pods } from '../../api/kinds/core.ts';
import { isTerminal, mirrorAnnotation, type Amounts } from '../../api/pod.ts';
import { isStatusError } from '../../api/status.ts';
import type { Clock } from '../../base/clock.ts';
import { Scope, type Disposable } from '../../base/disposable.ts';
import type { Log } from '../../base/log.ts';
import { exponential, WorkQueue, type WorkResult } from '../../base/work-queue.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/event-recorder.ts';
import type { Informer } from '../../client/informer.ts';
import type { ProbeManager } from '../probes/probe-manager.ts';
import { latestPod } from '../status/latest-pod.ts';
import { podStatus } from '../status/pod-status.ts';
import type { StatusWriter } from '../status/status-writer.ts';
import { MountFailure } from '../volume/volume-manager.ts';
import type { PortCheck } from './port-check.ts';
import { goneGraceSeconds, planPod, podText, type PodPlan } from './pod-plan.ts';
import type { PodRunner, RunResult } from './pod-runner.ts';
import { containersOf, emptyMemory, type ObservedPod, type PodMemory, type PodNotice } from './pod-view.ts';
import { resizeOf, resizeRefusal } from './resize-plan.ts';
import type { RuntimeCache } from './runtime-cache.ts';

export interface ManagerParts {
  client: Client;
  cache: RuntimeCache;
  runner: PodRunner;
  probes: ProbeManager;
  ports: PortCheck;
  status: StatusWriter;
  events: EventRecorder;
  clock: Clock;
  log: Log;
  hostIp: string;
  allocatable: Amounts;
  /** Why a pod that has just come cannot start on this machine now. */
  refusal(pod: Pod): string | undefined;
}

/** Pods worked on at once: most of a worker's life is waiting for a pull or a container's end. */
const workers = 256;
/** Looks in a row before other pods get their turn. */
const mostRounds = 16;
/** Waits after a failed start: images and configuration as the kubelet waits for them. */
const startBackoff = exponential(10_000, 300_000);
const configBackoffMs = 5_000;

interface Known {
  pod: Pod;
  /** Removed from the API without waiting for us. */
  gone: boolean;
  /** Ended, and what only running pods need is given up. */
  settled: boolean;
  memory: PodMemory;
  failures: Map<string, number>;
  /** Gives up what is being started. */
  starting: AbortController;
  /** While its containers are being ended, which may take long: the plan by which they are. */
  stopping?: PodPlan | undefined;
}

export class PodManager implements Disposable {
  readonly #parts: ManagerParts;
  readonly #known = new Map<string, Known>();
  readonly #queue: WorkQueue;
  readonly #scope = new Scope();

  constructor(parts: ManagerParts) {
    this.#parts = parts;
    const backoff = exponential(1_000, 30_000);
    this.#queue = new WorkQueue({
      work: (uid) => this.#sync(uid),
      workers,
      clock: parts.clock,
      retryMs: (error, failures) => (error instanceof MountFailure ? exponential(500, 122_000)(failures) : backoff(failures)),
      onFailure: (uid, error, failures, retryMs) => parts.log.warn('a pod could not go on', { uid, pod: this.#known.get(uid)?.pod.metadata.name, error, failures, retryMs }),
    });
    this.#scope.own(this.#queue);
    this.#scope.own(parts.cache.onChange((uid) => this.wake(uid)));
  }

  /** Follows the pods of this node. Call once the runtime's state is loaded. */
  start(informer: Informer<Pod>): void {
    this.#scope.own(informer.onChange(({ type, object }) => (type === 'deleted' ? this.#remove(object) : this.#update(object))));
    void informer.synced.then(() => {
      // What runs here and is nobody's any more was removed while no agent watched.
      for (const uid of new Set([...this.#parts.cache.uids(), ...this.#parts.runner.traces()])) if (!this.#known.has(uid)) void this.#removeOrphan(uid);
    });
  }

  wake(uid: string): void {
    const known = this.#known.get(uid);
    if (!known) return;
    if (known.stopping) {
      // Which of its containers have ended, and whether it is still ready, is told meanwhile.
      known.memory = { ...known.memory, probes: this.#parts.probes.states(uid) };
      this.#report(uid, known, known.stopping);
    }
    this.#queue.add(uid);
  }

  /** Something the pod refers to has appeared or changed: what waited for that need not wait for its time. */
  retry(uid: string): void {
    const known = this.#known.get(uid);
    if (!known) return;
    const startFailures = Object.fromEntries(Object.entries(known.memory.startFailures).filter(([, { reason }]) => reason !== 'CreateContainerConfigError'));
    known.memory = { ...known.memory, startFailures };
    this.#queue.add(uid);
  }

  /** Ends a pod that this machine cannot bear; it has then failed as `Evicted`. */
  evict(uid: string, message: string, graceSeconds: number): void {
    const known = this.#known.get(uid);
    if (!known || known.gone || known.memory.ended || isTerminal(known.pod)) return;
    known.memory = { ...known.memory, ended: { reason: 'Evicted', message, evictedWithin: graceSeconds } };
    this.#parts.events.warning(known.pod, 'Evicted', message);
    known.starting.abort();
    this.#queue.add(uid);
  }

  pods(): Pod[] {
    return [...this.#known.values()].map(({ pod }) => pod);
  }

  find(namespace: string, name: string): Pod | undefined {
    // A pod of the same name that is on its way out came before.
    return this.pods().findLast(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
  }

  /** Ends every pod on this machine, without telling the API: it could not be reached. */
  async endAll(): Promise<void> {
    for (const known of this.#known.values()) {
      known.gone = true;
      known.starting.abort();
    }
    await Promise.all([...this.#known].map(async ([uid, { pod }]) => {
      const containers = this.#parts.cache.observe(uid).containers.filter(({ state }) => state === 'running');
      const graceSeconds = Math.min(pod.spec.terminationGracePeriodSeconds ?? 30, 30);
      const stops = containers.map(({ id, name }) => ({ type: 'stopContainer' as const, id, name, message: `Stopping container ${name}`, graceSeconds, hooks: true }));
      await this.#parts.runner.run(pod, stops, new AbortController().signal);
      for (const { id } of this.#parts.cache.observe(uid).sandboxes) await this.#parts.runner.run(pod, [{ type: 'stopSandbox', id }], new AbortController().signal);
    }));
  }

  /** Leaves containers running: the next agent finds them. */
  async dispose(): Promise<void> {
    for (const { starting } of this.#known.values()) starting.abort();
    await this.#scope.dispose();
  }

  #update(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    if (pod.metadata.annotations?.[mirrorAnnotation]) return;
    const known = this.#known.get(uid);
    if (!known) {
      this.#known.set(uid, { pod, gone: false, settled: false, memory: emptyMemory, failures: new Map(), starting: new AbortController() });
      const refusal = pod.status?.startTime === undefined && !pod.metadata.deletionTimestamp ? this.#parts.refusal(pod) : undefined;
      if (refusal !== undefined) this.evict(uid, refusal, 0);
    } else {
      const before = known.pod;
      known.pod = pod;
      this.#forgetFailuresOf(known, before);
      // A changed pod is another try.
      if (pod.metadata.generation !== before.metadata.generation) {
        const { resize: _, ...memory } = known.memory;
        known.memory = memory;
      }
      if (pod.metadata.deletionTimestamp || isTerminal(pod)) {
        known.starting.abort();
        const grace = pod.metadata.deletionGracePeriodSeconds;
        if (grace !== undefined && grace < (before.metadata.deletionGracePeriodSeconds ?? Infinity)) this.#parts.runner.hurry(uid, grace);
      }
    }
    this.#queue.add(uid);
  }

  #remove(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    const known = this.#known.get(uid);
    if (!known) return;
    known.gone = true;
    known.starting.abort();
    this.#parts.runner.hurry(uid, goneGraceSeconds);
    this.#queue.add(uid);
  }

  /** Another image is another try. */
  #forgetFailuresOf(known: Known, before: Pod): void {
    for (const { container } of containersOf(known.pod)) {
      const old = containersOf(before).find((named) => named.container.name === container.name);
      if (!known.memory.startFailures[container.name] || old?.container.image === container.image) continue;
      const { [container.name]: _, ...rest } = known.memory.startFailures;
      known.memory = { ...known.memory, startFailures: rest };
      known.failures.delete(container.name);
    }
  }

  async #sync(uid: string): Promise<WorkResult> {
    const known = this.#known.get(uid);
    if (!known) return;
    for (let round = 0; round < mostRounds; round++) {
      const { plan, result } = await this.#round(uid, known);
      if (result?.failure) throw result.failure;
      if (plan.finished) return this.#finish(uid, known);
      if (plan.actions.length === 0 || result === undefined) return this.#recheck(plan);
    }
    return { afterMs: 0 };
  }

  /** `result` is absent when there was nothing to do. */
  async #round(uid: string, known: Known): Promise<{ plan: PodPlan; result?: RunResult }> {
    const { cache, runner, probes, ports, clock, events, log } = this.#parts;
    const pod = latestPod(known.pod, this.#parts.status.latest(uid));
    const ending = known.gone || pod.metadata.deletionTimestamp !== undefined || isTerminal(pod) || known.memory.ended !== undefined;
    this.#probe(pod);
    if (ending) probes.settle(uid);
    const { notice: _, ...memory } = known.memory;
    const notice = ports.notice(uid);
    known.memory = { ...memory, probes: probes.states(uid), ...(notice && { notice }) };
    const observed = cache.observe(uid);
    this.#judgeResize(known, pod, observed);
    const plan = planPod(pod, observed, known.memory, clock.now(), known.gone);
    if (plan.ended && !known.memory.ended) {
      known.memory = { ...known.memory, ended: plan.ended };
      events.normal(pod, plan.ended.reason, plan.ended.message);
    }
    for (const name of plan.heldBack) this.#heldBack(pod, name);
    this.#imageBackoffs(pod, plan);
    this.#report(uid, known, plan);
    if (plan.actions.length === 0) return { plan };
    if (ending === false && known.starting.signal.aborted) known.starting = new AbortController();
    log.debug('pod actions', { pod: podText(pod), actions: plan.actions.map(({ type }) => type) });
    known.memory = { ...known.memory, backoff: { ...known.memory.backoff, ...plan.backoff } };
    if (ending) known.stopping = plan;
    const result = await runner.run(pod, plan.actions, known.starting.signal).finally(() => (known.stopping = undefined));
    this.#remember(known, plan, result);
    if (result.resizeFailure !== undefined) known.memory = { ...known.memory, resize: { type: 'PodResizeInProgress', status: 'True', reason: 'Error', message: result.resizeFailure } };
    return { plan, result };
  }

  /** Before the plan, which changes nothing for a pod that has to wait. A failure stands until the pod is changed again. */
  #judgeResize(known: Known, pod: Pod, observed: ObservedPod): void {
    const { resize: before, ...memory } = known.memory;
    const asks = observed.containers.some(({ name, state, resources }) => state === 'running' && containersOf(pod).some(({ container }) => container.name === name && resizeOf(container, resources) !== 'none'));
    const refusal = asks ? resizeRefusal(pod, this.pods(), this.#parts.allocatable) : undefined;
    const resize: PodNotice | undefined = refusal ? { type: 'PodResizePending', status: 'True', ...refusal } : asks ? (before?.type === 'PodResizeInProgress' ? before : { type: 'PodResizeInProgress', status: 'True' }) : undefined;
    known.memory = { ...memory, ...(resize && { resize }) };
  }

  #probe(pod: Pod): void {
    const { cache, probes, ports } = this.#parts;
    const { sandboxes, containers } = cache.observe(pod.metadata.uid ?? '');
    const [sandbox] = sandboxes;
    if (!sandbox?.ready) return;
    const running = containersOf(pod).flatMap((named) => {
      const instance = containers.find(({ name, state, sandboxId }) => name === named.container.name && state === 'running' && sandboxId === sandbox.id);
      return instance ? [{ named, instance }] : [];
    });
    probes.sync(pod, sandbox, running);
    ports.sync(pod, sandbox, running);
  }

  #report(uid: string, known: Known, plan: PodPlan): void {
    if (known.gone) return;
    const pod = latestPod(known.pod, this.#parts.status.latest(uid));
    const { cache, clock, hostIp, status } = this.#parts;
    status.set(known.pod, podStatus({ pod, observed: cache.observe(uid), memory: known.memory, waiting: plan.waiting, hostIp, now: clock.now() }));
  }

  #remember(known: Known, plan: PodPlan, { failures }: RunResult): void {
    const now = this.#parts.clock.now().getTime();
    const next = { ...known.memory.startFailures };
    for (const action of plan.actions) {
      if (action.type !== 'startContainer') continue;
      const { name } = action.named.container;
      const failure = failures[name];
      if (!failure) {
        delete next[name];
        known.failures.delete(name);
        continue;
      }
      const count = (known.failures.get(name) ?? 0) + 1;
      known.failures.set(name, count);
      const wait = failure.reason === 'CreateContainerConfigError' || failure.reason === 'PostStartHookError' ? configBackoffMs : startBackoff(count);
      next[name] = { ...failure, at: now, retryAt: now + wait };
    }
    known.memory = { ...known.memory, startFailures: next };
  }

  #heldBack(pod: Pod, name: string): void {
    this.#parts.events.warning(containerPlace(pod, name), 'BackOff', `Back-off restarting failed container ${name} in pod ${podText(pod)}`);
  }

  #imageBackoffs(pod: Pod, plan: PodPlan): void {
    const { events } = this.#parts;
    const tried = new Set(plan.actions.map((action) => (action.type === 'startContainer' ? action.named.container.name : '')));
    for (const [name, { reason }] of Object.entries(plan.waiting)) {
      if (reason !== 'ImagePullBackOff' || tried.has(name)) continue;
      const image = containersOf(pod).find(({ container }) => container.name === name)?.container.image;
      events.normal(containerPlace(pod, name), 'BackOff', `Back-off pulling image "${image}"`);
      events.warning(containerPlace(pod, name), 'Failed', 'Error: ImagePullBackOff');
    }
  }

  #recheck(plan: PodPlan): WorkResult {
    if (plan.recheckAt === undefined) return;
    return { afterMs: Math.max(1, plan.recheckAt - this.#parts.clock.now().getTime()) };
  }

  /** Nothing runs any more. A deleted pod leaves the API now, with its last status; one that completed keeps its logs. */
  async #finish(uid: string, known: Known): Promise<void> {
    const { client, runner, probes, status } = this.#parts;
    probes.forget(uid);
    this.#parts.ports.forget(uid);
    if (!known.gone) {
      if (!known.settled) await runner.settle(uid);
      known.settled = true;
      if (!known.pod.metadata.deletionTimestamp) return;
      await status.flush(uid);
      const { name, namespace } = known.pod.metadata;
      await client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } }).catch((error: unknown) => {
        if (!isStatusError(error, 'NotFound', 'Conflict')) throw error;
      });
    }
    await runner.remove(uid);
    status.forget(uid);
    this.#known.delete(uid);
  }

  async #removeOrphan(uid: string): Promise<void> {
    const { cache, runner, log } = this.#parts;
    try {
      const { containers } = cache.observe(uid);
      log.info('ending a pod that is no longer wanted here', { uid });
      await Promise.all(containers.filter(({ state }) => state === 'running').map(({ id }) => runner.endContainer(id)));
      await runner.remove(uid);
    } catch (error) {
      log.warn('cannot remove a pod that is no longer wanted here', { uid, error });
    }
  }
}

function containerPlace(pod: Pod, name: string) {
  const { name: podName, namespace, uid } = pod.metadata;
  const list = pod.spec.initContainers?.some((container) => container.name === name) ? 'initContainers' : 'containers';
  return { apiVersion: 'v1', kind: 'Pod', name: podName, ...(namespace && { namespace }), ...(uid && { uid }), fieldPath: `spec.${list}{${name}}` };
}
