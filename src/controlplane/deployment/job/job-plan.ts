/**
 * What a job does next, seen from its pods (kubernetes pkg/controller/job). Pure. An end is counted in two steps, so that none is lost or counted twice:
 * the pod's uid is noted in the status, then its finalizer goes, then the note becomes a number.
 */
import { jobTracking, type Job } from '../../../api/kinds/batch.ts';
import type { Pod } from '../../../api/kinds/core.ts';
import { toTime } from '../../../api/meta.ts';
import { isPodReady, isTerminal } from '../../../api/pod.ts';
import { conditionOf, withCondition, type NewCondition, type WorkloadCondition } from '../conditions.ts';
import { leastUseful } from '../replicas-plan.ts';
import { formatIndexes, parseIndexes } from './indexes.ts';
import { earlierFailures, failureDelay, indexOf, judgeFailure } from './pod-failures.ts';

export interface NewPod {
  index?: number;
  /** Failures of its index so far, where they are counted. */
  failures?: number;
}

export interface JobPlan {
  status: NonNullable<Job['status']>;
  /** Their finalizer goes once the status is written. */
  release: Pod[];
  remove: Pod[];
  create: NewPod[];
  events: { type: 'Normal' | 'Warning'; reason: string; message: string }[];
  afterMs?: number;
}

interface Target {
  type: 'SuccessCriteriaMet' | 'FailureTarget';
  reason: string;
  message: string;
}

/** Pods made in one go; the rest follows with the next look. */
const burst = 500;

const hasFinalizer = (pod: Pod) => pod.metadata.finalizers?.includes(jobTracking) ?? false;
const isTrue = (conditions: readonly WorkloadCondition[], type: string) => conditionOf(conditions, type)?.status === 'True';

export function isFinished({ status }: Job): boolean {
  const conditions = (status?.conditions ?? []) as WorkloadCondition[];
  return isTrue(conditions, 'Complete') || isTrue(conditions, 'Failed');
}

/** `pods`: those whose controller the job is. */
export function planJob(job: Job, pods: readonly Pod[], now: Date): JobPlan {
  const state = new JobState(job, pods, now);
  if (isFinished(job)) return { ...state.nothing(), release: pods.filter(hasFinalizer) };
  state.count();
  if (job.metadata.deletionTimestamp) return state.wait();
  const target = state.target();
  if (target) return state.end(target);
  return job.spec.suspend ? state.suspend() : state.run();
}

class JobState {
  readonly #job: Job;
  readonly #now: Date;
  readonly #indexed: boolean;
  readonly #active: Pod[];
  readonly #terminating: Pod[];
  readonly #ended: Pod[];
  readonly #status: NonNullable<Job['status']>;
  readonly #completed: Set<number>;
  readonly #failedIndexes: Set<number>;
  /** By index: failures, where they are counted for each. */
  readonly #indexFailures = new Map<number, number>();
  readonly #release: Pod[] = [];
  readonly #events: JobPlan['events'] = [];
  #conditions: WorkloadCondition[];
  #policyFailure: string | undefined;
  #waiting = { succeeded: 0, failed: 0 };

  constructor(job: Job, pods: readonly Pod[], now: Date) {
    this.#job = job;
    this.#now = now;
    this.#indexed = job.spec.completionMode === 'Indexed';
    // A pod that is being deleted has failed already where nobody asked to wait for its end.
    const failsByDeletion = job.spec.podReplacementPolicy !== 'Failed';
    const deleting = (pod: Pod) => pod.metadata.deletionTimestamp !== undefined && !isTerminal(pod);
    this.#active = pods.filter((pod) => !isTerminal(pod) && !pod.metadata.deletionTimestamp);
    this.#terminating = pods.filter(deleting);
    this.#ended = pods.filter((pod) => isTerminal(pod) || (failsByDeletion && deleting(pod)));
    this.#status = { ...job.status };
    this.#conditions = [...((job.status?.conditions ?? []) as WorkloadCondition[])];
    this.#completed = parseIndexes(job.status?.completedIndexes);
    this.#failedIndexes = parseIndexes(job.status?.failedIndexes);
  }

  /** Ends that are new are noted, notes whose finalizer is gone become numbers. */
  count(): void {
    const { spec, status } = this.#job;
    const noted = { succeeded: new Set(status?.uncountedTerminatedPods?.succeeded), failed: new Set(status?.uncountedTerminatedPods?.failed) };
    const held = new Set(this.#ended.filter(hasFinalizer).map(({ metadata }) => metadata.uid ?? ''));
    let [succeeded, failed] = [status?.succeeded ?? 0, status?.failed ?? 0];
    for (const uid of noted.succeeded) if (!held.has(uid) && noted.succeeded.delete(uid)) succeeded += 1;
    for (const uid of noted.failed) if (!held.has(uid) && noted.failed.delete(uid)) failed += 1;
    for (const pod of this.#ended) {
      const uid = pod.metadata.uid ?? '';
      const index = indexOf(pod);
      const well = pod.status?.phase === 'Succeeded';
      const verdict = well ? undefined : judgeFailure(this.#job, pod);
      if (verdict?.action === 'FailJob') this.#policyFailure ??= verdict.message;
      if (index !== undefined && spec.backoffLimitPerIndex !== undefined && verdict && verdict.action !== 'Ignore') this.#noteIndexFailure(index, earlierFailures(pod) + 1, verdict.action === 'FailIndex');
      if (!hasFinalizer(pod)) continue;
      this.#release.push(pod);
      if (this.#indexed) {
        if (well && index !== undefined && index < (spec.completions ?? 0)) this.#completed.add(index);
      } else if (well) noted.succeeded.add(uid);
      if (verdict && verdict.action !== 'Ignore') noted.failed.add(uid);
    }
    if (this.#indexed) for (const index of this.#completed) if (index >= (spec.completions ?? 0)) this.#completed.delete(index);
    this.#waiting = { succeeded: noted.succeeded.size, failed: noted.failed.size };
    this.#set('succeeded', this.#indexed ? this.#completed.size : succeeded);
    this.#set('failed', failed);
    this.#status.uncountedTerminatedPods = { ...(noted.succeeded.size > 0 && { succeeded: [...noted.succeeded] }), ...(noted.failed.size > 0 && { failed: [...noted.failed] }) };
  }

  #noteIndexFailure(index: number, failures: number, atOnce: boolean): void {
    this.#indexFailures.set(index, Math.max(failures, this.#indexFailures.get(index) ?? 0));
    if (atOnce || failures > (this.#job.spec.backoffLimitPerIndex ?? 0)) this.#failedIndexes.add(index);
  }

  get #succeeded(): number {
    return this.#indexed ? this.#completed.size : (this.#status.succeeded ?? 0) + this.#waiting.succeeded;
  }

  get #failed(): number {
    return (this.#status.failed ?? 0) + this.#waiting.failed;
  }

  /** Why the job is over, if it is. What was decided once stays. */
  target(): Target | undefined {
    for (const type of ['FailureTarget', 'SuccessCriteriaMet'] as const) {
      const decided = conditionOf(this.#conditions, type);
      if (decided?.status === 'True') return { type, reason: decided.reason ?? '', message: decided.message ?? '' };
    }
    const failure = this.#failure();
    if (failure) return { type: 'FailureTarget', ...failure };
    const rule = this.#successRule();
    if (rule !== undefined) return { type: 'SuccessCriteriaMet', reason: 'SuccessPolicy', message: `Matched rules at index ${rule}` };
    return this.#reached() ? { type: 'SuccessCriteriaMet', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' } : undefined;
  }

  #failure(): { reason: string; message: string } | undefined {
    const { spec } = this.#job;
    if (this.#policyFailure !== undefined) return { reason: 'PodFailurePolicy', message: this.#policyFailure };
    const restarts = spec.template.spec?.restartPolicy === 'OnFailure' ? this.#active.reduce((sum, pod) => sum + restartsOf(pod), 0) : 0;
    const limit = spec.backoffLimit ?? 6;
    if (this.#failed > limit || (restarts > 0 && restarts >= Math.max(limit, 1))) return { reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' };
    if (this.#deadlineMs() === 0) return { reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' };
    if (spec.maxFailedIndexes !== undefined && this.#failedIndexes.size > spec.maxFailedIndexes) return { reason: 'MaxFailedIndexesExceeded', message: 'Job has exceeded the specified maximal number of failed indexes' };
    if (this.#failedIndexes.size > 0 && new Set([...this.#failedIndexes, ...this.#completed]).size >= (spec.completions ?? 0)) return { reason: 'FailedIndexes', message: 'Job has failed indexes' };
    return undefined;
  }

  /** Milliseconds left of `activeDeadlineSeconds`. */
  #deadlineMs(): number | undefined {
    const { activeDeadlineSeconds, suspend } = this.#job.spec;
    const start = Date.parse(String(this.#job.status?.startTime ?? ''));
    if (activeDeadlineSeconds === undefined || suspend || Number.isNaN(start)) return undefined;
    return Math.max(0, start + activeDeadlineSeconds * 1000 - this.#now.getTime());
  }

  #successRule(): number | undefined {
    const rules = this.#job.spec.successPolicy?.rules ?? [];
    const met = rules.findIndex(({ succeededIndexes, succeededCount }) => {
      const wanted = succeededIndexes === undefined ? undefined : parseIndexes(succeededIndexes);
      const done = wanted ? [...wanted].filter((index) => this.#completed.has(index)).length : this.#completed.size;
      return succeededCount === undefined ? wanted !== undefined && done === wanted.size : done >= succeededCount;
    });
    return met < 0 ? undefined : met;
  }

  #reached(): boolean {
    const { completions } = this.#job.spec;
    if (completions !== undefined) return this.#succeeded >= completions;
    return this.#succeeded > 0 && this.#active.length === 0;
  }

  /** Pods that still run go first; the last word is said when every end is counted. */
  end(target: Target): JobPlan {
    this.#condition({ status: 'True', ...target });
    const over = this.#active.length + this.#terminating.length === 0 && this.#waiting.succeeded + this.#waiting.failed === 0 && this.#release.length === 0;
    if (over) {
      const { reason, message } = target;
      const well = target.type === 'SuccessCriteriaMet';
      this.#condition({ type: well ? 'Complete' : 'Failed', status: 'True', reason, message });
      if (well) this.#status.completionTime = toTime(this.#now);
      this.#events.push(well ? { type: 'Normal', reason: 'Completed', message: 'Job completed' } : { type: 'Warning', reason, message });
    }
    return this.#plan({ remove: this.#active });
  }

  suspend(): JobPlan {
    if (!isTrue(this.#conditions, 'Suspended')) this.#events.push({ type: 'Normal', reason: 'Suspended', message: 'Job suspended' });
    this.#condition({ type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended' });
    delete this.#status.startTime;
    return this.#plan({ remove: this.#active });
  }

  run(): JobPlan {
    if (isTrue(this.#conditions, 'Suspended')) {
      this.#condition({ type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed' });
      this.#events.push({ type: 'Normal', reason: 'Resumed', message: 'Job resumed' });
      this.#status.startTime = toTime(this.#now);
    }
    this.#status.startTime ??= toTime(this.#now);
    const { parallelism = 1, completions } = this.#job.spec;
    // Where only pods that failed are replaced, those on their way out still take their place.
    const taken = this.#active.length + (this.#job.spec.podReplacementPolicy === 'Failed' ? this.#terminating.length : 0);
    const left = completions === undefined ? (this.#succeeded > 0 ? this.#active.length : parallelism) : Math.max(0, completions - this.#succeeded);
    const wanted = Math.min(parallelism, left);
    const surplus = this.#surplus(wanted);
    if (surplus.length > 0) return this.#plan({ remove: surplus });
    const missing = Math.min(wanted - taken, burst);
    if (missing <= 0) return this.#plan({});
    return this.#indexed ? this.#createIndexes(missing) : this.#createAny(missing);
  }

  /** More than wanted, outside the range of indexes, or two of one index. */
  #surplus(wanted: number): Pod[] {
    const seen = new Set<number>();
    const wrong = this.#indexed ? this.#active.filter((pod) => {
      const index = indexOf(pod);
      if (index === undefined || index >= (this.#job.spec.completions ?? 0) || this.#completed.has(index) || seen.has(index)) return true;
      seen.add(index);
      return false;
    }) : [];
    const rest = this.#active.filter((pod) => !wrong.includes(pod));
    return [...wrong, ...leastUseful(rest, this.#now).slice(0, Math.max(0, rest.length - wanted))];
  }

  #createAny(missing: number): JobPlan {
    const delay = failureDelay(this.#ended, this.#now);
    return delay > 0 ? this.#plan({ afterMs: delay }) : this.#plan({ create: Array.from({ length: missing }, () => ({})) });
  }

  #createIndexes(missing: number): JobPlan {
    const perIndex = this.#job.spec.backoffLimitPerIndex !== undefined;
    const common = perIndex ? 0 : failureDelay(this.#ended, this.#now);
    if (common > 0) return this.#plan({ afterMs: common });
    const busy = new Set([...this.#active, ...(this.#job.spec.podReplacementPolicy === 'Failed' ? this.#terminating : [])].map(indexOf));
    const create: NewPod[] = [];
    let afterMs: number | undefined;
    for (let index = 0; index < (this.#job.spec.completions ?? 0) && create.length < missing; index += 1) {
      if (busy.has(index) || this.#completed.has(index) || this.#failedIndexes.has(index)) continue;
      const delay = perIndex ? failureDelay(this.#ended.filter((pod) => indexOf(pod) === index), this.#now) : 0;
      if (delay > 0) afterMs = Math.min(afterMs ?? delay, delay);
      else create.push({ index, ...(perIndex && { failures: this.#indexFailures.get(index) ?? 0 }) });
    }
    return this.#plan({ create, ...(afterMs !== undefined && { afterMs }) });
  }

  /** Goes on counting, and no further. */
  wait(): JobPlan {
    return this.#plan({});
  }

  nothing(): JobPlan {
    return { status: this.#status, release: [], remove: [], create: [], events: [] };
  }

  #plan({ remove = [], create = [], afterMs }: Partial<Pick<JobPlan, 'remove' | 'create' | 'afterMs'>>): JobPlan {
    const staying = this.#active.filter((pod) => !remove.includes(pod));
    this.#set('active', staying.length + create.length);
    this.#set('terminating', this.#terminating.length + remove.length);
    this.#status.ready = staying.filter(isPodReady).length;
    if (this.#indexed) this.#text('completedIndexes', formatIndexes(this.#completed));
    if (this.#job.spec.backoffLimitPerIndex !== undefined) this.#text('failedIndexes', formatIndexes(this.#failedIndexes));
    if (this.#conditions.length > 0) this.#status.conditions = this.#conditions as NonNullable<NonNullable<Job['status']>['conditions']>;
    const waits = [afterMs, this.#deadlineMs()].filter((wait) => wait !== undefined && wait > 0) as number[];
    return { status: this.#status, release: this.#release, remove, create, events: this.#events, ...(waits.length > 0 && { afterMs: Math.min(...waits) }) };
  }

  #condition(condition: NewCondition): void {
    const time = toTime(this.#now);
    this.#conditions = withCondition(this.#conditions, condition, this.#now, false).map((one) => ({ lastProbeTime: one.lastTransitionTime ?? time, ...one }));
  }

  /** Numbers that are zero are left out, as the real server does. */
  #set(name: 'active' | 'succeeded' | 'failed' | 'terminating', value: number): void {
    if (value > 0 || name === 'terminating') this.#status[name] = value;
    else delete this.#status[name];
  }

  #text(name: 'completedIndexes' | 'failedIndexes', text: string): void {
    if (text !== '') this.#status[name] = text;
    else delete this.#status[name];
  }
}

function restartsOf({ status }: Pod): number {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].reduce((sum, { restartCount }) => sum + restartCount, 0);
}

/** Milliseconds until a finished job may go; `undefined`: it stays. */
export function timeToLive(job: Job, now: Date): number | undefined {
  const { ttlSecondsAfterFinished } = job.spec;
  if (ttlSecondsAfterFinished === undefined || !isFinished(job)) return undefined;
  const conditions = (job.status?.conditions ?? []) as WorkloadCondition[];
  const at = conditions.find(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True')?.lastTransitionTime;
  return Math.max(0, Date.parse(at ?? '') + ttlSecondsAfterFinished * 1000 - now.getTime());
}
