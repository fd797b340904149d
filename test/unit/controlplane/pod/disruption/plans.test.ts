import { describe, expect, test } from 'vitest';
import type { Pod } from '../../../../../src/api/kinds/core.ts';
import type { PodDisruptionBudget } from '../../../../../src/api/kinds/policy.ts';
import { needsScale, planDisruption } from '../../../../../src/controlplane/pod/disruption/disruption-plan.ts';
import { judgeEviction } from '../../../../../src/controlplane/pod/disruption/eviction-plan.ts';

const now = new Date('2026-01-01T01:00:00Z');
type Status = NonNullable<PodDisruptionBudget['status']>;
const budget = (spec: NonNullable<PodDisruptionBudget['spec']>, status: Partial<Status> = {}): PodDisruptionBudget => ({
  apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'web', namespace: 'demo', generation: 1 },
  spec: { selector: { matchLabels: { app: 'web' } }, ...spec }, status: { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0, observedGeneration: 1, ...status },
});
const pod = (name: string, { ready = true, phase = 'Running', leaving = false }: { ready?: boolean; phase?: string; leaving?: boolean } = {}): Pod => ({
  apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'demo', ...(leaving && { deletionTimestamp: '2026-01-01T00:59:00Z' }) },
  spec: { containers: [] }, status: { phase: phase as 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});
const three = ['a', 'b', 'c'].map((name) => pod(name));
const counts = ({ currentHealthy, desiredHealthy, disruptionsAllowed, expectedPods }: Status) => [expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed];

describe('a budget allows', () => {
  test.each<[string, NonNullable<PodDisruptionBudget['spec']>, Pod[], number, number[]]>([
    ['what is above a number', { minAvailable: 2 }, three, 3, [3, 2, 3, 1]],
    ['nothing below a number', { minAvailable: 4 }, three, 3, [3, 4, 3, 0]],
    ['what is above a share of those wanted', { minAvailable: '50%' }, three, 4, [4, 2, 3, 1]],
    ['a share that is rounded up', { minAvailable: '50%' }, three, 3, [3, 2, 3, 1]],
    ['a number of those wanted', { maxUnavailable: 1 }, three, 3, [3, 2, 3, 1]],
    ['less while some are missing', { maxUnavailable: 1 }, three, 4, [4, 3, 3, 0]],
    ['a share of those wanted, rounded up', { maxUnavailable: '30%' }, three, 3, [3, 2, 3, 1]],
    ['all', { maxUnavailable: '100%' }, three, 3, [3, 0, 3, 3]],
    ['nothing of unready pods', { minAvailable: 1 }, [pod('a', { ready: false }), pod('b')], 2, [2, 1, 1, 0]],
    ['nothing of pods on their way out', { minAvailable: 1 }, [pod('a', { leaving: true }), pod('b')], 2, [2, 1, 1, 0]],
    ['nothing without pods', { minAvailable: 0 }, [], 0, [0, 0, 0, 0]],
  ])('%s', (_, spec, pods, replicas, expected) => {
    const of = budget(spec);
    const { status } = planDisruption(of, pods, needsScale(of) ? { replicas, unmanaged: [] } : undefined, now);
    expect(counts(status)).toEqual(expected);
    const allowed = (expected[3] ?? 0) > 0;
    expect(status.conditions).toEqual([{ type: 'DisruptionAllowed', status: allowed ? 'True' : 'False', reason: allowed ? 'SufficientPods' : 'InsufficientPods', message: '', lastTransitionTime: '2026-01-01T01:00:00Z', observedGeneration: 1 }]);
  });

  test('nothing for evictions that are under way, until they are forgotten', () => {
    const of = budget({ minAvailable: 1 }, { disruptedPods: { a: '2026-01-01T00:59:30Z', b: '2026-01-01T00:50:00Z', gone: '2026-01-01T00:59:59Z' } });
    const { status, events, afterMs } = planDisruption(of, three, undefined, now);
    expect(counts(status)).toEqual([3, 1, 2, 1]);
    expect(status.disruptedPods).toEqual({ a: '2026-01-01T00:59:30Z' });
    expect(afterMs).toBe(90_000);
    expect(events).toEqual([{ type: 'Warning', reason: 'NotDeleted', message: "Pod was expected by PDB demo/web to be deleted but it wasn't" }]);
  });

  test('and tells of pods that belong to nobody, and of no pods', () => {
    expect(planDisruption(budget({ maxUnavailable: 1 }), three, { replicas: 0, unmanaged: ['a'] }, now).events).toMatchObject([{ type: 'Warning', reason: 'UnmanagedPods' }]);
    expect(planDisruption(budget({ minAvailable: 1 }), [], undefined, now).events).toEqual([{ type: 'Normal', reason: 'NoPods', message: 'No matching pods found' }]);
  });
});

describe('an eviction', () => {
  const full: Partial<Status> = { currentHealthy: 2, desiredHealthy: 2, expectedPods: 2 };
  test.each<[string, Pod, PodDisruptionBudget[], 'allowed' | 'noted' | string]>([
    ['without a budget', pod('a'), [], 'allowed'],
    ['within its budget', pod('a'), [budget({ minAvailable: 1 }, { currentHealthy: 2, desiredHealthy: 1, disruptionsAllowed: 1 })], 'noted'],
    ['beyond its budget', pod('a'), [budget({ minAvailable: 2 }, full)], '429 The disruption budget web needs 2 healthy pods and has 2 currently'],
    ['of a budget not looked at yet', pod('a'), [budget({ minAvailable: 1 }, { observedGeneration: 0 })], '429 The disruption budget web is still being processed by the server.'],
    ['of a pod with two budgets', pod('a'), [budget({ minAvailable: 0 }), budget({ minAvailable: 0 })], '500'],
    ['of a pod that has ended', pod('a', { phase: 'Succeeded' }), [budget({ minAvailable: 2 }, full)], 'allowed'],
    ['of a pod that has not begun', pod('a', { phase: 'Pending' }), [budget({ minAvailable: 2 }, full)], 'allowed'],
    ['of an unready pod of a budget that is kept', pod('a', { ready: false }), [budget({ minAvailable: 2 }, full)], 'allowed'],
    ['of an unready pod of a budget that is not kept', pod('a', { ready: false }), [budget({ minAvailable: 3 }, { ...full, desiredHealthy: 3 })], '429 The disruption budget web needs 3 healthy pods and has 2 currently'],
    ['of an unready pod that may always go', pod('a', { ready: false }), [budget({ minAvailable: 3, unhealthyPodEvictionPolicy: 'AlwaysAllow' }, { ...full, desiredHealthy: 3 })], 'allowed'],
    ['of a ready pod where unready ones may always go', pod('a'), [budget({ minAvailable: 3, unhealthyPodEvictionPolicy: 'AlwaysAllow' }, { ...full, desiredHealthy: 3 })], '429 The disruption budget web needs 3 healthy pods and has 2 currently'],
  ])('%s', (_, of, budgets, expected) => {
    const verdict = judgeEviction(of, budgets, now);
    if (verdict.allowed) expect(verdict.note ? 'noted' : 'allowed').toBe(expected);
    else expect([verdict.error.code, ...(verdict.error.status.details?.causes ?? []).map(({ message }) => message)].join(' ')).toBe(expected);
  });

  test('takes its place in the budget', () => {
    const verdict = judgeEviction(pod('a'), [budget({ minAvailable: 1 }, { currentHealthy: 2, desiredHealthy: 1, disruptionsAllowed: 1, expectedPods: 2, disruptedPods: { b: '2026-01-01T00:59:00Z' } })], now);
    expect(verdict).toMatchObject({ note: { disruptionsAllowed: 0, disruptedPods: { a: '2026-01-01T01:00:00Z', b: '2026-01-01T00:59:00Z' }, conditions: [{ type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods' }] } });
  });

  test('is refused as clients expect it', () => {
    const verdict = judgeEviction(pod('a'), [budget({ minAvailable: 2 }, full)], now);
    expect(verdict.allowed ? undefined : verdict.error.status).toEqual({
      apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', code: 429, reason: 'TooManyRequests', message: "Cannot evict pod as it would violate the pod's disruption budget.",
      details: { causes: [{ reason: 'DisruptionBudget', message: 'The disruption budget web needs 2 healthy pods and has 2 currently' }] },
    });
  });
});
