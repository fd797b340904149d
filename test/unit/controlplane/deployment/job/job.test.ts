/** Jobs as a client sees them, with a kubelet that ends pods as told. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { jobs, jobTracking, type Job } from '../../../../../src/api/kinds/batch.ts';
import { pods, type Pod } from '../../../../../src/api/kinds/core.ts';
import { formatIndexes, parseIndexes } from '../../../../../src/controlplane/deployment/job/indexes.ts';
import { eventually } from '../../../../support/eventually.ts';
import { startWorkloads, type WorkloadPlatform } from '../../../../support/workload-platform.ts';

const namespace = 'demo';
let platform: WorkloadPlatform;
beforeEach(async () => {
  platform = await startWorkloads();
  platform.fate = () => 'done';
});
afterEach(() => platform.dispose());

const template = { spec: { restartPolicy: 'Never' as const, containers: [{ name: 'main', image: 'work:1' }] } };
const create = (spec: Partial<Job['spec']> = {}) => platform.client.create<Job>(jobs, { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'work', namespace }, spec: { template, ...spec } } as Job);
const read = () => platform.client.get(jobs, { name: 'work', namespace });
const status = async () => (await read()).status;
const change = (spec: object) => platform.client.patch(jobs, { name: 'work', namespace }, 'merge', { spec });
const own = async () => (await platform.client.list(pods, { namespace })).items;
const active = async () => (await own()).filter((pod) => pod.status?.phase === 'Running' && !pod.metadata.deletionTimestamp).length;
const held = async (type: string) => (await status())?.conditions?.find((one) => one.type === type && one.status === 'True')?.reason;
const index = (pod: Pod) => Number(pod.metadata.annotations?.['batch.kubernetes.io/job-completion-index']);

describe('a job', () => {
  test('runs its pods and is complete, with every end counted once', async () => {
    await create({ completions: 5, parallelism: 2 });
    await eventually(() => held('Complete')).toBe('CompletionsReached');
    expect(await status()).toMatchObject({ succeeded: 5, ready: 0, terminating: 0, uncountedTerminatedPods: {}, startTime: expect.any(String) as string, completionTime: expect.any(String) as string });
    expect((await status())?.active).toBeUndefined();
    const all = await own();
    expect(all.length).toBe(5);
    expect(all.some(({ metadata }) => metadata.finalizers?.includes(jobTracking))).toBe(false);
    await eventually(() => platform.story('work')).toEqual(expect.arrayContaining(['SuccessfulCreate', 'Completed']) as unknown[]);
    expect(await platform.table('/apis/batch/v1/namespaces/demo/jobs')).toMatchObject({ columns: ['Name', 'Status', 'Completions', 'Duration'], rows: [['work', 'Complete', '5/5', expect.any(String)]] });
  });

  test('finds its pods by its own uid, with the labels of old and new', async () => {
    const { metadata, spec } = await create();
    expect(spec.selector).toEqual({ matchLabels: { 'batch.kubernetes.io/controller-uid': metadata.uid } });
    expect(spec.template.metadata?.labels).toEqual({ 'controller-uid': metadata.uid, 'batch.kubernetes.io/controller-uid': metadata.uid, 'job-name': 'work', 'batch.kubernetes.io/job-name': 'work' });
    expect(spec).toMatchObject({ completions: 1, parallelism: 1, backoffLimit: 6, completionMode: 'NonIndexed', suspend: false, podReplacementPolicy: 'TerminatingOrFailed' });
  });

  test('fails at its back-off limit, and ends what still runs', async () => {
    platform.fate = (pod) => (pod.metadata.name.length > 0 && failures-- > 0 ? 'fail' : 'ready');
    let failures = 1;
    await create({ backoffLimit: 0, completions: 3, parallelism: 3 });
    await eventually(() => held('Failed')).toBe('BackoffLimitExceeded');
    expect(await active()).toBe(0);
    expect(await held('FailureTarget')).toBe('BackoffLimitExceeded');
    await eventually(() => platform.story('work')).toContain('BackoffLimitExceeded');
  });

  test('gives every index a pod of its own', async () => {
    platform.fate = (pod) => (index(pod) === 1 ? 'ready' : 'done');
    await create({ completions: 4, parallelism: 4, completionMode: 'Indexed' });
    await eventually(async () => (await status())?.completedIndexes).toBe('0,2,3');
    const second = (await own()).find((pod) => index(pod) === 1);
    expect(second).toMatchObject({ metadata: { name: expect.stringMatching(/^work-1-[a-z0-9]{5}$/) as string, labels: { 'batch.kubernetes.io/job-completion-index': '1' } }, spec: { hostname: 'work-1' } });
    expect(second?.spec.containers[0]?.env?.[0]).toMatchObject({ name: 'JOB_COMPLETION_INDEX' });
  });

  test('counts failures for each index where that is asked', async () => {
    platform.fate = (pod) => (index(pod) === 0 ? 'fail' : 'done');
    await create({ completions: 3, parallelism: 3, completionMode: 'Indexed', backoffLimitPerIndex: 0 });
    await eventually(() => held('Failed')).toBe('FailedIndexes');
    expect(await status()).toMatchObject({ failedIndexes: '0', completedIndexes: '1,2', succeeded: 2 });
  });

  test('is done when its success policy says so', async () => {
    platform.fate = (pod) => (index(pod) === 0 ? 'done' : 'ready');
    await create({ completions: 3, parallelism: 3, completionMode: 'Indexed', successPolicy: { rules: [{ succeededIndexes: '0' }] } });
    await eventually(() => held('Complete')).toBe('SuccessPolicy');
    expect(await active()).toBe(0);
  });

  test('stops and goes on', async () => {
    platform.fate = () => 'ready';
    await create({ parallelism: 2, completions: 2 });
    await eventually(active).toBe(2);
    await change({ suspend: true });
    await eventually(() => held('Suspended')).toBe('JobSuspended');
    await eventually(active).toBe(0);
    platform.fate = () => 'done';
    await change({ suspend: false });
    await eventually(() => held('Complete')).toBe('CompletionsReached');
    await eventually(() => platform.story('work')).toEqual(expect.arrayContaining(['Suspended', 'Resumed']) as unknown[]);
  });

  test('runs as many pods as its parallelism, up and down', async () => {
    platform.fate = () => 'ready';
    await create({ parallelism: 1, completions: 9 });
    await eventually(active).toBe(1);
    await change({ parallelism: 4 });
    await eventually(active).toBe(4);
    await change({ parallelism: 2 });
    await eventually(active).toBe(2);
  });

  test('goes when its time after the end is over', async () => {
    await create({ ttlSecondsAfterFinished: 0 });
    // Its pods go first, by the garbage collector, which is not part of this stage.
    await eventually(async () => (await read()).metadata).toMatchObject({ finalizers: ['foregroundDeletion'], deletionTimestamp: expect.any(String) as string });
  });

  test('a pod whose job is gone is let go', async () => {
    platform.fate = () => 'ready';
    await create();
    await eventually(active).toBe(1);
    await platform.client.delete(jobs, { name: 'work', namespace }, { propagationPolicy: 'Background' });
    await eventually(async () => (await own()).map(({ metadata }) => metadata.finalizers ?? [])).toEqual([[]]);
  });

  test.each<[string, Partial<Job['spec']>, RegExp]>([
    ['a policy that never ends', { template: { spec: { restartPolicy: 'Always', containers: template.spec.containers } } }, /spec\.template\.spec\.restartPolicy: Unsupported value: "Always": supported values: "OnFailure", "Never"/],
    ['an indexed job without a number', { completionMode: 'Indexed', parallelism: 2 }, /spec\.completions: Required value: when completion mode is Indexed/],
    ['a negative number', { parallelism: -1 }, /spec\.parallelism: Invalid value: -1: must be greater than or equal to 0/],
    ['a limit for each index without indexes', { backoffLimitPerIndex: 1 }, /spec\.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode/],
    ['a success policy without rules', { completionMode: 'Indexed', completions: 3, successPolicy: { rules: [] } }, /spec\.successPolicy\.rules: Required value: at least one rules must be specified/],
    ['a success policy of indexes that are not there', { completionMode: 'Indexed', completions: 3, successPolicy: { rules: [{ succeededIndexes: '1,5' }] } }, /succeededIndexes: Invalid value: "1,5": error parsing succeededIndexes: too large index: "5"/],
    ['a success policy of more than there are', { completionMode: 'Indexed', completions: 3, successPolicy: { rules: [{ succeededIndexes: '0-1', succeededCount: 3 }] } }, /succeededCount: Invalid value: 3: must be less than or equal to 2/],
    ['a policy about a container that is not there', { podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { containerName: 'other', operator: 'In', values: [1] } }] } }, /containerName: Invalid value: "other": must be one of the container or initContainer names/],
  ])('%s is refused', async (_, spec, why) => {
    await expect(create(spec)).rejects.toThrow(why);
  });

  test('what makes it what it is cannot change', async () => {
    platform.fate = () => 'ready';
    await create({ completions: 3 });
    await expect(change({ completions: 4 })).rejects.toThrow(/spec\.completions: Invalid value: 4: field is immutable/);
    await expect(change({ template: { spec: { containers: [{ name: 'main', image: 'work:2' }] } } })).rejects.toThrow(/spec\.template/);
  });
});

test.each([['', ''], ['3', '3'], ['1,2', '1,2'], ['0-2,4,6-9', '0-2,4,6-9'], ['2,1,0', '0-2']])('indexes %j are written %j', (text, written) => {
  expect(formatIndexes(parseIndexes(text))).toBe(written);
});
