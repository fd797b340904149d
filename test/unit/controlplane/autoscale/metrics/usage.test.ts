import { expect, test } from 'vitest';
import { nodeMetricsOf, podMetricsOf, totalOf } from '../../../../../src/controlplane/autoscale/metrics/usage.ts';
import type { NodeStats, PodStats } from '../../../../../src/protocol/stats.ts';

const now = new Date('2026-01-01T12:00:00Z');
const time = '2026-01-01T11:59:59.500Z';
const cpu = (usageNanoCores?: number) => ({ time, usageCoreNanoSeconds: 1e9, ...(usageNanoCores !== undefined && { usageNanoCores }) });
const memory = (workingSetBytes: number) => ({ time, usageBytes: workingSetBytes, workingSetBytes, rssBytes: workingSetBytes });
const container = (name: string, nano: number | undefined, bytes: number) => ({ name, startTime: time, cpu: cpu(nano), memory: memory(bytes) });
const stats = (...containers: PodStats['containers']): PodStats => ({ podRef: { name: 'web', namespace: 'demo', uid: 'u' }, startTime: time, containers, cpu: cpu(5), memory: memory(0), process_stats: { process_count: 1 } });
const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'demo', uid: 'u', labels: { app: 'web' } }, spec: { containers: [] } };

test('a pod shows what each container uses, sorted by name', () => {
  expect(podMetricsOf(pod, stats(container('web', 250_000_000, 50 * 1024 * 1024), container('side', 1_234_567, 1_500_000)), now)).toEqual({
    apiVersion: 'metrics.k8s.io/v1beta1', kind: 'PodMetrics', metadata: { name: 'web', namespace: 'demo', labels: { app: 'web' }, creationTimestamp: '2026-01-01T12:00:00Z' },
    timestamp: '2026-01-01T11:59:59Z', window: '15s',
    containers: [{ name: 'side', usage: { cpu: '1234567n', memory: '1464Ki' } }, { name: 'web', usage: { cpu: '250m', memory: '50Mi' } }],
  });
});

test('nothing is said of a pod that is only half known, or does not run', () => {
  expect(podMetricsOf(pod, stats(container('web', 1, 1), container('side', undefined, 1)), now)).toBeUndefined();
  expect(podMetricsOf(pod, stats(), now)).toBeUndefined();
});

test('a node, and the sum of a pod', () => {
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1', labels: { zone: 'a' } } };
  expect(nodeMetricsOf(node, { cpu: cpu(1_500_000_000), memory: memory(2048) } as NodeStats, now)).toMatchObject({ metadata: { name: 'node-1', labels: { zone: 'a' } }, usage: { cpu: '1500m', memory: '2Ki' } });
  expect(totalOf([{ name: 'a', usage: { cpu: '250m', memory: '50Mi' } }, { name: 'b', usage: { cpu: '1234567n', memory: '24Ki' } }])).toEqual({ cpu: '251234567n', memory: '51224Ki' });
});
