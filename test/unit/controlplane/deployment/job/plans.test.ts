/** Plans of jobs and cron jobs: input → what is done. */
import { describe, expect, test } from 'vitest';
import type { CronJob, Job } from '../../../../../src/api/kinds/batch.ts';
import type { Pod } from '../../../../../src/api/kinds/core.ts';
import { planCronJob } from '../../../../../src/controlplane/deployment/job/cron-job-plan.ts';
import { isTimeZone, parseSchedule } from '../../../../../src/controlplane/deployment/job/cron-schedule.ts';
import { planJob } from '../../../../../src/controlplane/deployment/job/job-plan.ts';

const now = new Date('2026-11-23T10:00:30Z');
const at = (seconds: number) => new Date(now.getTime() + seconds * 1000).toISOString();

describe('a job whose pods failed', () => {
  const job = (spec: Partial<Job['spec']> = {}): Job => ({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'work', namespace: 'demo', uid: 'job' }, spec: { parallelism: 1, completions: 1, backoffLimit: 6, completionMode: 'NonIndexed', template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'x' }] } }, ...spec }, status: { startTime: at(-600) as never } });
  const failed = (uid: string, seconds: number, exitCode = 1, more: Partial<Pod['status']> = {}): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: uid, namespace: 'demo', uid, finalizers: ['batch.kubernetes.io/job-tracking'] }, spec: { containers: [] }, status: { phase: 'Failed', containerStatuses: [{ name: 'main', state: { terminated: { exitCode, finishedAt: at(seconds) } } }], ...more } }) as unknown as Pod;

  test.each([[[-1], 9_000], [[-30, -15], 5_000], [[-100, -50, -30], 10_000], [[-11], undefined]])('after failures %j s ago the next comes in %j ms', (times, afterMs) => {
    const plan = planJob(job(), times.map((seconds, index) => failed(`p${index}`, seconds)), now);
    expect({ create: plan.create.length, afterMs: plan.afterMs }).toEqual(afterMs === undefined ? { create: 1, afterMs: undefined } : { create: 0, afterMs });
  });

  test('notes the end before its finalizer goes, and counts it after', () => {
    const pod = failed('p', -60);
    const first = planJob(job(), [pod], now);
    expect(first.status).toMatchObject({ uncountedTerminatedPods: { failed: ['p'] } });
    expect(first.status.failed).toBeUndefined();
    expect(first.release).toEqual([pod]);
    const { finalizers: _, ...metadata } = pod.metadata;
    const second = planJob({ ...job(), status: first.status }, [{ ...pod, metadata }], now);
    expect(second.status).toMatchObject({ failed: 1, uncountedTerminatedPods: {} });
    expect(second.release).toEqual([]);
  });

  test.each([
    ['a code that fails the job', { action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }, failed('p', -60, 42), { reason: 'PodFailurePolicy', message: 'Container main for pod demo/p failed with exit code 42 matching FailJob rule at index 0' }],
    ['any code but one', { action: 'FailJob', onExitCodes: { operator: 'NotIn', values: [1] } }, failed('p', -60, 2), { reason: 'PodFailurePolicy' }],
    ['a disruption', { action: 'FailJob', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }, failed('p', -60, 1, { conditions: [{ type: 'DisruptionTarget', status: 'True' }] as never }), { reason: 'PodFailurePolicy', message: 'Pod demo/p has condition DisruptionTarget matching FailJob rule at index 0' }],
  ])('%s', (_, rule, pod, expected) => {
    const { status } = planJob(job({ podReplacementPolicy: 'Failed', podFailurePolicy: { rules: [rule as never] } }), [pod], now);
    expect(status.conditions?.[0]).toMatchObject({ type: 'FailureTarget', ...expected });
  });

  test('an ignored failure is not counted', () => {
    const { status, release } = planJob(job({ backoffLimit: 0, podReplacementPolicy: 'Failed', podFailurePolicy: { rules: [{ action: 'Ignore', onExitCodes: { operator: 'In', values: [7] } }] } }), [failed('p', -60, 7)], now);
    expect(status).toMatchObject({ uncountedTerminatedPods: {} });
    expect(status.conditions).toBeUndefined();
    expect(release.length).toBe(1);
  });

  test('longer than its deadline', () => {
    expect(planJob(job({ activeDeadlineSeconds: 60 }), [], now).status.conditions?.[0]).toMatchObject({ reason: 'DeadlineExceeded' });
    expect(planJob(job({ activeDeadlineSeconds: 700 }), [], now)).toMatchObject({ afterMs: 100_000, create: [{}] });
  });
});

describe('an indexed job', () => {
  const job = (spec: Partial<Job['spec']> = {}, status: Job['status'] = {}): Job => ({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'work', namespace: 'demo', uid: 'job' }, spec: { parallelism: 3, completions: 3, backoffLimit: 6, completionMode: 'Indexed', template: { spec: { restartPolicy: 'Never', containers: [] } }, ...spec } as Job['spec'], status });
  /** `1:Failed`, `1:Running`, `1:leaving`, `1:Failed:2`: index, state, failures before it. */
  const pod = (text: string): Pod => {
    const [index = '', state = 'Running', earlier] = text.split(':');
    const uid = text.replaceAll(':', '-');
    return {
      apiVersion: 'v1', kind: 'Pod',
      metadata: { name: uid, namespace: 'demo', uid, finalizers: ['batch.kubernetes.io/job-tracking'], ...(state === 'leaving' && { deletionTimestamp: at(-20) }), annotations: { 'batch.kubernetes.io/job-completion-index': index, ...(earlier && { 'batch.kubernetes.io/job-index-failure-count': earlier }) } },
      spec: { containers: [] },
      status: { phase: state === 'leaving' ? 'Running' : state, containerStatuses: [{ name: 'main', image: '', imageID: '', ready: false, restartCount: 0, ...(state === 'Failed' && { state: { terminated: { exitCode: 3, finishedAt: at(-700) } } }) }] },
    } as unknown as Pod;
  };
  const told = (of: Job, pods: string[]) => {
    const { create, remove, status } = planJob(of, pods.map(pod), now);
    return { create: create.map(({ index, failures }) => (failures === undefined ? String(index) : `${index}:${failures}`)).join(' '), remove: remove.map(({ metadata }) => metadata.name).join(' '), completed: status.completedIndexes ?? '', failed: status.failedIndexes ?? '', ends: status.conditions?.[0]?.reason ?? '' };
  };
  const nothing = { create: '', remove: '', completed: '', failed: '', ends: '' };
  test.each<[string, Partial<Job['spec']>, string[], Partial<typeof nothing>]>([
    ['makes a pod for each index', {}, [], { create: '0 1 2' }],
    ['makes the lowest that are missing', { parallelism: 2 }, ['0:Succeeded'], { create: '1 2', completed: '0' }],
    ['makes an index again that failed', {}, ['0:Failed', '1:Running', '2:Running'], { create: '0' }],
    ['replaces pods on their way out', { podReplacementPolicy: 'TerminatingOrFailed' }, ['0:leaving', '1:Running', '2:Running'], { create: '0' }],
    ['waits for their end where that is asked', { podReplacementPolicy: 'Failed' }, ['0:leaving', '1:Running', '2:Running'], {}],
    ['ends the second pod of an index', {}, ['0:Running', '0:Running:1', '1:Running', '2:Running'], { remove: '0-Running-1' }],
    ['ends pods beyond its indexes', { completions: 2 }, ['0:Running', '1:Running', '5:Running'], { remove: '5-Running' }],
    ['is over when all have ended well', {}, ['0:Succeeded', '1:Succeeded', '2:Succeeded'], { completed: '0-2', ends: 'CompletionsReached' }],
    ['counts failures of each index', { backoffLimitPerIndex: 2 }, ['0:Failed:1', '1:Running', '2:Running'], { create: '0:2' }],
    ['gives an index up beyond its limit', { backoffLimitPerIndex: 1 }, ['0:Failed:1', '1:Running', '2:Running'], { failed: '0' }],
    ['fails with its indexes, once all are over', { backoffLimitPerIndex: 0 }, ['0:Failed', '1:Succeeded', '2:Succeeded'], { completed: '1,2', failed: '0', ends: 'FailedIndexes' }],
    ['fails with too many failed indexes', { backoffLimitPerIndex: 0, maxFailedIndexes: 1 }, ['0:Failed', '1:Failed', '2:Running'], { failed: '0,1', ends: 'MaxFailedIndexesExceeded', remove: '2-Running' }],
    ['gives an index up at once by its policy', { backoffLimitPerIndex: 5, podReplacementPolicy: 'Failed', podFailurePolicy: { rules: [{ action: 'FailIndex', onExitCodes: { operator: 'In', values: [3] } }] } }, ['0:Failed', '1:Running', '2:Running'], { failed: '0' }],
    ['is done with some by its success policy', { successPolicy: { rules: [{ succeededIndexes: '0,2', succeededCount: 1 }] } }, ['0:Running', '1:Running', '2:Succeeded'], { completed: '2', ends: 'SuccessPolicy', remove: '0-Running 1-Running' }],
    ['makes none while it is suspended', { suspend: true }, ['0:Running'], { remove: '0-Running', ends: 'JobSuspended' }],
    ['makes none of no parallelism', { parallelism: 0 }, ['0:Running'], { remove: '0-Running' }],
  ])('%s', (_, spec, pods, expected) => expect(told(job(spec), pods)).toEqual({ ...nothing, ...expected }));

  test('of a queue goes on until one ends well, then only to the end', () => {
    const queue = { completionMode: 'NonIndexed' as const, completions: undefined as never, parallelism: 2 };
    expect(planJob(job(queue), [], now).create.length).toBe(2);
    expect(planJob(job(queue), [pod('0:Succeeded'), pod('1:Running')], now)).toMatchObject({ create: [], remove: [], status: { active: 1 } });
    expect(planJob(job(queue), [pod('0:Succeeded'), pod('1:Succeeded')], now).status.conditions?.[0]).toMatchObject({ type: 'SuccessCriteriaMet', reason: 'CompletionsReached' });
  });
});

describe('a cron job', () => {
  const cron = (spec: Partial<CronJob['spec']> = {}, status: CronJob['status'] = { lastScheduleTime: '2026-11-23T09:59:00Z' as never }): CronJob => ({ apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'tick', namespace: 'demo', uid: 'cron', creationTimestamp: '2026-11-23T09:00:00Z' }, spec: { schedule: '* * * * *', concurrencyPolicy: 'Allow', jobTemplate: { spec: { template: { spec: { containers: [] } } } }, ...spec }, status });
  const plan = (one: CronJob, jobs: Job[] = [], when = now) => planCronJob(one, jobs, parseSchedule(one.spec.schedule, one.spec.timeZone), when);
  const job = (name: string, end?: 'Complete' | 'Failed', started = 0): Job => ({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name, namespace: 'demo', uid: name, creationTimestamp: at(started), annotations: { 'batch.kubernetes.io/cronjob-scheduled-timestamp': at(started) } }, spec: { template: {} }, status: end ? { startTime: at(started), conditions: [{ type: end, status: 'True' }], ...(end === 'Complete' && { completionTime: at(started + 1) }) } : {} }) as unknown as Job;
  const minute = Math.floor(now.getTime() / 60_000);

  test('starts the job of its minute, named after it', () => {
    const { start, status, afterMs } = plan(cron());
    expect(start).toMatchObject({ metadata: { name: `tick-${minute}`, annotations: { 'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-11-23T10:00:00Z' }, ownerReferences: [{ kind: 'CronJob', controller: true }] } });
    expect(status.lastScheduleTime).toBe('2026-11-23T10:00:00Z');
    expect(afterMs).toBe(30_000);
  });
  test('not twice', () => expect(plan(cron(), [job(`tick-${minute}`)]).start).toBeUndefined());
  test('not while it is suspended', () => expect(plan(cron({ suspend: true }))).not.toHaveProperty('start'));
  test('not beside another, where that is forbidden', () => {
    const { start, events } = plan(cron({ concurrencyPolicy: 'Forbid' }), [job('tick-1')]);
    expect(start).toBeUndefined();
    expect(events).toMatchObject([{ reason: 'JobAlreadyActive' }]);
  });
  test('in place of another, where that is asked', () => {
    const { start, remove, status } = plan(cron({ concurrencyPolicy: 'Replace' }), [job('tick-1')]);
    expect(start).toBeDefined();
    expect(remove.map(({ metadata }) => metadata.name)).toEqual(['tick-1']);
    expect(status.active).toBeUndefined();
  });
  test('only the latest of those missed, with a word when they are many', () => {
    const { start, events } = plan(cron({}, { lastScheduleTime: '2026-11-20T00:00:00Z' as never }));
    expect(start?.metadata.name).toBe(`tick-${minute}`);
    expect(events).toMatchObject([{ reason: 'TooManyMissedTimes' }]);
  });
  test('none that is later than its deadline', () => {
    const { start } = plan(cron({ startingDeadlineSeconds: 10 }));
    expect(start).toBeUndefined();
  });
  test('keeps as many ended jobs as its limits, and forgets those that ended', () => {
    const ended = [job('a', 'Complete', -500), job('b', 'Complete', -400), job('c', 'Failed', -300), job('d', 'Failed', -200)];
    const { remove, status, events } = plan(cron({ successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 1 }, { lastScheduleTime: '2026-11-23T10:00:00Z' as never, active: [{ name: 'd', uid: 'd' }, { name: 'gone', uid: 'gone' }] }), ended);
    expect(remove.map(({ metadata }) => metadata.name).sort()).toEqual(['a', 'c']);
    expect(status).toMatchObject({ lastSuccessfulTime: at(-399) });
    expect(status.active).toBeUndefined();
    expect(events.map(({ reason }) => reason)).toEqual(['SawCompletedJob', 'MissingJob']);
  });
  test('leaves alone what was made by hand, and takes back what it forgot', () => {
    const byHand = job('tick-by-hand');
    byHand.metadata.annotations = { 'cronjob.kubernetes.io/instantiate': 'manual' };
    const ours = job('tick-29000000');
    const { start, remove, status, events } = plan(cron({ concurrencyPolicy: 'Replace' }), [byHand, ours]);
    expect([start?.metadata.name, remove.map(({ metadata }) => metadata.name), status.active]).toEqual([`tick-${minute}`, ['tick-29000000'], undefined]);
    expect(events).toEqual([{ type: 'Warning', reason: 'UnexpectedJob', message: 'Saw a job that the controller did not create or forgot: tick-by-hand' }]);
    expect(plan(cron({ concurrencyPolicy: 'Forbid' }), [byHand]).start).toBeDefined();
  });
  test('tells the time of its zone', () => {
    const { start } = plan(cron({ schedule: '0 11 * * *', timeZone: 'Europe/Berlin' }, {}));
    expect(start?.metadata.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp']).toBe('2026-11-23T11:00:00+01:00');
  });

  test.each([
    ['*/15 * * * *', '2026-11-23T10:15:00.000Z'], ['@hourly', '2026-11-23T11:00:00.000Z'], ['@every 90s', '2026-11-23T10:02:00.000Z'], ['@every 1h30m', '2026-11-23T11:30:30.000Z'],
    ['0 0 1 1 *', '2027-01-01T00:00:00.000Z'], ['0 9 * * MON-FRI', '2026-11-24T09:00:00.000Z'], ['0 0 13 * 5', '2026-11-27T00:00:00.000Z'], ['0 0 31 2 *', undefined],
  ])('%s comes next at %s', (text, next) => expect(parseSchedule(text, 'UTC').next(now)?.toISOString()).toBe(next));
  test.each([
    ['0/15 * * * *', '2026-11-23T10:15:00.000Z'], ['50/5 10 * * *', '2026-11-23T10:50:00.000Z'], ['5-20/20 * * * *', '2026-11-23T10:05:00.000Z'], ['*/61 11 ? Dec sun', '2026-12-06T11:00:00.000Z'], [' 1,3 2-3 1 Jan-Mar * ', '2027-01-01T02:01:00.000Z'],
  ])('%s is read as Kubernetes reads it and comes next at %s', (text, next) => expect(parseSchedule(text, 'UTC').next(now)?.toISOString()).toBe(next));
  test.each([
    ['* * * *', 'expected exactly 5 fields, found 4: [* * * *]'], ['* * * * * *', 'expected exactly 5 fields, found 6: [* * * * * *]'], ['61 * * * *', 'end of range (61) above maximum (59): 61'],
    ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'], ['* * * * 7', 'end of range (7) above maximum (6): 7'], ['5-2 * * * *', 'beginning of range (5) beyond end of range (2): 5-2'],
    ['*/0 * * * *', 'step of range should be a positive number: */0'], ['1-2-3 * * * *', 'too many hyphens: 1-2-3'], ['*/2/3 * * * *', 'too many slashes: */2/3'],
    ['0 0 L * *', 'failed to parse int from L: strconv.Atoi: parsing "L": invalid syntax'], ['0 0 * * 5#2', 'failed to parse int from 5#2: strconv.Atoi: parsing "5#2": invalid syntax'],
    ['@sometimes', 'unrecognized descriptor: @sometimes'], ['@every 1d', 'failed to parse duration @every 1d'], ['TZ=UTC * * * * *', 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'],
  ])('%s is refused: %s', (text, why) => expect(() => parseSchedule(text)).toThrow(why));
  test.each([
    ['before summer time', '30 8 * * *', '2026-03-28T12:00:00Z', ['2026-03-29T06:30:00.000Z', '2026-03-30T06:30:00.000Z']],
    ['through the hour that there is twice', '30 2 * * *', '2026-10-24T12:00:00Z', ['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z']],
    ['every half hour all the same', '*/30 * * * *', '2026-03-29T00:15:00Z', ['2026-03-29T00:30:00.000Z', '2026-03-29T01:00:00.000Z', '2026-03-29T01:30:00.000Z']],
  ])('a day of its zone %s', (_, text, from, expected) => {
    const schedule = parseSchedule(text, 'Europe/Berlin');
    let at: Date | undefined = new Date(from);
    const times = expected.map(() => (at = at && schedule.next(at))?.toISOString());
    expect(times).toEqual(expected);
  });
  test.each([['Europe/Berlin', true], ['Etc/UTC', true], ['Nowhere/Town', false], ['', false], ['Local', false]])('a zone %j: %s', (name, known) => expect(isTimeZone(name)).toBe(known));
});
