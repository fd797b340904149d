/** Steps of a Deployment's rollout. The cases of scaling are facts of the real controller's own tests. */
import { describe, expect, test } from 'vitest';
import type { Deployment, ReplicaSet } from '../../../../src/api/kinds/apps.ts';
import { planDeployment } from '../../../../src/controlplane/deployment/deployment-plan.ts';
import { deploymentStatus } from '../../../../src/controlplane/deployment/deployment-status.ts';

const names = ['v1', 'v2', 'v3'];
const desired = 'deployment.kubernetes.io/desired-replicas';
const maximum = 'deployment.kubernetes.io/max-replicas';

interface Sizes { replicas: number; was?: number; surge?: number; surgeWas?: number; unavailable?: number; paused?: boolean; strategy?: string; history?: number }
const template = (image: string) => ({ metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } });
const deployment = ({ replicas, surge = 0, unavailable = 1, paused = false, strategy = 'RollingUpdate', history }: Sizes): Deployment => ({
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'demo', uid: 'u', annotations: { 'deployment.kubernetes.io/revision': '9' } },
  spec: { replicas, paused, selector: { matchLabels: { app: 'web' } }, strategy: strategy === 'Recreate' ? { type: strategy } : { type: strategy, rollingUpdate: { maxSurge: surge, maxUnavailable: unavailable } }, template: template('v3'), ...(history !== undefined && { revisionHistoryLimit: history }) },
} as Deployment);
/** `version` 3 is the present template. `available`: all unless said. */
const set = (version: number, replicas: number, { was = 0, surgeWas = 0 }: Sizes, available = replicas): ReplicaSet => ({
  apiVersion: 'apps/v1', kind: 'ReplicaSet',
  metadata: { name: `web-${names[version - 1]}`, namespace: 'demo', uid: `s${version}`, creationTimestamp: `2026-01-01T00:0${version}:00Z`, generation: 1, annotations: { 'deployment.kubernetes.io/revision': version === 3 ? '9' : String(version), ...(was > 0 && { [desired]: String(was), [maximum]: String(was + surgeWas) }) } },
  spec: { replicas, selector: {}, template: template(`v${version}`) }, status: { replicas, availableReplicas: available, readyReplicas: available, observedGeneration: 1 },
} as ReplicaSet);

/** New sizes by version, newest first; `-` for a set that keeps its size. */
function sizes(of: Sizes, fresh: number | null, old: [version: number, replicas: number, available?: number][], freshAvailable?: number): string {
  const sets = [...(fresh === null ? [] : [set(3, fresh, of, freshAvailable)]), ...old.map(([version, replicas, available]) => set(version, replicas, of, available))];
  const plan = planDeployment(deployment(of), sets, []);
  return sets.map((one) => String(plan.scale.find(({ set: scaled }) => scaled === one)?.replicas ?? one.spec.replicas)).join(' ');
}

describe('another number while a rollout is under way is shared by the sets', () => {
  test.each<[string, Sizes, number | null, [number, number][], string]>([
    ['10 → 12, one set', { replicas: 12, was: 10 }, 10, [], '12'],
    ['10 → 5, one set', { replicas: 5, was: 10 }, 10, [], '5'],
    ['5 → 10', { replicas: 10, was: 5 }, 2, [[2, 3]], '4 6'],
    ['5 → 3', { replicas: 3, was: 5 }, 2, [[2, 3]], '1 2'],
    ['9 → 4', { replicas: 4, was: 9 }, 8, [[2, 1]], '4 0'],
    ['7 → 10, three sets', { replicas: 10, was: 7 }, 2, [[2, 3], [1, 2]], '3 4 3'],
    ['13 → 8, three sets', { replicas: 8, was: 13 }, 2, [[2, 8], [1, 3]], '1 5 2'],
    ['3 → 4: what is left over goes to the newest', { replicas: 4, was: 3 }, 1, [[2, 1], [1, 1]], '2 1 1'],
    ['3 → 10: what is left over goes to the newest', { replicas: 10, was: 3 }, 1, [[2, 1], [1, 1]], '4 3 3'],
    ['6 → 0', { replicas: 0, was: 6 }, 3, [[2, 2], [1, 1]], '0 0 0'],
    ['10 → 20 with a surge', { replicas: 20, was: 10, surge: 2, surgeWas: 2 }, 6, [[2, 6]], '11 11'],
    ['10 → 50 with another surge', { replicas: 50, was: 10, surge: 6, surgeWas: 3 }, 5, [[2, 8]], '22 34'],
  ])('%s', (_, of, fresh, old, expected) => {
    expect(sizes(of, fresh, old)).toBe(expected);
    // Also while it is paused.
    expect(sizes({ ...of, paused: true }, fresh, old)).toBe(expected);
  });

  test('10 → 14 with another template that has no set while it is paused', () => expect(sizes({ replicas: 14, was: 10, paused: true }, null, [[2, 7], [1, 3]])).toBe('10 4'));
});

describe('a rolling update', () => {
  test.each<[string, Sizes, number, [number, number, number?][], number, string]>([
    ['begins with as many as may come', { replicas: 10, was: 10, surge: 3, surgeWas: 3 }, 0, [[2, 10]], 0, '3 10'],
    ['takes away as many as may be missing', { replicas: 10, was: 10, surge: 3, surgeWas: 3, unavailable: 2 }, 3, [[2, 10]], 0, '3 8'],
    ['takes what does not serve first, for nothing', { replicas: 10, was: 10, surge: 2, surgeWas: 2, unavailable: 2 }, 4, [[2, 8, 5]], 4, '4 4'],
    ['waits for the new ones to serve', { replicas: 10, was: 10, surge: 2, surgeWas: 2, unavailable: 0 }, 2, [[2, 10]], 0, '2 10'],
    ['goes on as they do', { replicas: 10, was: 10, surge: 2, surgeWas: 2, unavailable: 0 }, 2, [[2, 10]], 2, '2 8'],
    ['takes the oldest first', { replicas: 4, was: 4, surge: 1, surgeWas: 1, unavailable: 0 }, 2, [[2, 1], [1, 2]], 2, '2 1 1'],
    ['that is broken leaves the old ones alone', { replicas: 2, was: 2, surge: 1, surgeWas: 1, unavailable: 1 }, 2, [[2, 1]], 0, '2 1'],
    ['ends with none of the old', { replicas: 2, was: 2, surge: 1, surgeWas: 1, unavailable: 0 }, 2, [[2, 1]], 2, '2 0'],
  ])('%s', (_, of, fresh, old, available, expected) => expect(sizes(of, fresh, old, available)).toBe(expected));
});

describe('the history', () => {
  test('is as long as asked: the oldest idle sets go once the rollout is complete', () => {
    const of: Sizes = { replicas: 2, was: 2, history: 1 };
    const idle = (version: number) => { const one = set(version, 0, {} as Sizes); return one; };
    expect(planDeployment(deployment(of), [set(3, 2, of), idle(2), idle(1)], []).remove.map(({ metadata }) => metadata.name)).toEqual(['web-v1']);
    expect(planDeployment(deployment(of), [set(3, 2, of, 1), idle(2), idle(1)], []).remove).toEqual([]);
    expect(planDeployment(deployment({ ...of, history: 0 }), [set(3, 2, of), idle(2), set(1, 1, of)], []).remove).toEqual([]);
  });

  test('takes an old template up again as its newest revision, also while paused', () => {
    const sets = [set(3, 0, {} as Sizes), set(2, 2, { replicas: 2, was: 2 })];
    const old = deployment({ replicas: 2 });
    old.spec.template = template('v2');
    for (const paused of [false, true]) {
      old.spec.paused = paused;
      const plan = planDeployment(old, sets, []);
      expect(plan.revision).toBe('10');
      expect(plan.annotate).toMatchObject([{ annotations: { 'deployment.kubernetes.io/revision': '10', 'deployment.kubernetes.io/revision-history': '2' } }]);
    }
  });

  test('makes no set while paused', () => {
    expect(planDeployment(deployment({ replicas: 2, paused: true }), [set(2, 2, { replicas: 2, was: 2 })], []).create).toBeUndefined();
    expect(planDeployment(deployment({ replicas: 2 }), [set(2, 2, { replicas: 2, was: 2 })], []).create).toMatchObject({ metadata: { annotations: { 'deployment.kubernetes.io/revision': '3' } }, spec: { replicas: 0 } });
  });
});

test('recreating waits for the last old pod', () => {
  const of = deployment({ replicas: 2, strategy: 'Recreate' });
  const old = set(2, 0, {} as Sizes);
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-v2', uid: 's2', controller: true }] }, spec: { containers: [] } };
  expect(planDeployment(of, [set(2, 2, { replicas: 2, was: 2 })], [pod])).toMatchObject({ scale: [{ replicas: 0 }] });
  expect(planDeployment(of, [old], [pod]).create).toBeUndefined();
  expect(planDeployment(of, [old], [{ ...pod, status: { phase: 'Failed' } }]).create).toMatchObject({ spec: { replicas: 2 } });
});

test('of several failures that of the present set is told', () => {
  const failing = (one: ReplicaSet, message: string): ReplicaSet => ({ ...one, status: { ...one.status, conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }] } } as ReplicaSet);
  const [old, current] = [failing(set(2, 1, {} as Sizes), 'old'), failing(set(3, 1, {} as Sizes), 'new')];
  const told = (sets: ReplicaSet[], present?: ReplicaSet) => deploymentStatus({ deployment: deployment({ replicas: 2 }), sets, current: present }, new Date('2026-01-01T00:00:00Z')).status.conditions?.find(({ type }) => type === 'ReplicaFailure')?.message;
  expect([told([old, current], current), told([old, set(3, 1, {} as Sizes)], set(3, 1, {} as Sizes)), told([set(2, 1, {} as Sizes)])]).toEqual(['new', 'old', undefined]);
});
