/** When images are pruned by themselves, and what an ImagePruner says of it then. Pure. */
import { Cron } from 'croner';
import { prunedAnnotation, type ImagePruner } from '../../api/kinds/image-pruner.ts';
import { toTime, type Condition } from '../../api/meta.ts';
import type { ImageOptions } from '../../client/prune/images-plan.ts';

type Spec = ImagePruner['spec'];

/** The operator's. */
const defaults = { schedule: '0 0 * * *', keepTagRevisions: 3, keepYoungerThan: '60m' };
const units: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
/** After a start: what the last stop interrupted goes on first. */
const settleMs = 5 * 60_000;
/** Between two looks: a machine that slept wakes at another time than its timers think. */
const longestWaitMs = 60 * 60_000;
/** While something is being built or deployed. */
const busyWaitMs = 60_000;

export type PruneDecision = { now: true } | { now: false; afterMs?: number };

export interface PruneMoment {
  now: Date;
  startedAt: Date;
  /** Something is being built. */
  busy: boolean;
}

/** Throws with what is wrong. Times of day are this machine's. */
export function pruneSchedule({ schedule }: Spec): { next(date: Date): Date | undefined } {
  const cron = new Cron(schedule || defaults.schedule, { mode: '5-part', paused: true });
  return { next: (date) => cron.nextRun(date) ?? undefined };
}

/** Throws for what is no duration of Go. */
export function keepYoungerThanMs({ keepYoungerThanDuration, keepYoungerThan }: Spec): number {
  if (!keepYoungerThanDuration && keepYoungerThan !== undefined) return keepYoungerThan / 1e6;
  const text = keepYoungerThanDuration || defaults.keepYoungerThan;
  if (text === '0') return 0;
  if (!/^(?:\d+(?:\.\d+)?(?:h|ms|m|s))+$/.test(text)) throw new Error('it is a duration as 60m or 1h30m');
  return [...text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)].reduce((sum, [, number, unit = 's']) => sum + Number(number) * (units[unit] ?? 0), 0);
}

export function pruneOptions(spec: Spec): ImageOptions {
  return { keepTagRevisions: spec.keepTagRevisions ?? defaults.keepTagRevisions, keepYoungerThanMs: keepYoungerThanMs(spec) };
}

/** A time that was missed, because nothing ran then, is made up for once. */
export function decidePruning(pruner: ImagePruner, { now, startedAt, busy }: PruneMoment): PruneDecision {
  const { metadata, spec } = pruner;
  if (spec.suspend || metadata.deletionTimestamp) return { now: false };
  const last = new Date(metadata.annotations?.[prunedAnnotation] ?? metadata.creationTimestamp ?? now);
  const due = pruneSchedule(spec).next(last);
  if (!due) return { now: false };
  const wait = Math.max(due.getTime(), startedAt.getTime() + settleMs) - now.getTime();
  if (wait > 0) return { now: false, afterMs: Math.min(wait, longestWaitMs) };
  return busy ? { now: false, afterMs: busyWaitMs } : { now: true };
}

export function prunerStatus(pruner: ImagePruner, failure: string | undefined, now: Date): NonNullable<ImagePruner['status']> {
  const { metadata, spec, status } = pruner;
  const suspended = spec.suspend === true;
  const wanted: Omit<Condition, 'lastTransitionTime'>[] = [
    { type: 'Available', status: 'True', reason: 'AsExpected', message: 'Images are pruned by the control plane' },
    { type: 'Scheduled', status: suspended ? 'False' : 'True', reason: suspended ? 'Suspended' : 'Scheduled', message: suspended ? 'The pruner job has been suspended' : 'The pruner job has been scheduled' },
    failure === undefined ? { type: 'Failed', status: 'False', reason: 'Complete', message: 'Pruner completed successfully' } : { type: 'Failed', status: 'True', reason: 'Error', message: failure },
  ];
  const conditions = wanted.map((one): Condition => {
    const before = status?.conditions?.find(({ type }) => type === one.type);
    return { ...one, lastTransitionTime: before?.status === one.status && before.lastTransitionTime ? before.lastTransitionTime : toTime(now) };
  });
  return { ...(metadata.generation !== undefined && { observedGeneration: metadata.generation }), conditions };
}
