/** The cases are facts of the real calculator's own tests: usage and requests in thousandths of a core. */
import { describe, expect, test } from 'vitest';
import type { Pod } from '../../../../../src/api/kinds/core.ts';
import { groupPods, replicasForAverage, replicasForUtilization, type CalculatorInput } from '../../../../../src/controlplane/autoscale/hpa/replica-calculator.ts';

const now = new Date('2026-01-01T12:00:00Z');
const ago = (ms: number) => `${new Date(now.getTime() - ms).toISOString().slice(0, 19)}Z`;
const hour = 3_600_000;

interface Shape { ready?: boolean[]; phases?: string[]; requests?: (number | undefined)[]; levels?: (number | undefined)[]; leaving?: boolean[]; startedMs?: number[]; resource?: string }

function input(currentReplicas: number, { ready = [], phases = [], requests = [], levels = [], leaving = [], startedMs = [], resource = 'cpu' }: Shape): CalculatorInput {
  const count = Math.max(currentReplicas, requests.length, levels.length, ready.length, phases.length);
  const pods = Array.from({ length: count }, (_, at): Pod => {
    const started = startedMs[at] ?? hour;
    const request = at in requests ? requests[at] : 1000;
    return {
      apiVersion: 'v1', kind: 'Pod', metadata: { name: `p${at}`, ...(leaving[at] && { deletionTimestamp: ago(1000) }) },
      spec: { containers: [{ name: 'c', image: 'i', ...(request !== undefined && { resources: { requests: { [resource]: resource === 'cpu' ? `${request}m` : String(request / 1000) } } }) }] },
      status: { phase: (phases[at] ?? 'Running') as 'Running', startTime: ago(started), conditions: [{ type: 'Ready', status: (ready[at] ?? true) ? 'True' : 'False', lastTransitionTime: ago(started) }] },
    };
  });
  const samples = new Map(levels.flatMap((value, at) => (value === undefined ? [] : [[`p${at}`, { value, at: now.getTime() - 1000, windowMs: 60_000 }] as const])));
  return { resource, currentReplicas, pods, samples, tolerances: { up: 0.1, down: 0.1 }, now };
}

/** Just started: not a whole window yet. */
const hot = 30_000;
const cool = hour;

describe('replicas for a share of what is requested', () => {
  test.each<[string, number, Shape, number, { replicas: number; utilization: number; average: number }]>([
    ['scale up', 3, { levels: [300, 500, 700] }, 30, { replicas: 5, utilization: 50, average: 500 }],
    ['scale up less with an unready pod', 3, { ready: [false, true, true], levels: [300, 500, 700] }, 30, { replicas: 4, utilization: 60, average: 600 }],
    ['scale up less with a pod that has just begun', 3, { levels: [300, 500, 700], startedMs: [hot, cool, cool] }, 30, { replicas: 4, utilization: 60, average: 600 }],
    ['scale up without failed pods', 2, { ready: [true, true, false, false], phases: ['Running', 'Running', 'Failed', 'Failed'], levels: [500, 700] }, 30, { replicas: 4, utilization: 60, average: 600 }],
    ['scale up without pods on their way out', 2, { ready: [true, true, false, false], leaving: [false, false, true, true], requests: [1000, 1000, 1000, 1000], levels: [500, 700] }, 30, { replicas: 4, utilization: 60, average: 600 }],
    ['stay where unready pods might suffice', 3, { ready: [true, false, false], levels: [400, 500, 700] }, 30, { replicas: 3, utilization: 40, average: 400 }],
    ['stay where pods that have just begun might suffice', 3, { startedMs: [cool, hot, hot], levels: [400, 500, 700] }, 30, { replicas: 3, utilization: 40, average: 400 }],
    ['scale down', 5, { levels: [100, 300, 500, 250, 250] }, 50, { replicas: 3, utilization: 28, average: 280 }],
    ['scale down without unready pods', 5, { ready: [true, true, true, false, false], levels: [100, 300, 500, 250, 250] }, 50, { replicas: 2, utilization: 30, average: 300 }],
    ['scale down without failed pods', 5, { phases: ['Running', 'Running', 'Running', 'Running', 'Running', 'Failed', 'Failed'], ready: [true, true, true, true, true, false, false], levels: [100, 300, 500, 250, 250] }, 50, { replicas: 3, utilization: 28, average: 280 }],
    ['stay within the tolerance', 3, { requests: [900, 1000, 1100], levels: [1010, 1030, 1020] }, 100, { replicas: 3, utilization: 102, average: 1020 }],
    ['scale down carefully with missing metrics', 4, { levels: [400, 95] }, 100, { replicas: 3, utilization: 24, average: 247 }],
    ['stay with missing metrics: as it should be', 2, { levels: [1000] }, 100, { replicas: 2, utilization: 100, average: 1000 }],
    ['stay with missing metrics: too much', 2, { levels: [1900] }, 100, { replicas: 2, utilization: 190, average: 1900 }],
    ['stay with missing metrics: too little', 2, { levels: [600] }, 100, { replicas: 2, utilization: 60, average: 600 }],
    ['stay with unready and missing', 3, { ready: [false, true, true], levels: [100, 450] }, 50, { replicas: 3, utilization: 45, average: 450 }],
    ['scale up with unready and missing', 3, { ready: [false, true, true], levels: [100, 2000] }, 50, { replicas: 4, utilization: 200, average: 2000 }],
    ['scale down with unready and missing', 4, { ready: [false, true, true, true], levels: [100, 100, 100] }, 50, { replicas: 3, utilization: 10, average: 100 }],
    ['pending pods count as unready', 2, { ready: [true, false], phases: ['Running', 'Pending'], levels: [800] }, 50, { replicas: 2, utilization: 80, average: 800 }],
  ])('%s', (_, current, shape, target, expected) => expect(replicasForUtilization(input(current, shape), target)).toEqual(expected));

  test.each<[string, Shape, string]>([
    ['no pods', {}, 'no pods returned by selector while calculating replica count'],
    ['no request', { requests: [undefined], levels: [100] }, 'missing request for cpu in container c of Pod p0'],
    ['nothing measured', { requests: [1000], levels: [] }, 'did not receive metrics for targeted pods (pods might be unready)'],
    ['only unready pods', { ready: [false], levels: [100] }, 'did not receive metrics for targeted pods (pods might be unready)'],
  ])('%s says why', (_, shape, message) => expect(() => replicasForUtilization(input(0, shape), 50)).toThrow(message));

  test('counts one container where one is named', () => {
    const one = input(1, { levels: [300] });
    one.pods[0]?.spec.containers.push({ name: 'side', image: 'i' });
    expect(() => replicasForUtilization(one, 30)).toThrow('missing request for cpu in container side of Pod p0');
    expect(replicasForUtilization({ ...one, container: 'c' }, 10)).toEqual({ replicas: 3, utilization: 30, average: 300 });
  });
});

describe('replicas for an amount a pod', () => {
  test.each<[string, number, Shape, number, { replicas: number; average: number }]>([
    ['scale up', 3, { levels: [20_000, 10_000, 30_000], resource: 'memory' }, 15_000, { replicas: 4, average: 20_000 }],
    ['scale down', 5, { levels: [12_000, 12_000, 12_000, 12_000, 12_000], resource: 'memory' }, 20_000, { replicas: 3, average: 12_000 }],
    ['stay within the tolerance', 3, { levels: [20_000, 21_000, 21_000], resource: 'memory' }, 20_666, { replicas: 3, average: 20_666 }],
    ['scale down with missing metrics, which count as the aim', 5, { levels: [12_000, 12_000, 12_000, 12_000], resource: 'memory' }, 20_000, { replicas: 4, average: 12_000 }],
    ['unready pods speak of memory', 3, { ready: [false, true, true], levels: [50_000, 10_000, 30_000], resource: 'memory' }, 15_000, { replicas: 6, average: 30_000 }],
  ])('%s', (_, current, shape, target, expected) => expect(replicasForAverage(input(current, shape), target)).toEqual(expected));
});

test('pods are told apart by whether their usage says something', () => {
  const ready = (changedMs: number, status = 'True') => [{ type: 'Ready', status, lastTransitionTime: ago(changedMs) }];
  const pod = (name: string, status: object): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers: [] }, status: { phase: 'Running', ...status } as Pod['status'] & object });
  const pods = [
    pod('settled', { startTime: ago(120_000), conditions: ready(100_000) }), pod('young', { startTime: ago(120_000), conditions: ready(5_000) }), pod('lost its readiness late', { startTime: ago(hour), conditions: ready(60_000, 'False') }),
    pod('never ready', { startTime: ago(hour), conditions: ready(hour - 10_000, 'False') }), pod('without conditions', { startTime: ago(hour) }), pod('unmeasured', { startTime: ago(hour), conditions: ready(hour) }),
  ];
  const samples = new Map(pods.slice(0, 5).map(({ metadata }) => [metadata.name, { value: 1, at: now.getTime() - 1000, windowMs: 15_000 }]));
  const { ready: count, unready, missing, ignored } = groupPods(pods, samples, 'cpu', now);
  expect([count, [...unready], [...missing], [...ignored]]).toEqual([2, ['young', 'never ready', 'without conditions'], ['unmeasured'], []]);
});
