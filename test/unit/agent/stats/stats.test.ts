import { afterEach, describe, expect, test } from 'vitest';
import { nodeSummary } from '../../../../src/controlplane/pod/agent-client.ts';
import { isPodReady } from '../../../../src/api/pod.ts';
import { parseInterfaces } from '../../../../src/agent/runtime/stats.ts';
import { resourceMetrics } from '../../../../src/agent/server/stats.ts';
import { CpuMeter } from '../../../../src/agent/stats/cpu-meter.ts';
import { memoryBound } from '../../../../src/agent/stats/memory-bound.ts';
import type { StatsSummary } from '../../../../src/protocol/stats.ts';
import { smallPlatform, type SmallPlatform } from '../../../support/agent/small-platform.ts';

describe('a CPU meter', () => {
  test('gives a rate from two looks and never falls', () => {
    const meter = new CpuMeter();
    expect(meter.add('a', 1e9, 0)).toEqual({ usageCoreNanoSeconds: 1e9 });
    expect(meter.add('a', 1.5e9, 1000)).toEqual({ usageCoreNanoSeconds: 1.5e9, usageNanoCores: 0.5e9 });
    // Too soon for a rate of its own: the last one stays.
    expect(meter.add('a', 1.51e9, 1010)).toEqual({ usageCoreNanoSeconds: 1.51e9, usageNanoCores: 0.5e9 });
    // A process left and took its time with it.
    expect(meter.add('a', 0.2e9, 2000)).toMatchObject({ usageCoreNanoSeconds: 1.5e9, usageNanoCores: 0 });
    expect(meter.add('a', 0.3e9, 3000)).toEqual({ usageCoreNanoSeconds: 1.6e9, usageNanoCores: 0.1e9 });
  });

  test('says nothing about now after a long silence', () => {
    const meter = new CpuMeter();
    meter.add('a', 0, 0);
    expect(meter.add('a', 1e9, 120_000)).toEqual({ usageCoreNanoSeconds: 1e9 });
    meter.keep(new Set());
    expect(meter.add('a', 5, 121_000)).toEqual({ usageCoreNanoSeconds: 5 });
  });
});

describe('the memory of a machine that is a container', () => {
  const reader = (files: Record<string, string>) => (file: string) => Promise.resolve(files[file]);
  test.each([
    ['cgroup v2, the tightest of its parents', '0::/a/b\n', {
      '/sys/fs/cgroup/a/b/memory.max': 'max\n', '/sys/fs/cgroup/a/memory.max': '1000\n', '/sys/fs/cgroup/a/memory.current': '700\n', '/sys/fs/cgroup/a/memory.stat': 'anon 1\ninactive_file 200\n',
      '/sys/fs/cgroup/memory.max': '5000\n', '/sys/fs/cgroup/memory.current': '900\n',
    }, { limitBytes: 1000, usageBytes: 700, workingSetBytes: 500 }],
    ['cgroup v1', '4:memory:/x\n0::/\n', { '/sys/fs/cgroup/memory/x/memory.limit_in_bytes': '2000\n', '/sys/fs/cgroup/memory/x/memory.usage_in_bytes': '900\n', '/sys/fs/cgroup/memory/x/memory.stat': 'total_inactive_file 100\n' }, { limitBytes: 2000, usageBytes: 900, workingSetBytes: 800 }],
    ['cgroup v1 without a limit', '4:memory:/\n', { '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n' }, undefined],
    ['no control group', '', {}, undefined],
  ])('%s', async (_, cgroups, files, expected) => {
    expect(await memoryBound(reader(files), cgroups)).toEqual(expected);
  });
});

test('network counters come without the loopback', () => {
  const text = 'Inter-|   Receive                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n    lo: 100 1 0 0 0 0 0 0 100 1 0 0 0 0 0 0\n  eth0: 2048 9 1 0 0 0 0 0 512 4 2 0 0 0 0 0\n';
  expect(parseInterfaces(text)).toEqual([{ name: 'eth0', rxBytes: 2048, rxErrors: 1, txBytes: 512, txErrors: 2 }]);
});

test('resource metrics are the kubelet\'s', () => {
  const time = '2026-01-01T00:00:00.000Z';
  const cpu = { time, usageCoreNanoSeconds: 1.5e9 };
  const memory = { time, usageBytes: 9, workingSetBytes: 7, rssBytes: 6 };
  const summary: StatsSummary = {
    node: { nodeName: 'node-1', cpu, memory, fs: { time }, runtime: { imageFs: { time } } },
    pods: [{ podRef: { name: 'web-1', namespace: 'demo', uid: 'u' }, startTime: time, cpu, memory, process_stats: { process_count: 1 }, containers: [{ name: 'web', startTime: time, cpu, memory }] }],
  };
  const lines = resourceMetrics(summary).split('\n').filter((line) => !line.startsWith('#'));
  expect(lines).toEqual([
    'container_cpu_usage_seconds_total{container="web",namespace="demo",pod="web-1"} 1.5 1767225600000',
    'container_memory_working_set_bytes{container="web",namespace="demo",pod="web-1"} 7 1767225600000',
    'container_start_time_seconds{container="web",namespace="demo",pod="web-1"} 1767225600',
    'node_cpu_usage_seconds_total 1.5 1767225600000',
    'node_memory_working_set_bytes 7 1767225600000',
    'pod_cpu_usage_seconds_total{namespace="demo",pod="web-1"} 1.5 1767225600000',
    'pod_memory_working_set_bytes{namespace="demo",pod="web-1"} 7 1767225600000',
    'resource_scrape_error 0',
    '',
  ]);
});

describe('an agent', () => {
  let platform: SmallPlatform | undefined;
  afterEach(() => platform?.dispose());

  test('tells the control plane what runs uses', async () => {
    platform = await smallPlatform();
    await platform.project('demo');
    await platform.agent('node-1');
    await platform.run('demo', 'web-1', {});
    await platform.until('demo', 'web-1', isPodReady);
    const summary = await nodeSummary(platform.store, 'node-1', AbortSignal.timeout(10_000));
    expect(summary.node.nodeName).toBe('node-1');
    expect(summary.node.memory.workingSetBytes).toBeGreaterThan(0);
    expect(summary.node.cpu.usageNanoCores).toBeGreaterThanOrEqual(0);
    expect(summary.node.fs.capacityBytes).toBeGreaterThan(0);
    expect(summary.pods).toMatchObject([{ podRef: { namespace: 'demo', name: 'web-1' }, cpu: { usageNanoCores: 0, usageCoreNanoSeconds: 5 }, containers: [{ name: 'web', memory: { workingSetBytes: 7, usageBytes: 9, rssBytes: 6 } }] }]);
    await expect(nodeSummary(platform.store, 'node-2', AbortSignal.timeout(1000))).rejects.toThrow('nodes "node-2" not found');
  });
});
