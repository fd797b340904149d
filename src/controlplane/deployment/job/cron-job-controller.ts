/** Starts the jobs of cron jobs when their time has come. */
import { cronJobs, jobs, type CronJob, type Job } from '../../../api/kinds/batch.ts';
import { copyJson, equalJson } from '../../../api/json.ts';
import { controllerOf, keyOf, splitKey, type KubeObject } from '../../../api/meta.ts';
import { isStatusError } from '../../../api/status.ts';
import { eventRecorder } from '../../../client/event-recorder.ts';
import { ifFound } from '../../../client/if-found.ts';
import type { ModuleContext } from '../../kernel/boot/module.ts';
import { controller, type ReconcileResult } from '../../kernel/reconcile/controller.ts';
import { planCronJob, referenceTo, type CronJobPlan } from './cron-job-plan.ts';
import { isTimeZone, parseSchedule, type Schedule } from './cron-schedule.ts';

export async function startCronJobController({ client, informers, clock, log, scope }: ModuleContext): Promise<void> {
  const recorder = scope.own(eventRecorder(client, 'cronjob-controller', clock));
  const cache = informers.for(cronJobs);
  const jobCache = informers.for(jobs);
  await Promise.all([cache.synced, jobCache.synced]);

  const loop = scope.own(controller({ name: 'cronjob-controller', clock, log, reconcile }));
  scope.own(cache.onChange(({ object }) => loop.enqueue(keyOf(object))));
  scope.own(jobCache.onChange(({ object }) => {
    const owner = controllerOf(object);
    if (owner?.kind === 'CronJob') loop.enqueue(`${object.metadata.namespace}/${owner.name}`);
  }));

  async function reconcile(key: string): Promise<ReconcileResult> {
    const { namespace, name } = splitKey(key);
    if (!cache.get(key)) return;
    const cron = await ifFound(client.get(cronJobs, { name, namespace }));
    if (!cron) return;
    const schedule = scheduleOf(cron);
    if (!schedule) return;
    const own = (await client.list(jobs, { namespace })).items.filter((job) => controllerOf(job)?.uid === cron.metadata.uid);
    const plan = planCronJob(cron, own, schedule, clock.now());
    for (const { type, reason, message } of plan.events) recorder[type === 'Normal' ? 'normal' : 'warning'](cron, reason, message);
    for (const job of plan.remove) await remove(cron, job);
    if (plan.start) await start(cron, plan.start, plan);
    await writeStatus(cron, plan);
    return plan.afterMs === undefined ? undefined : { afterMs: plan.afterMs };
  }

  function scheduleOf(cron: CronJob): Schedule | undefined {
    const { timeZone } = cron.spec;
    if (timeZone !== undefined && !isTimeZone(timeZone)) {
      recorder.warning(cron, 'UnknownTimeZone', `invalid timeZone: "${timeZone}": unknown time zone ${timeZone}`);
      return undefined;
    }
    try {
      return parseSchedule(cron.spec.schedule, cron.spec.timeZone);
    } catch (error) {
      recorder.warning(cron, 'UnparseableSchedule', `unparseable schedule: "${cron.spec.schedule}" : ${(error as Error).message}`);
      return undefined;
    }
  }

  async function start(cron: CronJob, job: Job, plan: CronJobPlan): Promise<void> {
    try {
      const made = await client.create<Job>(jobs, job, { namespace: cron.metadata.namespace });
      plan.status.active = [...(plan.status.active ?? []), referenceTo(made)] as NonNullable<typeof plan.status.active>;
      recorder.normal(cron, 'SuccessfulCreate', `Created job ${made.metadata.name}`);
    } catch (error) {
      // Started before a crash: the job itself says so, its name being that of its minute.
      if (isStatusError(error, 'AlreadyExists')) return;
      recorder.warning(cron, 'FailedCreate', `Error creating job: ${(error as Error).message}`);
      throw error;
    }
  }

  async function remove(cron: CronJob, { metadata: { name, namespace, uid } }: Job): Promise<void> {
    try {
      await client.delete(jobs, { name, namespace }, { propagationPolicy: 'Background', ...(uid && { preconditions: { uid } }) });
      recorder.normal(cron, 'SuccessfulDelete', `Deleted job ${name}`);
    } catch (error) {
      if (!isStatusError(error, 'NotFound', 'Conflict')) throw error;
    }
  }

  async function writeStatus(cron: CronJob, { status }: CronJobPlan): Promise<void> {
    if (equalJson(cron.status, status)) return;
    const { name, namespace } = cron.metadata;
    await ifFound(client.update(cronJobs, { ...copyJson(cron), status } as KubeObject, { name, namespace, subresource: 'status' }));
  }
}
