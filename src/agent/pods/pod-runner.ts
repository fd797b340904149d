/** Carries out the actions of a plan on the runtime, with the events a kubelet gives. */
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Container, Pod } from '../../api/kinds/core.ts';
import type { ObjectReference } from '../../api/meta.ts';
import { delay, type Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { EventRecorder } from '../../client/event-recorder.ts';
import { ConfigError } from '../env/environment.ts';
import type { PodFacts } from '../env/field-ref.ts';
import type { Target } from '../probes/handler.ts';
import { RuntimeFailure, type ImageInfo, type PodSandbox, type Runtime } from '../runtime/runtime.ts';
import { MountFailure, type PreparedVolume, type VolumeManager } from '../volume/volume-manager.ts';
import type { Drain } from '../services/drain.ts';
import { VolumeError } from '../volume/volume-files.ts';
import { containerConfig, limitsOf } from './container-config.ts';
import type { ImagePuller } from './image-puller.ts';
import { runHook } from './lifecycle-hooks.ts';
import { podFolders, removeRun } from './pod-folders.ts';
import type { PodAction } from './pod-plan.ts';
import { containersOf, type NamedContainer, type Waiting } from './pod-view.ts';
import { appliedResources } from './resize-plan.ts';
import type { ContainerRecord, RuntimeCache } from './runtime-cache.ts';
import { sandboxConfig, type ClusterDns } from './sandbox-config.ts';
import { StartError } from './start-error.ts';
import { unmetAsks } from './unmet-asks.ts';

export interface RunnerParts {
  runtime: Runtime;
  cache: RuntimeCache;
  images: ImagePuller;
  volumes: VolumeManager;
  environment(pod: Pod, container: Container, facts: PodFacts): Promise<{ name: string; value: string }[]>;
  events: EventRecorder;
  drain: Drain;
  clock: Clock;
  log: Log;
  /** The agent's folder. */
  folder: string;
  cluster: ClusterDns;
  hostIp: string;
  allocatable: PodFacts['allocatable'];
  /** Processes and threads of a pod. */
  podPids: number;
  /** Told of a new sandbox. */
  onSandbox(pod: Pod, sandbox: PodSandbox): void;
  /** Containers start in a sandbox once this resolves, whoever made it. */
  admit(pod: Pod, sandbox: PodSandbox): Promise<void>;
}

export interface RunResult {
  /** Containers that could not start. */
  failures: Record<string, Waiting>;
  /** The pod as a whole could not go on (sandbox, volumes): tried again with back-off. */
  failure?: Error;
  /** Why a container could not be given other limits. */
  resizeFailure?: string;
}

type Start = Extract<PodAction, { type: 'startContainer' }>;
type Stop = Extract<PodAction, { type: 'stopContainer' }>;

/** A container always gets this long after its preStop hook, whatever the hook used up. */
const leastGraceSeconds = 2;

export class PodRunner {
  readonly #parts: RunnerParts;
  /** Stops under way, by container id, so that a shorter grace can overtake them. */
  readonly #stopping = new Map<string, { hurried: AbortController; graceSeconds: number; startedAt: number }>();
  /** Uids of pods whose volumes could not be given: their images wait until they are, or each try would pull them again. */
  readonly #unmounted = new Set<string>();

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /** `signal` gives up what starts; what stops goes on. */
  async run(pod: Pod, actions: readonly PodAction[], signal: AbortSignal): Promise<RunResult> {
    const result: RunResult = { failures: {} };
    const stops = actions.filter((action): action is Stop => action.type === 'stopContainer');
    const tell = new Map<string, () => void>();
    const ends = new Map(stops.map(({ id }) => [id, new Promise<void>((resolve) => tell.set(id, resolve))]));
    await Promise.all(stops.map((action) => this.#stop(pod, action, Promise.all((action.after ?? []).map((id) => ends.get(id)))).finally(tell.get(action.id))));
    for (const action of actions) {
      if (action.type === 'stopSandbox') await this.#stopSandbox(action.id);
      if (action.type === 'removeContainer') await this.#remove(pod, action.id);
      if (action.type === 'removeSandbox') await this.#removeSandbox(action.id);
      if (action.type === 'resizeContainer') await this.#resize(pod, action).catch((error: unknown) => (result.resizeFailure = text(error)));
    }
    const create = actions.find((action) => action.type === 'createSandbox');
    const starts = actions.filter((action): action is Start => action.type === 'startContainer');
    if (!create && starts.length === 0) return result;
    try {
      await this.#begin(pod, create?.attempt, starts, signal, result);
    } catch (error) {
      if (signal.aborted) return result;
      result.failure = error instanceof Error ? error : new Error(String(error));
    }
    return result;
  }

  /** The pod's grace became shorter, or it is gone: stops under way are hurried. */
  hurry(uid: string, graceSeconds: number): void {
    const now = this.#parts.clock.now().getTime();
    for (const { id } of this.#parts.cache.observe(uid).containers) {
      const stop = this.#stopping.get(id);
      if (!stop || now + graceSeconds * 1000 >= stop.startedAt + stop.graceSeconds * 1000) continue;
      stop.graceSeconds = graceSeconds;
      stop.startedAt = now;
      stop.hurried.abort();
      void this.#parts.runtime.stopContainer(id, graceSeconds).catch((error: unknown) => this.#parts.log.warn('cannot hurry the end of a container', { container: id, error }));
    }
  }

  /** Ends a container of a pod that nobody knows any more. */
  async endContainer(id: string): Promise<void> {
    await this.#parts.runtime.stopContainer(id, leastGraceSeconds);
    await this.#parts.cache.refresh(id);
  }

  /** Gives up what only a running pod needs: its scratch space, its secrets, the watches on what it referred to. */
  async settle(uid: string): Promise<void> {
    await this.#parts.volumes.release(uid);
  }

  /** Uids of the pods that have left files here; of some nothing else is left, if an agent was killed before it made their sandbox. */
  traces(): string[] {
    const folder = path.dirname(podFolders(this.#parts.folder, '_').root);
    return existsSync(folder) ? readdirSync(folder) : [];
  }

  /** Removes all traces of a pod that ended. */
  async remove(uid: string): Promise<void> {
    const { runtime, cache, volumes, folder } = this.#parts;
    for (const { id } of cache.observe(uid).sandboxes) {
      await runtime.stopPodSandbox(id);
      await runtime.removePodSandbox(id);
      cache.forgetSandbox(id);
    }
    this.#unmounted.delete(uid);
    await volumes.release(uid);
    await rm(podFolders(folder, uid).root, { recursive: true, force: true });
  }

  /** What the pod's variables and volumes tell of itself; the address is known once there is a sandbox. */
  facts(pod: Pod): PodFacts {
    const { cache, hostIp, allocatable } = this.#parts;
    return { podIp: cache.sandboxOf(pod.metadata.uid ?? '')?.ip ?? pod.status?.podIP ?? '', hostIp, allocatable };
  }

  /** Volumes, sandbox and images do not need one another: they are made at the same time, which is most of a pod's start. */
  async #begin(pod: Pod, attempt: number | undefined, starts: readonly Start[], signal: AbortSignal, result: RunResult): Promise<void> {
    const { admit, volumes, events, images } = this.#parts;
    const uid = pod.metadata.uid ?? '';
    const failedBefore = this.#unmounted.delete(uid);
    const pull = async ({ named }: Start) => {
      try {
        return await images.ensure(pod, named.container, containerReference(pod, named), signal);
      } catch (error) {
        return error instanceof Error ? error : new Error(String(error));
      }
    };
    let pulls = failedBefore ? [] : starts.map(pull);
    // A volume may tell the pod's address (downward API): only such pods wait for their sandbox first. Those of the others are asked for before anything else is begun.
    const early = needsAddress(pod) ? undefined : volumes.prepare(pod, this.facts(pod));
    const sandbox = (attempt === undefined ? Promise.resolve(this.#parts.cache.sandboxOf(uid)) : this.#createSandbox(pod, attempt)).then(async (one) => {
      if (one) await admit(pod, one);
      return one;
    });
    const prepared = early ?? sandbox.then(() => volumes.prepare(pod, this.facts(pod)));
    const [made, volume] = await Promise.allSettled([sandbox, prepared]);
    if (made.status === 'rejected') {
      await Promise.all(pulls);
      events.warning(pod, 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${text(made.reason)}`);
      throw made.reason;
    }
    if (volume.status === 'rejected') {
      await Promise.all(pulls);
      if (volume.reason instanceof MountFailure) {
        this.#unmounted.add(uid);
        events.warning(pod, 'FailedMount', volume.reason.message);
      }
      throw volume.reason;
    }
    if (!made.value) return;
    if (failedBefore) pulls = starts.map(pull);
    for (const [index, start] of starts.entries()) {
      const image = await pulls[index];
      signal.throwIfAborted();
      try {
        if (!image || image instanceof Error) throw image ?? new Error('no image');
        await this.#start(pod, start, made.value, image, volume.value, signal);
      } catch (error) {
        signal.throwIfAborted();
        const { name } = start.named.container;
        const failure = failureOf(error);
        result.failures[name] = failure;
        if (!image || !(image instanceof Error)) events.warning(containerReference(pod, start.named), 'Failed', `Error: ${failure.message ?? failure.reason}`);
      }
    }
  }

  async #createSandbox(pod: Pod, attempt: number): Promise<PodSandbox> {
    const { runtime, cache, cluster, events, onSandbox } = this.#parts;
    if (attempt > 0) events.normal(pod, 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
    const unmet = unmetAsks(pod);
    if (unmet !== undefined) events.warning(pod, 'NotGranted', unmet);
    const sandbox = await runtime.runPodSandbox(sandboxConfig(pod, attempt, cluster));
    cache.putSandbox(sandbox);
    onSandbox(pod, sandbox);
    return sandbox;
  }

  async #start(pod: Pod, { named, attempt }: Start, sandbox: PodSandbox, image: ImageInfo, volumes: ReadonlyMap<string, PreparedVolume>, signal: AbortSignal): Promise<void> {
    const { runtime, cache, volumes: manager, environment, events, folder } = this.#parts;
    const { container } = named;
    const uid = pod.metadata.uid ?? '';
    const about = containerReference(pod, named);
    const folders = podFolders(folder, uid);
    const env = await environment(pod, container, { ...this.facts(pod), podIp: sandbox.ip });
    const mounts = await manager.mounts(pod, container, volumes, env);
    const record = recordOf(container);
    const termination = folders.terminationMessage(container.name, attempt);
    mkdirSync(path.dirname(termination), { recursive: true, mode: 0o700 });
    writeFileSync(termination, '');
    // Whoever the container's user is may write it.
    chmodSync(termination, 0o666);
    writeFileSync(folders.record(container.name, attempt), JSON.stringify(record), { mode: 0o600 });
    mkdirSync(folders.logs(container.name), { recursive: true, mode: 0o700 });
    const messagePath = container.terminationMessagePath || '/dev/termination-log';
    const processesOf = this.#debugged(uid, container);
    const config = containerConfig(pod, container, {
      image,
      ...(processesOf !== undefined && { processesOf }),
      env,
      mounts: [...mounts, { hostPath: termination, containerPath: messagePath, readOnly: false }],
      attempt,
      logDirectory: folders.logs(container.name),
      podPids: this.#parts.podPids,
    });
    const id = await runtime.createContainer(sandbox.id, config).catch(wrapped('CreateContainerError'));
    cache.record(id, record);
    events.normal(about, 'Created', `Created container: ${container.name}`);
    try {
      await runtime.startContainer(id).catch(wrapped('RunContainerError'));
    } finally {
      // One that could not be started has ended: taken for one that was only made, it would be made anew.
      await cache.refresh(id);
    }
    events.normal(about, 'Started', `Started container ${container.name}`);
    const hook = container.lifecycle?.postStart;
    if (!hook) return;
    const outcome = await runHook(hook, this.#target(pod, id, container), this.#parts.clock, signal);
    if (outcome.ok) return;
    // The hook's output may hold secrets: it stands in the pod's status, not in events (as the kubelet does).
    events.warning(about, 'FailedPostStartHook', 'PostStartHook failed');
    await this.#stop(pod, { type: 'stopContainer', id, name: container.name, message: 'FailedPostStartHook', graceSeconds: pod.spec.terminationGracePeriodSeconds ?? 30, hooks: true });
    throw new StartError('PostStartHookError', outcome.message);
  }

  /** Hook, turn and end share one grace; whatever they used up, a little is left for the end itself. `turn` resolves when others have ended that go first. */
  async #stop(pod: Pod, action: Stop, turn: Promise<unknown> = Promise.resolve()): Promise<void> {
    const { runtime, cache, events, clock } = this.#parts;
    const { id, name, graceSeconds } = action;
    const named = containersOf(pod).find(({ container }) => container.name === name);
    if (named) events.normal(containerReference(pod, named), 'Killing', action.message);
    const stop = { hurried: new AbortController(), graceSeconds, startedAt: clock.now().getTime() };
    const left = () => stop.graceSeconds - (clock.now().getTime() - stop.startedAt) / 1000;
    this.#stopping.set(id, stop);
    try {
      const drained = action.hooks && graceSeconds > 0 && pod.metadata.deletionTimestamp ? this.#parts.drain.until(pod.metadata.uid ?? '', stop.hurried.signal) : undefined;
      const hook = named?.container.lifecycle?.preStop;
      if (action.hooks && hook && named && graceSeconds > 0) {
        const outcome = await runHook(hook, this.#target(pod, id, named.container), clock, stop.hurried.signal, graceSeconds * 1000);
        // One that only took too long is no failure: the end comes all the same.
        if (!outcome.ok && left() > 0) events.warning(containerReference(pod, named), 'FailedPreStopHook', 'PreStopHook failed');
      }
      await drained;
      if (action.after?.length && left() > 0) await Promise.race([turn, delay(clock, left() * 1000, stop.hurried.signal).catch(() => undefined)]);
      await runtime.stopContainer(id, stop.graceSeconds === 0 ? 0 : Math.max(left(), leastGraceSeconds));
    } finally {
      this.#stopping.delete(id);
      // Nobody waits any more.
      stop.hurried.abort();
      await cache.refresh(id);
    }
  }

  async #resize(pod: Pod, { id, named: { container }, attempt }: Extract<PodAction, { type: 'resizeContainer' }>): Promise<void> {
    const { runtime, cache, events, folder } = this.#parts;
    const record = recordOf(container);
    await runtime.changeLimits(id, limitsOf(container));
    writeFileSync(podFolders(folder, pod.metadata.uid ?? '').record(container.name, attempt), JSON.stringify(record), { mode: 0o600 });
    cache.record(id, record);
    await cache.refresh(id);
    events.normal(pod, 'ResizeCompleted', `Pod resize completed: ${JSON.stringify({ containers: [{ name: container.name, resources: record.resources }], ...(pod.metadata.generation !== undefined && { generation: pod.metadata.generation }) })}`);
  }

  /** The container that a debugging one looks into. */
  #debugged(uid: string, container: Container): string | undefined {
    const { targetContainerName } = container as { targetContainerName?: string };
    if (!targetContainerName) return undefined;
    const target = this.#parts.cache.observe(uid).containers.find(({ name, state }) => name === targetContainerName && state === 'running');
    if (!target) throw new StartError('CreateContainerError', `unable to find target container ${targetContainerName}`);
    return target.id;
  }

  #target(pod: Pod, containerId: string, container: Container): Target {
    const { runtime, cache } = this.#parts;
    const sandbox = cache.sandboxOf(pod.metadata.uid ?? '');
    return { runtime, containerId, container, podIp: sandbox?.ip ?? '', ...(sandbox?.portMap && { portMap: sandbox.portMap }), ...(runtime.inside?.connect && { connect: runtime.inside.connect }) };
  }

  async #stopSandbox(id: string): Promise<void> {
    await this.#parts.runtime.stopPodSandbox(id);
    await this.#parts.cache.refreshSandboxes();
  }

  async #removeSandbox(id: string): Promise<void> {
    await this.#parts.runtime.removePodSandbox(id);
    this.#parts.cache.forgetSandbox(id);
  }

  /** With its log: who crashes again and again must not fill the disk. */
  async #remove(pod: Pod, id: string): Promise<void> {
    const { runtime, cache, folder } = this.#parts;
    const uid = pod.metadata.uid ?? '';
    const container = cache.observe(uid).containers.find((one) => one.id === id);
    await runtime.removeContainer(id);
    if (container) await removeRun(podFolders(folder, uid), container.name, container.attempt);
    await cache.refresh(id);
  }
}

function containerReference(pod: Pod, { role, container }: NamedContainer): ObjectReference {
  const list = role === 'main' ? 'containers' : role === 'ephemeral' ? 'ephemeralContainers' : 'initContainers';
  const { name, namespace, uid, resourceVersion } = pod.metadata;
  return {
    apiVersion: 'v1', kind: 'Pod', name, ...(namespace && { namespace }), ...(uid && { uid }), ...(resourceVersion && { resourceVersion }),
    fieldPath: `spec.${list}{${container.name}}`,
  };
}

function recordOf(container: Container): ContainerRecord {
  return { image: container.image ?? '', fallbackToLogs: container.terminationMessagePolicy === 'FallbackToLogsOnError', resources: appliedResources(container) };
}

function needsAddress(pod: Pod): boolean {
  return (pod.spec.volumes ?? []).some((volume) => [volume.downwardAPI?.items, ...(volume.projected?.sources ?? []).map((source) => source.downwardAPI?.items)].flat().some((item) => item?.fieldRef?.fieldPath.startsWith('status.podIP')));
}

function failureOf(error: unknown): Waiting {
  if (error instanceof StartError || error instanceof RuntimeFailure) return { reason: error.reason, message: error.message };
  if (error instanceof ConfigError || error instanceof VolumeError) return { reason: 'CreateContainerConfigError', message: error.message };
  return { reason: 'CreateContainerError', message: text(error) };
}

const wrapped = (reason: string) => (error: unknown): never => {
  throw error instanceof RuntimeFailure ? error : new StartError(reason, text(error), { cause: error });
};

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
