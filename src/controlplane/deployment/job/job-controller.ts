/** Runs jobs: makes their pods, counts how they end, says when a job is over, removes those whose time is up. */
import { jobAnnotations, jobLabels, jobs, jobTracking, type Job } from '../../../api/kinds/batch.ts';
import { pods, type Pod } from '../../../api/kinds/core.ts';
import { copyJson, equalJson } from '../../../api/json.ts';
import { controllerOf, keyOf, splitKey, type KubeObject } from '../../../api/meta.ts';
import { isStatusError } from '../../../api/status.ts';
import { eventRecorder } from '../../../client/event-recorder.ts';
import { ifFound } from '../../../client/if-found.ts';
import type { ModuleContext } from '../../kernel/boot/module.ts';
import { controller, type ReconcileResult } from '../../kernel/reconcile/controller.ts';
import { inGrowingBatches, podFrom } from '../owned-pods.ts';
import { planJob, timeToLive, type JobPlan, type NewPod } from './job-plan.ts';

const managedHere = 'kubernetes.io/job-controller';

export async function startJobController({ client, informers, clock, log, scope }: ModuleContext): Promise<void> {
  const recorder = scope.own(eventRecorder(client, 'job-controller', clock));
  const cache = informers.for(jobs);
  const podCache = informers.for(pods, { byJob: (pod) => { const owner = controllerOf(pod); return owner?.kind === 'Job' ? [owner.uid] : []; } });
  await Promise.all([cache.synced, podCache.synced]);

  const loop = scope.own(controller({ name: 'job-controller', clock, log, reconcile }));
  const orphans = scope.own(controller({ name: 'job-orphans', clock, log, reconcile: releaseOrphan }));
  scope.own(cache.onChange(({ type, object }) => {
    loop.enqueue(keyOf(object));
    if (type === 'deleted') for (const pod of podCache.byIndex('byJob', object.metadata.uid ?? '')) orphans.enqueue(keyOf(pod));
  }));
  scope.own(podCache.onChange(({ object }) => {
    const owner = controllerOf(object);
    if (owner?.kind !== 'Job') return;
    const key = `${object.metadata.namespace}/${owner.name}`;
    if (cache.get(key)?.metadata.uid === owner.uid) loop.enqueue(key);
    else if (tracked(object)) orphans.enqueue(keyOf(object));
  }));

  async function reconcile(key: string): Promise<ReconcileResult> {
    const { namespace, name } = splitKey(key);
    if (!cache.get(key)) return;
    // Caches may be behind what was done a moment ago, and an end counted twice is a lie.
    const job = await ifFound(client.get(jobs, { name, namespace }));
    if (!job || (job.spec.managedBy ?? managedHere) !== managedHere) return;
    const own = (await client.list(pods, { namespace, ...(job.spec.manualSelector ? {} : { labelSelector: `${jobLabels.controllerUid}=${job.metadata.uid}` }) })).items.filter((pod) => controllerOf(pod)?.uid === job.metadata.uid);
    const plan = planJob(job, own, clock.now());
    // What ended is noted before the pods may go.
    const written = await writeStatus(job, plan);
    for (const { type, reason, message } of plan.events) recorder[type === 'Normal' ? 'normal' : 'warning'](job, reason, message);
    await Promise.all(plan.release.map(release));
    await remove(job, plan.remove);
    const failed = await create(job, plan.create);
    if (failed) throw failed;
    return afterEnd(written, plan);
  }

  async function afterEnd(job: Job, plan: JobPlan): Promise<ReconcileResult> {
    const left = timeToLive(job, clock.now());
    if (left === undefined) return plan.afterMs === undefined ? undefined : { afterMs: plan.afterMs };
    if (left > 0) return { afterMs: left };
    const { name, namespace, uid } = job.metadata;
    await ifFound(client.delete(jobs, { name, namespace }, { propagationPolicy: 'Foreground', ...(uid && { preconditions: { uid } }) }));
    return undefined;
  }

  async function writeStatus(job: Job, { status }: JobPlan): Promise<Job> {
    if (equalJson(job.status, status)) return job;
    const { name, namespace } = job.metadata;
    return client.update<Job>(jobs, { ...copyJson(job), status } as KubeObject, { name, namespace, subresource: 'status' });
  }

  async function create(job: Job, wanted: readonly NewPod[]): Promise<Error | undefined> {
    return inGrowingBatches(wanted.length, async (at) => {
      try {
        const made = await client.create(pods, jobPod(job, wanted[at] ?? {}), { namespace: job.metadata.namespace });
        recorder.normal(job, 'SuccessfulCreate', `Created pod: ${made.metadata.name}`);
      } catch (error) {
        if (!isStatusError(error) || !error.message.includes('because it is being terminated')) recorder.warning(job, 'FailedCreate', `Error creating: ${(error as Error).message}`);
        throw error;
      }
    });
  }

  async function remove(job: Job, surplus: readonly Pod[]): Promise<void> {
    await Promise.all(surplus.map(async ({ metadata: { name, namespace, uid } }) => {
      try {
        await client.delete(pods, { name, namespace }, uid ? { preconditions: { uid } } : {});
      } catch (error) {
        if (isStatusError(error, 'NotFound', 'Conflict')) return;
        throw error;
      }
      recorder.normal(job, 'SuccessfulDelete', `Deleted pod: ${name}`);
    }));
  }

  async function release(pod: Pod): Promise<void> {
    const finalizers = (pod.metadata.finalizers ?? []).filter((one) => one !== jobTracking);
    const patch = { metadata: { uid: pod.metadata.uid, resourceVersion: pod.metadata.resourceVersion, finalizers: finalizers.length > 0 ? finalizers : null } };
    await ifFound(client.patch(pods, { name: pod.metadata.name, namespace: pod.metadata.namespace }, 'merge', patch));
  }

  /** Nobody counts the pods of a job that is gone. */
  async function releaseOrphan(key: string): Promise<void> {
    const { namespace, name } = splitKey(key);
    const pod = await ifFound(client.get(pods, { name, namespace }));
    const owner = pod && controllerOf(pod);
    if (!pod || !tracked(pod)) return;
    const job = owner?.kind === 'Job' ? await ifFound(client.get(jobs, { name: owner.name, namespace })) : undefined;
    if (!job || job.metadata.uid !== owner?.uid) await release(pod);
  }
}

const tracked = (pod: Pod) => pod.metadata.finalizers?.includes(jobTracking) ?? false;

function jobPod(job: Job, { index, failures }: NewPod): KubeObject {
  const template = copyJson(job.spec.template);
  if (index === undefined) return withFinalizer(podFrom(template, job));
  const number = String(index);
  template.metadata = {
    ...template.metadata,
    labels: { ...template.metadata?.labels, [jobLabels.completionIndex]: number },
    annotations: { ...template.metadata?.annotations, [jobAnnotations.completionIndex]: number, ...(failures !== undefined && { [jobAnnotations.indexFailureCount]: String(failures) }) },
  };
  const spec = template.spec ?? { containers: [] };
  spec.hostname ??= `${job.metadata.name}-${index}`;
  const variable = { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: `metadata.annotations['${jobAnnotations.completionIndex}']` } } };
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    if (!container.env?.some(({ name }) => name === variable.name)) container.env = [...(container.env ?? []), variable];
  }
  return withFinalizer(podFrom({ ...template, spec }, job, `${job.metadata.name}-${index}-`));
}

function withFinalizer(pod: KubeObject): KubeObject {
  pod.metadata.finalizers = [...(pod.metadata.finalizers ?? []), jobTracking];
  return pod;
}
