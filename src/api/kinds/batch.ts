import type { ICronJobSpec, ICronJobStatus, IJobSpec, IJobStatus } from 'kubernetes-models/batch/v1';
import type { KubeObject } from '../meta.ts';
import { resource } from '../resource.ts';

export interface Job extends KubeObject {
  spec: IJobSpec;
  status?: IJobStatus;
}
export interface CronJob extends KubeObject {
  spec: ICronJobSpec;
  status?: ICronJobStatus;
}

export const jobs = resource<Job>('batch/v1', { kind: 'Job', plural: 'jobs', namespaced: true, categories: ['all'] });
export const cronJobs = resource<CronJob>('batch/v1', { kind: 'CronJob', plural: 'cronjobs', namespaced: true, shortNames: ['cj'], categories: ['all'] });

export const jobLabels = {
  controllerUid: 'batch.kubernetes.io/controller-uid',
  name: 'batch.kubernetes.io/job-name',
  completionIndex: 'batch.kubernetes.io/job-completion-index',
  /** As they were called before they had a prefix; still written. */
  oldControllerUid: 'controller-uid',
  oldName: 'job-name',
} as const;

export const jobAnnotations = {
  completionIndex: 'batch.kubernetes.io/job-completion-index',
  /** On jobs of a cron job. */
  scheduledAt: 'batch.kubernetes.io/cronjob-scheduled-timestamp',
  instantiate: 'cronjob.kubernetes.io/instantiate',
  /** How often pods of this index failed before this one, with `backoffLimitPerIndex`. */
  indexFailureCount: 'batch.kubernetes.io/job-index-failure-count',
} as const;

/** Pods keep it until their end is counted. */
export const jobTracking = 'batch.kubernetes.io/job-tracking';
