/** Looks whether the machine runs short of something, says so through the node's conditions, and ends pods until there is enough; ends those that write more than they may. */
import { join } from 'node:path';
import type { Pod } from '../../api/kinds/core.ts';
import { isTerminal, mirrorAnnotation, qosClassOf } from '../../api/pod.ts';
import type { Clock } from '../../base/clock.ts';
import { Scope, type Disposable } from '../../base/disposable.ts';
import { Emitter } from '../../base/emitter.ts';
import type { Log } from '../../base/log.ts';
import type { NodeSettings } from '../node/settings.ts';
import { podFolders } from '../pods/pod-folders.ts';
import type { RuntimeCache } from '../pods/runtime-cache.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Collector } from '../stats/collector.ts';
import { memoryFolder } from '../volume/memory-folder.ts';
import { diskUsage } from './disk-usage.ts';
import { calm, conditionOfSignal, planPressure, type Observations, type PressureCondition, type PressureState } from './pressure-plan.ts';
import { evictionMessage, rank, type PodUsage } from './ranking.ts';
import { exceededStorage, hasStorageLimits, type StorageUsage } from './storage-plan.ts';
import type { Threshold } from './threshold.ts';

export interface EvictionParts {
  settings: Pick<NodeSettings, 'thresholds' | 'pressureTransitionMs' | 'maxPodGraceSeconds'>;
  runtime: Pick<Runtime, 'writableBytes'>;
  cache: RuntimeCache;
  stats: Collector;
  /** With their newest status. */
  pods(): readonly Pod[];
  /** The agent's folder. */
  folder: string;
  observe(): Promise<Observations>;
  /** Gives back disk without ending anything. */
  collectImages(): Promise<void>;
  /** Ends the pod, which then has failed as Evicted. */
  evict(pod: Pod, message: string, graceSeconds: number): void;
  /** An event of the node. */
  tell(reason: string, message: string): void;
  clock: Clock;
  log: Log;
  /** Default: the kubelet's own period. */
  lookMs?: number | undefined;
}

const usualLookMs = 10_000;
/** After pods were ended: it takes a moment until what they had is free. */
const soonMs = 2_000;
/** Measuring what was written takes at most this share of the time. */
const measuringShare = 0.05;
/** Those that are told to go at once get this long (kubelet's immediate eviction). */
const immediateGraceSeconds = 1;

export class EvictionManager implements Disposable {
  readonly #parts: EvictionParts;
  readonly #lookMs: number;
  readonly #scope = new Scope();
  readonly #changes = new Emitter<void>();
  #state: PressureState = calm;
  #conditions: ReadonlySet<PressureCondition> = new Set();
  /** Ends under way: nothing else is ended for pressure before it is over. */
  readonly #leaving = new Set<string>();

  constructor(parts: EvictionParts) {
    this.#parts = parts;
    this.#lookMs = parts.lookMs ?? usualLookMs;
    this.#repeat(0, () => this.#lookAtMachine());
    this.#repeat(this.#lookMs, () => this.#lookAtStorage());
  }

  get conditions(): ReadonlySet<PressureCondition> {
    return this.#conditions;
  }

  onChange(listener: () => void): Disposable {
    return this.#changes.on(listener);
  }

  /** Why a pod that has just come cannot start here (kubelet admission): under pressure nothing new is taken, short of memory only what asked for none is refused. */
  refusal(pod: Pod): string | undefined {
    if (this.#conditions.size === 0 || pod.metadata.annotations?.[mirrorAnnotation] !== undefined || (pod.spec.priority ?? 0) >= 2_000_000_000) return undefined;
    if (this.#conditions.size === 1 && this.#conditions.has('MemoryPressure')) {
      const tolerated = pod.spec.tolerations?.some(({ key, operator }) => key === 'node.kubernetes.io/memory-pressure' || (!key && operator === 'Exists'));
      if (qosClassOf(pod.spec) !== 'BestEffort' || tolerated) return undefined;
    }
    return `The node had condition: [${[...this.#conditions].join(' ')}]. `;
  }

  dispose(): Promise<void> {
    return this.#scope.dispose();
  }

  async #lookAtMachine(): Promise<number> {
    const { settings, clock } = this.#parts;
    const observations = await this.#parts.observe();
    const now = clock.now().getTime();
    const plan = planPressure(settings.thresholds, observations, this.#state, now, settings.pressureTransitionMs);
    this.#state = plan.state;
    const changed = plan.conditions.size !== this.#conditions.size || [...plan.conditions].some((one) => !this.#conditions.has(one));
    this.#conditions = plan.conditions;
    if (changed) this.#changes.fire();
    const waits = this.#stillLeaving();
    if (!plan.due || waits) return waits ? Math.min(soonMs, this.#lookMs) : this.#lookMs;
    return (await this.#relieve(plan.due, observations)) ? Math.min(soonMs, this.#lookMs) : this.#lookMs;
  }

  /** True if a pod was told to go. */
  async #relieve(threshold: Threshold, observations: Observations): Promise<boolean> {
    const { settings, tell, log } = this.#parts;
    const { signal, graceMs } = threshold;
    const disk = conditionOfSignal[signal] === 'DiskPressure';
    tell('EvictionThresholdMet', `Attempting to reclaim ${disk ? 'ephemeral-storage' : signal.startsWith('memory') ? 'memory' : 'pids'}`);
    let observed = observations;
    if (disk) {
      await this.#parts.collectImages();
      observed = await this.#parts.observe();
      if (!planPressure([threshold], observed, this.#state, 0, 0).state.met.length) return false;
    }
    const [first] = rank(await this.#usage(disk), signal);
    if (!first) {
      log.warn('the machine runs short and no pod of it could give anything back', { signal });
      return false;
    }
    const own = first.pod.spec.terminationGracePeriodSeconds ?? 30;
    const grace = graceMs > 0 ? Math.min(own, settings.maxPodGraceSeconds) : immediateGraceSeconds;
    this.#evict(first.pod, evictionMessage(first, threshold, observed), Math.max(grace, immediateGraceSeconds));
    return true;
  }

  async #lookAtStorage(): Promise<number> {
    const { clock } = this.#parts;
    const start = clock.now().getTime();
    for (const pod of this.#parts.pods()) {
      if (isTerminal(pod) || pod.metadata.deletionTimestamp || this.#leaving.has(pod.metadata.uid ?? '') || !hasStorageLimits(pod)) continue;
      const message = exceededStorage(pod, await this.#storage(pod));
      if (message !== undefined) this.#evict(pod, message, immediateGraceSeconds);
    }
    return Math.max(this.#lookMs, (clock.now().getTime() - start) / measuringShare);
  }

  #evict(pod: Pod, message: string, graceSeconds: number): void {
    this.#leaving.add(pod.metadata.uid ?? '');
    this.#parts.log.warn('evicting a pod', { pod: pod.metadata.name, namespace: pod.metadata.namespace, message });
    this.#parts.evict(pod, message, graceSeconds);
  }

  #stillLeaving(): boolean {
    for (const uid of this.#leaving) if (!this.#parts.cache.observe(uid).containers.some(({ state }) => state === 'running')) this.#leaving.delete(uid);
    return this.#leaving.size > 0;
  }

  async #usage(disk: boolean): Promise<PodUsage[]> {
    const { pods } = await this.#parts.stats.summary();
    const byUid = new Map(this.#parts.pods().map((pod) => [pod.metadata.uid ?? '', pod]));
    const all: PodUsage[] = [];
    for (const { podRef, containers, process_stats } of pods) {
      const pod = byUid.get(podRef.uid);
      if (!pod) continue;
      const storage = disk ? await this.#storage(pod) : undefined;
      const share = process_stats.process_count / Math.max(1, containers.length);
      const volumes = (pod.spec.volumes ?? []).filter(({ emptyDir }) => emptyDir && emptyDir.medium !== 'Memory').map(({ name }) => storage?.emptyDirs.get(name) ?? 0);
      all.push({
        pod,
        containers: containers.map(({ name, memory }) => ({ name, memory: memory.workingSetBytes, processes: share, disk: storage?.containers.get(name) ?? 0 })),
        volumeBytes: volumes.reduce((sum, bytes) => sum + bytes, 0),
      });
    }
    return all;
  }

  async #storage(pod: Pod): Promise<StorageUsage> {
    const { cache, runtime, folder } = this.#parts;
    const uid = pod.metadata.uid ?? '';
    const folders = podFolders(folder, uid);
    const containers = new Map<string, number>();
    for (const { id, name } of cache.observe(uid).containers) {
      const written = (await runtime.writableBytes?.(id).catch(() => 0)) ?? 0;
      containers.set(name, (containers.get(name) ?? 0) + written);
    }
    for (const [name, bytes] of containers) containers.set(name, bytes + (await diskUsage(folders.logs(name))));
    const emptyDirs = new Map<string, number>();
    for (const { name, emptyDir } of pod.spec.volumes ?? []) {
      if (emptyDir) emptyDirs.set(name, (await diskUsage(join(folders.volumes, name))) + (emptyDir.medium === 'Memory' ? await diskUsage(join(memoryFolder(folder, uid), name)) : 0));
    }
    return { containers, emptyDirs };
  }

  /** `look` answers after how many milliseconds it wants to look again; a failure is tried again as usual. */
  #repeat(firstMs: number, look: () => Promise<number>): void {
    const { clock, log } = this.#parts;
    let timer: Disposable | undefined;
    const next = (afterMs: number) => {
      if (this.#scope.disposed) return;
      timer = clock.after(afterMs, () => {
        void look().catch((error: unknown) => {
          log.warn('cannot look for pressure', { error });
          return this.#lookMs;
        }).then(next);
      });
    };
    this.#scope.defer(() => void timer?.dispose());
    next(firstMs);
  }
}
