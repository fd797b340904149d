/** Which job a cron job starts now, and what becomes of earlier ones (kubernetes pkg/controller/cronjob). Pure. */
import { jobAnnotations, type CronJob, type Job } from '../../../api/kinds/batch.ts';
import { copyJson } from '../../../api/json.ts';
import { controllerReference, toTime, type ObjectReference } from '../../../api/meta.ts';
import type { WorkloadCondition } from '../conditions.ts';
import type { Schedule } from './cron-schedule.ts';
import { isFinished } from './job-plan.ts';

export interface CronJobPlan {
  status: NonNullable<CronJob['status']>;
  start?: Job;
  /** Replaced by the new one, or beyond the history limits. */
  remove: Job[];
  events: { type: 'Normal' | 'Warning'; reason: string; message: string }[];
  afterMs?: number;
}

/** More than that many missed times mean a clock that jumped, not work to catch up with. */
const mostMissed = 100;

/** `jobs`: those whose controller the cron job is. */
export function planCronJob(cron: CronJob, jobs: readonly Job[], schedule: Schedule, now: Date): CronJobPlan {
  const events: CronJobPlan['events'] = [];
  const status = { ...cron.status };
  const active = trackActive(cron, jobs, status, events);
  const remove = beyondHistory(cron, jobs);
  const plan = (more: Partial<CronJobPlan> = {}): CronJobPlan => {
    if (active.length > 0) status.active = active;
    else delete status.active;
    return { status, remove, events, ...more };
  };
  if (cron.metadata.deletionTimestamp || cron.spec.suspend) return plan();

  const { due, missed } = latestDue(cron, schedule, now);
  const next = schedule.next(now);
  const later = next && { afterMs: next.getTime() - now.getTime() };
  if (missed > mostMissed) events.push({ type: 'Warning', reason: 'TooManyMissedTimes', message: 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew' });
  if (!due) return plan(later);
  const name = jobName(cron, due);
  // Started, and its status was not written in time.
  if (jobs.some((job) => job.metadata.name === name)) {
    status.lastScheduleTime = toTime(due);
    return plan(later);
  }
  const { startingDeadlineSeconds, concurrencyPolicy } = cron.spec;
  if (startingDeadlineSeconds !== undefined && due.getTime() + startingDeadlineSeconds * 1000 < now.getTime()) {
    events.push({ type: 'Warning', reason: 'MissSchedule', message: `Missed scheduled time to start a job: ${due.toUTCString().replace('GMT', '+0000')}` });
    return plan(later);
  }
  const running = jobs.filter((job) => active.some(({ uid }) => uid === job.metadata.uid));
  if (concurrencyPolicy === 'Forbid' && running.length > 0) {
    events.push({ type: 'Normal', reason: 'JobAlreadyActive', message: 'Not starting job because prior execution is running and concurrency policy is Forbid' });
    return plan(later);
  }
  if (concurrencyPolicy === 'Replace') {
    remove.push(...running);
    active.length = 0;
  }
  status.lastScheduleTime = toTime(due);
  return plan({ start: makeJob(cron, name, due), ...later });
}

/** Jobs that ended leave the list of active ones, with a word each. */
function trackActive(cron: CronJob, jobs: readonly Job[], status: NonNullable<CronJob['status']>, events: CronJobPlan['events']): ObjectReference[] {
  const active: ObjectReference[] = [];
  for (const reference of cron.status?.active ?? []) {
    const job = jobs.find(({ metadata }) => metadata.uid === reference.uid);
    if (!job) events.push({ type: 'Normal', reason: 'MissingJob', message: `Active job went missing: ${reference.name}` });
    else if (isFinished(job)) events.push({ type: 'Normal', reason: 'SawCompletedJob', message: `Saw completed job: ${job.metadata.name}, condition: ${endOf(job)?.type ?? ''}` });
    else active.push(reference as ObjectReference);
  }
  for (const job of jobs) {
    const end = endOf(job);
    if (!end && !active.some(({ uid }) => uid === job.metadata.uid) && !job.metadata.deletionTimestamp) {
      // Started by us, and the note of it was lost; or made by hand, which is neither waited for nor replaced.
      if (isOurs(cron, job)) active.push(referenceTo(job));
      else events.push({ type: 'Warning', reason: 'UnexpectedJob', message: `Saw a job that the controller did not create or forgot: ${job.metadata.name}` });
    }
    const at = end?.type === 'Complete' ? (job.status?.completionTime as string | undefined) : undefined;
    if (at && (!status.lastSuccessfulTime || Date.parse(at) > Date.parse(status.lastSuccessfulTime as string))) status.lastSuccessfulTime = at;
  }
  return active;
}

function endOf({ status }: Job): WorkloadCondition | undefined {
  return ((status?.conditions ?? []) as WorkloadCondition[]).find((one) => (one.type === 'Complete' || one.type === 'Failed') && one.status === 'True');
}

export function referenceTo({ metadata: { name, namespace, uid, resourceVersion } }: Job): ObjectReference {
  return { apiVersion: 'batch/v1', kind: 'Job', name, ...(namespace && { namespace }), ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) };
}

/** Oldest first, of those beyond the limits. */
function beyondHistory({ spec }: CronJob, jobs: readonly Job[]): Job[] {
  return ([['Complete', spec.successfulJobsHistoryLimit ?? 3], ['Failed', spec.failedJobsHistoryLimit ?? 1]] as const).flatMap(([type, limit]) => {
    const ended = jobs.filter((job) => endOf(job)?.type === type && !job.metadata.deletionTimestamp).sort((one, other) => started(one) - started(other));
    return ended.slice(0, Math.max(0, ended.length - limit));
  });
}

const started = ({ status, metadata }: Job) => Date.parse(String(status?.startTime ?? metadata.creationTimestamp ?? '')) || 0;

/** The last time that has come since the last start; earlier ones are lost. */
function latestDue({ metadata, spec, status }: CronJob, schedule: Schedule, now: Date): { due: Date | undefined; missed: number } {
  let since = Date.parse(String(status?.lastScheduleTime ?? metadata.creationTimestamp ?? '')) || now.getTime();
  if (spec.startingDeadlineSeconds !== undefined) since = Math.max(since, now.getTime() - spec.startingDeadlineSeconds * 1000);
  let due: Date | undefined;
  let missed = 0;
  for (let at = schedule.next(new Date(since)); at && at <= now; at = schedule.next(at)) {
    due = at;
    missed += 1;
    if (missed <= mostMissed) continue;
    // A schedule of every minute over a month: look closer to now instead of counting on.
    const step = (schedule.next(at)?.getTime() ?? now.getTime()) - at.getTime();
    const jump = new Date(now.getTime() - 2 * step);
    if (step > 0 && jump > at) at = jump;
  }
  return { due, missed: Math.max(0, missed - 1) };
}

/** By the minute of its time: two controllers could not start it twice. */
function jobName({ metadata }: CronJob, due: Date): string {
  return `${metadata.name}-${Math.floor(due.getTime() / 60_000)}`;
}

function isOurs(cron: CronJob, { metadata: { name, annotations } }: Job): boolean {
  return annotations?.[jobAnnotations.scheduledAt] !== undefined && name.startsWith(`${cron.metadata.name}-`);
}

function makeJob(cron: CronJob, name: string, due: Date): Job {
  const { metadata, spec } = cron.spec.jobTemplate;
  const local = cron.spec.timeZone ? zoned(due, cron.spec.timeZone) : toTime(due);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      ...(cron.metadata.namespace && { namespace: cron.metadata.namespace }),
      ...(metadata?.labels && { labels: { ...metadata.labels } }),
      annotations: { ...metadata?.annotations, [jobAnnotations.scheduledAt]: local },
      ownerReferences: [controllerReference(cron)],
    },
    spec: copyJson(spec ?? {}) as Job['spec'],
  };
}

/** RFC 3339 with the zone's offset. */
function zoned(date: Date, timeZone: string): string {
  const parts = Object.fromEntries(new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'longOffset' }).formatToParts(date).map(({ type, value }) => [type, value]));
  const offset = (parts.timeZoneName ?? 'GMT').slice(3);
  return `${parts.year}-${parts.month}-${parts.day}T${parts.hour}:${parts.minute}:${parts.second}${offset === '' ? 'Z' : offset}`;
}
