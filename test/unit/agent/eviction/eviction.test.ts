import { mkdirSync, mkdtempSync, linkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { diskUsage } from '../../../../src/agent/eviction/disk-usage.ts';
import type { Observation } from '../../../../src/agent/eviction/pressure-plan.ts';
import type { Signal } from '../../../../src/agent/eviction/threshold.ts';
import { nodes } from '../../../../src/api/kinds/core.ts';
import { conditionOf, isPodReady } from '../../../../src/api/pod.ts';
import { FakeRuntime } from '../../../support/agent/fake-runtime.ts';
import { smallPlatform, type SmallPlatform } from '../../../support/agent/small-platform.ts';
import { eventually } from '../../../support/eventually.ts';

const gibibyte = 1024 ** 3;

describe('a machine that runs short of memory', () => {
  let platform: SmallPlatform;
  /** While this pod runs, memory is short. */
  let hog = '';
  const runtime = new FakeRuntime();
  const runs = (name: string) => [...runtime.containers.values()].some(({ state, sandboxId }) => state === 'running' && runtime.sandboxes.get(sandboxId)?.config.name === name);
  beforeEach(async () => {
    const observe = () => Promise.resolve(new Map<Signal, Observation>([['memory.available', { available: runs(hog) ? 50 * 1024 ** 2 : 10 * gibibyte, capacity: 16 * gibibyte }]]));
    platform = await smallPlatform({ observe });
    await platform.project('demo');
  });
  afterEach(() => platform.dispose());
  const pressure = async () => (await platform.client.get(nodes, { name: 'node-1' })).status?.conditions?.find(({ type }) => type === 'MemoryPressure')?.status;
  const resources = { requests: { memory: '1Mi' } };

  test('says so, ends the pod that takes more than it asked for, and takes no other of its kind', async () => {
    await platform.settings({ evictionPressureTransitionPeriod: '1h' });
    await platform.agent('node-1', runtime);
    expect(await pressure()).toBe('False');
    await platform.run('demo', 'modest', { containers: [{ name: 'web', image: 'a', resources }] });
    await platform.run('demo', 'greedy', {});
    await Promise.all(['modest', 'greedy'].map((name) => platform.until('demo', name, isPodReady)));
    hog = 'greedy';
    const evicted = await platform.until('demo', 'greedy', ({ status }) => status?.phase === 'Failed');
    const message = 'The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. Container web was using 7, request is 0, has larger consumption of memory. ';
    expect(evicted.status).toMatchObject({ reason: 'Evicted', message });
    expect(conditionOf(evicted, 'DisruptionTarget')).toMatchObject({ status: 'True', reason: 'TerminationByKubelet', message });
    expect(runtime.calls).toContainEqual(expect.stringMatching(/^stop web within [12]$/));
    await eventually(pressure).toBe('True');
    await platform.told('demo', 'greedy', [`Warning Evicted ${message}`]);
    expect(isPodReady(await platform.until('demo', 'modest', () => true))).toBe(true);
    // Placed by hand, past the taint.
    await platform.run('demo', 'late', { nodeName: 'node-1' });
    const refused = await platform.until('demo', 'late', ({ status }) => status?.phase === 'Failed');
    expect(refused.status).toMatchObject({ reason: 'Evicted', message: 'The node had condition: [MemoryPressure]. ' });
    expect(runtime.calls.filter((call) => call.includes('late'))).toEqual([]);
    await platform.run('demo', 'asking', { nodeName: 'node-1', containers: [{ name: 'web', image: 'a', resources }] });
    await platform.until('demo', 'asking', isPodReady);
  });
});

describe('a volume beyond its limit', () => {
  let platform: SmallPlatform;
  beforeEach(async () => {
    platform = await smallPlatform();
    await platform.project('demo');
  });
  afterEach(() => platform.dispose());

  test('ends its pod', async () => {
    await platform.agent('node-1');
    await platform.run('demo', 'web-1', { containers: [{ name: 'web', image: 'a', volumeMounts: [{ name: 'cache', mountPath: '/cache' }] }], volumes: [{ name: 'cache', emptyDir: { sizeLimit: '64Ki' } }] });
    const pod = await platform.until('demo', 'web-1', isPodReady);
    writeFileSync(path.join(platform.folder, 'pods', pod.metadata.uid ?? '', 'volumes/cache/big'), Buffer.alloc(128 * 1024, 1));
    const evicted = await platform.until('demo', 'web-1', ({ status }) => status?.phase === 'Failed');
    expect(evicted.status).toMatchObject({ reason: 'Evicted', message: 'Usage of EmptyDir volume "cache" exceeds the limit "64Ki". ' });
  });
});

test('what a folder takes is counted once, and not what lies behind links', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-du-'));
  try {
    expect(await diskUsage(path.join(folder, 'gone'))).toBe(0);
    const empty = await diskUsage(folder);
    mkdirSync(path.join(folder, 'deep'));
    writeFileSync(path.join(folder, 'deep/a'), Buffer.alloc(1 << 20, 1));
    linkSync(path.join(folder, 'deep/a'), path.join(folder, 'b'));
    symlinkSync('/usr', path.join(folder, 'elsewhere'));
    const used = (await diskUsage(folder)) - empty;
    expect(used).toBeGreaterThanOrEqual(1 << 20);
    expect(used).toBeLessThan(1.5 * (1 << 20));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
