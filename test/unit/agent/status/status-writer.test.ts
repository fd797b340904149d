/** Statuses as the API keeps them when the agent is not the only one who writes. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { StatusWriter } from '../../../../src/agent/status/status-writer.ts';
import { pods, type Pod, type PodStatus } from '../../../../src/api/kinds/core.ts';
import { conditionOf } from '../../../../src/api/pod.ts';
import { systemClock } from '../../../../src/base/clock.ts';
import { silentLog } from '../../../../src/base/log.ts';
import { smallPlatform, type SmallPlatform } from '../../../support/agent/small-platform.ts';

const namespace = 'demo';
const time = '2026-01-01T00:00:00Z';
let platform: SmallPlatform;
let writer: StatusWriter;
beforeAll(async () => {
  platform = await smallPlatform();
  await platform.project(namespace);
  writer = new StatusWriter(platform.client, systemClock, silentLog);
});
afterAll(async () => {
  await writer.dispose();
  await platform.dispose();
});

const read = (name: string) => platform.client.get(pods, { namespace, name });
const write = async (pod: Pod, status: PodStatus) => {
  writer.set(pod, status);
  await writer.flush(pod.metadata.uid ?? '');
  return read(pod.metadata.name);
};
const say = (name: string, condition: object) => platform.client.patch(pods, { namespace, name, subresource: 'status' }, 'strategic', { status: { conditions: [condition] } });
const ready = (status: 'True' | 'False', more: object = {}) => ({ type: 'Ready', status, lastTransitionTime: time, ...more });
const gate = (status: 'True' | 'False') => ({ type: 'example.com/gate', status, reason: `Said${status}` });

test('a condition of somebody else stands, whatever the agent knew of it when it wrote', async () => {
  const pod = await platform.run(namespace, 'gated', { containers: [{ name: 'web', image: 'a' }] });
  await say('gated', gate('False'));
  expect(conditionOf(await write(pod, { phase: 'Running', conditions: [ready('False', { reason: 'ContainersNotReady', message: 'not yet' })] }), 'example.com/gate')).toMatchObject(gate('False'));
  const stale = await read('gated');
  await say('gated', gate('True'));
  const after = await write(stale, { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }], conditions: [ready('True'), ...(stale.status?.conditions ?? []).filter(({ type }) => type === 'example.com/gate')] });
  expect(conditionOf(after, 'example.com/gate')).toMatchObject(gate('True'));
  expect(conditionOf(after, 'Ready')).toEqual({ ...ready('True'), lastProbeTime: null });
  const { resourceVersion } = after.metadata;
  // Repeating what others say is nothing to write.
  expect((await write(after, { ...after.status, conditions: [ready('True'), gate('False') as never] })).metadata.resourceVersion).toBe(resourceVersion);
});

test('what the agent has nothing to say about any more goes, and addresses are those of now', async () => {
  const pod = await platform.run(namespace, 'resized', { containers: [{ name: 'web', image: 'a' }] });
  await write(pod, { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }], reason: 'Odd', conditions: [ready('True'), { type: 'PodResizePending', status: 'True' }] });
  const { status } = await write(pod, { phase: 'Running', podIP: '10.0.0.2', podIPs: [{ ip: '10.0.0.2' }], conditions: [ready('True')] });
  expect(status).toMatchObject({ podIP: '10.0.0.2', podIPs: [{ ip: '10.0.0.2' }] });
  expect(status?.reason).toBeUndefined();
  expect(status?.conditions?.map(({ type }) => type)).not.toContain('PodResizePending');
});
