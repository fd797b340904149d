import { afterAll, beforeAll, expect, test } from 'vitest';
import { pods, type Pod } from '../../../../../src/api/kinds/core.ts';
import type { KubeObject } from '../../../../../src/api/meta.ts';
import { disruptions, staleMs, staleTime } from '../../../../../src/controlplane/pod/disruption/disruption-target.ts';
import { smallPlatform, type SmallPlatform } from '../../../../support/agent/small-platform.ts';
import { eventually } from '../../../../support/eventually.ts';

const since = '2026-01-01T00:00:00Z';
const condition = (more: object = {}) => ({ type: 'DisruptionTarget', status: 'True', ...disruptions.eviction, lastTransitionTime: since, ...more });

test.each<[string, object, Partial<Pod['metadata']>, string, boolean]>([
  ['that was to be evicted', {}, {}, 'Running', true],
  ['that was to be preempted', disruptions.preemption, {}, 'Pending', true],
  ['that is being deleted', {}, { deletionTimestamp: since }, 'Running', false],
  ['that has ended', {}, {}, 'Failed', false],
  ['whose node ends it', { reason: 'TerminationByKubelet' }, {}, 'Running', false],
  ['whose condition is untrue already', { status: 'False' }, {}, 'Running', false],
])('the condition of a pod %s', (_, more, metadata, phase, becomesStale) => {
  const pod = { metadata: { name: 'p', ...metadata }, spec: { containers: [] }, status: { phase, conditions: [condition(more)] } } as unknown as Pod;
  expect(staleTime(pod)).toBe(becomesStale ? Date.parse(since) + staleMs : undefined);
});

let platform: SmallPlatform;
beforeAll(async () => {
  platform = await smallPlatform();
  await platform.project('demo');
});
afterAll(() => platform.dispose());

test('a pod that nobody ended is not disrupted any more', async () => {
  const at = { namespace: 'demo', name: 'stays' };
  await platform.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: at, spec: { schedulerName: 'nobody', containers: [{ name: 'c', image: 'i' }] } } as KubeObject, { namespace: 'demo' });
  await platform.client.patch(pods, { ...at, subresource: 'status' }, 'strategic', { status: { conditions: [condition()] } });
  const told = async () => (await platform.client.get(pods, at)).status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
  await eventually(async () => (await told())?.status).toBe('False');
  expect(await told()).toMatchObject(disruptions.eviction);
  expect(Date.parse((await told())?.lastTransitionTime ?? '')).toBeGreaterThan(Date.parse(since));
});
