import { describe, expect, test } from 'vitest';
import type { Pod, ReplicationController } from '../../../../src/api/kinds/core.ts';
import { deploymentAnnotations, type DeploymentConfig } from '../../../../src/api/kinds/deployment-config.ts';
import type { ImageStream } from '../../../../src/api/kinds/image.ts';
import { planDeployer } from '../../../../src/controlplane/deployment/deployer-plan.ts';
import { planConfig } from '../../../../src/controlplane/deployment/deployment-config-plan.ts';
import { resolveConfig, splitTag } from '../../../../src/controlplane/deployment/image-trigger-plan.ts';
import { fenceposts, resolveIntOrPercent } from '../../../../src/controlplane/deployment/int-or-percent.ts';
import { claimPods, leastUseful, planReplicas, replicasStatus, type ReplicaOwner } from '../../../../src/controlplane/deployment/replicas-plan.ts';
import { makeRollout } from '../../../../src/controlplane/deployment/rollout.ts';
import { templateHash } from '../../../../src/controlplane/deployment/template-hash.ts';
import { scaleDownTo, scaleUpTo, type RollingState } from '../../../../src/controlplane/deployment/tools/rolling-step.ts';
import { duration } from '../../../../src/controlplane/deployment/tools/recreate.ts';

const now = new Date('2026-01-01T01:00:00Z');

interface PodShape { node?: string | null; phase?: string; ready?: string | null; created?: string; restarts?: number; cost?: string; labels?: Record<string, string>; owner?: string | null; leaving?: boolean }
const pod = (name: string, { node = 'n1', phase = 'Running', ready = '2026-01-01T00:10:00Z', created = '2026-01-01T00:00:00Z', restarts = 0, cost, labels = { app: 'web' }, owner = 'u1', leaving = false }: PodShape = {}): Pod => ({
  apiVersion: 'v1', kind: 'Pod',
  metadata: {
    name, namespace: 'demo', uid: name, labels, creationTimestamp: created, ...(leaving && { deletionTimestamp: created }),
    ...(cost && { annotations: { 'controller.kubernetes.io/pod-deletion-cost': cost } }),
    ...(owner && { ownerReferences: [{ apiVersion: 'v1', kind: 'ReplicationController', name: 'web', uid: owner, controller: true }] }),
  },
  spec: { containers: [], ...(node && { nodeName: node }) },
  status: { phase: phase as 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', ...(ready && { lastTransitionTime: ready }) }], containerStatuses: [{ name: 'c', restartCount: restarts, image: '', imageID: '', ready: true }] },
});
const owner = (replicas: number, more: Partial<ReplicaOwner> = {}): ReplicaOwner => ({
  object: { apiVersion: 'v1', kind: 'ReplicationController', metadata: { name: 'web', namespace: 'demo', uid: 'u1', generation: 4 } },
  selector: [{ key: 'app', operator: 'In', values: ['web'] }], replicas, minReadySeconds: 0, template: { metadata: { labels: { app: 'web' } } }, conditions: undefined, ...more,
});
const names = (list: readonly Pod[]) => list.map(({ metadata }) => metadata.name);

describe('pods of a controller', () => {
  test('are claimed by owner and labels', () => {
    const all = [pod('mine'), pod('orphan', { owner: null }), pod('strange', { owner: null, labels: {} }), pod('other', { owner: 'u2' }), pod('changed', { labels: { app: 'x' } }), pod('done', { phase: 'Succeeded' }), pod('leaving', { leaving: true })];
    const claim = claimPods(owner(1), all);
    expect([names(claim.mine), names(claim.adopt), names(claim.release)]).toEqual([['mine', 'orphan'], ['orphan'], ['changed']]);
  });

  test('are made, or ended beginning with the least useful', () => {
    expect(planReplicas(owner(3), [pod('a')], now).create).toBe(2);
    expect(planReplicas(owner(10_000), [], now).create).toBe(500);
    const list = [
      pod('old'), pod('unassigned', { node: null }), pod('pending', { phase: 'Pending', ready: null }), pod('unready', { ready: null }), pod('cheap', { cost: '-5' }),
      pod('restarted', { node: 'n3', restarts: 3 }), pod('young', { node: 'n4', created: '2026-01-01T00:05:00Z' }), pod('fresh', { node: 'n5', ready: '2026-01-01T00:50:00Z' }),
    ];
    expect(names(leastUseful(list, now))).toEqual(['unassigned', 'pending', 'unready', 'cheap', 'old', 'fresh', 'restarted', 'young']);
    expect(names(planReplicas(owner(6), list, now).remove)).toEqual(['unassigned', 'pending']);
    const ending = owner(0);
    ending.object.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    expect(planReplicas(ending, list, now).remove).toEqual([]);
  });

  test('become available by staying ready', () => {
    const slow = owner(2, { minReadySeconds: 60 });
    const plan = planReplicas(slow, [pod('a'), pod('b', { ready: '2026-01-01T00:59:30Z' })], now);
    expect(plan.afterMs).toBe(30_000);
    expect(replicasStatus(slow, plan.mine, undefined, now)).toEqual({ replicas: 2, fullyLabeledReplicas: 2, readyReplicas: 2, availableReplicas: 1, observedGeneration: 4 });
  });

  test('that cannot be made are told by a condition, until they can', () => {
    const failure = { reason: 'FailedCreate', message: 'exceeded quota' } as const;
    const { conditions } = replicasStatus(owner(1), [], failure, now);
    expect(conditions).toEqual([{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'exceeded quota', lastTransitionTime: '2026-01-01T01:00:00Z' }]);
    expect(replicasStatus(owner(0, { conditions }), [], undefined, now).conditions).toBeUndefined();
  });
});

describe('shares', () => {
  test.each([['25%', 3, 'up', 1], ['25%', 3, 'down', 0], ['100%', 7, 'down', 7], [2, 100, 'up', 2]] as const)('%s of %i rounded %s is %i', (value, total, round, result) => expect(resolveIntOrPercent(value, total, round)).toBe(result));
  test.each([['25%', '25%', 1, { surge: 1, unavailable: 0 }], [0, '25%', 1, { surge: 0, unavailable: 1 }], ['25%', '25%', 8, { surge: 2, unavailable: 2 }], [1, 5, 2, { surge: 1, unavailable: 2 }], ['25%', '25%', 0, { surge: 0, unavailable: 0 }]] as const)('surge %s, unavailable %s of %i', (surge, unavailable, desired, result) =>
    expect(fenceposts(surge, unavailable, desired)).toEqual(result));
});

describe('a rolling update', () => {
  /** Runs it to the end with pods that become available at once, and checks the promises at each step. */
  test.each([[1, 1, 1, 0], [4, 4, 1, 1], [10, 10, 3, 2], [3, 5, 0, 1], [5, 2, 2, 0], [0, 3, 1, 0], [3, 0, 0, 0]])('from %i to %i with surge %i and %i missing keeps its promises', (from, desired, surge, missing) => {
    const minAvailable = Math.max(0, desired - missing);
    const state: RollingState = { old: from, new: 0, desired, surge, minAvailable, newAvailable: 0 };
    for (let step = 0; state.new !== desired || state.old !== 0; step += 1) {
      expect(step).toBeLessThan(50);
      state.new = scaleUpTo(state);
      expect(state.old + state.new).toBeLessThanOrEqual(Math.max(from, desired + surge));
      // Nothing new is ready yet.
      expect(scaleDownTo(state) + state.newAvailable).toBeGreaterThanOrEqual(Math.min(from, minAvailable));
      state.newAvailable = state.new;
      state.old = scaleDownTo(state);
    }
  });
  test.each([[600_000, '10m0s'], [45_000, '45s'], [3_661_000, '1h1m1s']])('%i ms reads %s', (ms, text) => expect(duration(ms)).toBe(text));
});

const config = (more: Partial<DeploymentConfig['spec']> = {}, status: Partial<NonNullable<DeploymentConfig['status']>> = {}): DeploymentConfig => ({
  apiVersion: 'apps.openshift.io/v1', kind: 'DeploymentConfig', metadata: { name: 'web', namespace: 'demo', uid: 'dc' },
  spec: { replicas: 2, triggers: [{ type: 'ConfigChange' }], template: { spec: { containers: [{ name: 'web', image: 'web:1' }] } }, revisionHistoryLimit: 1, ...more },
  status: { latestVersion: 1, ...status },
});
const rollout = (version: number, phase: string, replicas = 0): ReplicationController => {
  const made = makeRollout(config({}, { latestVersion: version }));
  made.metadata.annotations = { ...made.metadata.annotations, [deploymentAnnotations.phase]: phase };
  made.metadata.creationTimestamp = '2026-01-01T00:59:00Z';
  made.spec.replicas = replicas;
  return made;
};
const plan = (of: DeploymentConfig, ...rollouts: ReplicationController[]) => planConfig(of, rollouts);
const listed = (list: readonly ReplicationController[]) => list.map(({ metadata }) => metadata.name);

describe('a deployment config', () => {
  test('begins with version 1, waits for images, makes each version once', () => {
    expect(plan(config({}, { latestVersion: 0 })).trigger).toEqual({ latestVersion: 1, details: { message: 'config change', causes: [{ type: 'ConfigChange' }] } });
    expect(plan(config({ template: { spec: { containers: [{ name: 'web', image: ' ' }] } } }, { latestVersion: 0 })).trigger).toBeUndefined();
    expect(plan(config({ triggers: [] }, { latestVersion: 0 })).trigger).toBeUndefined();
    expect(plan(config()).create?.metadata.name).toBe('web-1');
    expect(plan(config(), rollout(1, 'Running'))).toMatchObject({ observed: false });
  });

  test('gives up rollouts under way for a newer version, and waits for their end', () => {
    const next = plan(config({}, { latestVersion: 2 }), rollout(1, 'Running'));
    expect([listed(next.cancel), next.awaiting, next.create]).toEqual([['web-1'], true, undefined]);
    expect(plan(config({}, { latestVersion: 2 }), rollout(1, 'Failed')).create?.metadata.name).toBe('web-2');
  });

  test('sizes the newest complete rollout, empties the others, prunes the oldest', () => {
    const done = plan(config({}, { latestVersion: 4 }), rollout(1, 'Complete'), rollout(2, 'Complete'), rollout(3, 'Complete', 1), rollout(4, 'Failed', 1));
    expect(done.scale.map(({ rollout: of, replicas }) => [of.metadata.name, replicas])).toEqual([['web-3', 2], ['web-4', 0]]);
    expect(listed(done.prune)).toEqual(['web-1']);
    expect(plan(config({ test: true }), rollout(1, 'Complete', 2)).scale[0]?.replicas).toBe(0);
  });

  test('goes on from the versions there are when its status was lost', () => {
    expect(plan(config({}, { latestVersion: 1 }), rollout(3, 'Complete')).trigger?.latestVersion).toBe(3);
  });
});

describe('a rollout', () => {
  const deployer = (phase: string): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web-1-deploy', namespace: 'demo', labels: { 'openshift.io/deployer-pod-for.name': 'web-1' }, annotations: { [deploymentAnnotations.deployment]: 'web-1' } }, spec: { containers: [] }, status: { phase: phase as 'Running' } });
  const cancelled = (phase: string) => {
    const of = rollout(1, phase);
    of.metadata.annotations = { ...of.metadata.annotations, [deploymentAnnotations.cancelled]: 'true' };
    return of;
  };

  test('gets a deployer pod and follows it', () => {
    expect(planDeployer(rollout(1, 'New'), [], now)).toMatchObject({ phase: 'Pending', create: { metadata: { name: 'web-1-deploy' } } });
    expect(planDeployer(rollout(1, 'New'), [deployer('Pending')], now)).toMatchObject({ phase: 'Pending' });
    expect(planDeployer(rollout(1, 'Pending'), [deployer('Running')], now)).toMatchObject({ phase: 'Running' });
    expect(planDeployer(rollout(1, 'Running'), [deployer('Running')], now).phase).toBeUndefined();
    expect(planDeployer(rollout(1, 'Running'), [deployer('Succeeded')], now)).toMatchObject({ phase: 'Complete', annotations: { [deploymentAnnotations.desiredReplicas]: null }, scaleToZero: false });
    expect(planDeployer(rollout(1, 'Running'), [deployer('Failed')], now)).toMatchObject({ phase: 'Failed', scaleToZero: false });
    expect(planDeployer(rollout(1, 'Complete'), [], now).phase).toBeUndefined();
  });

  test('fails when its pod is gone, is another\'s, or cannot be made in time', () => {
    expect(planDeployer(rollout(1, 'Running'), [], now)).toMatchObject({ phase: 'Failed', events: [{ reason: 'Failed', message: 'Deployer pod "web-1-deploy" has gone missing' }] });
    const other = deployer('Running');
    other.metadata.annotations = {};
    expect(planDeployer(rollout(1, 'New'), [other], now)).toMatchObject({ phase: 'Failed', events: [{ reason: 'FailedCreate' }] });
    expect(planDeployer(rollout(1, 'New'), [], new Date('2026-01-01T02:00:00Z'))).toMatchObject({ phase: 'Failed', events: [{ reason: 'RolloutTimeout' }] });
  });

  test('ends its pod when cancelled, unless that is done already', () => {
    expect(planDeployer(cancelled('Running'), [deployer('Running')], now).removePods).toHaveLength(1);
    expect(planDeployer(cancelled('Running'), [], now)).toMatchObject({ phase: 'Failed', events: [{ reason: 'RolloutCancelled' }] });
    expect(planDeployer(cancelled('Running'), [deployer('Succeeded')], now)).toMatchObject({ phase: 'Complete', events: [{ reason: 'FailedCancellation' }] });
  });
});

describe('image triggers', () => {
  const stream = { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name: 'app', namespace: 'images' }, spec: {}, status: { dockerImageRepository: '', tags: [{ tag: 'v1', items: [{ created: '', dockerImageReference: 'r/app@sha256:new', image: '', generation: 1 }] }] } } as ImageStream;
  const find = (namespace: string, name: string) => (namespace === 'images' && name === 'app' ? stream : undefined);
  const following = (automatic: boolean, name = 'app:v1') => config({ triggers: [{ type: 'ImageChange', imageChangeParams: { automatic, containerNames: ['web'], from: { kind: 'ImageStreamTag', namespace: 'images', name } } }] });

  test('put the newest image of a tag into the containers named', () => {
    const resolved = resolveConfig(following(true), find);
    expect(resolved?.spec.template?.spec?.containers[0]?.image).toBe('r/app@sha256:new');
    expect(resolved?.spec.triggers?.[0]?.imageChangeParams?.lastTriggeredImage).toBe('r/app@sha256:new');
    expect(resolved && resolveConfig(resolved, find)).toBeUndefined();
    expect(resolveConfig(following(true, 'app:v2'), find)).toBeUndefined();
  });

  test('that are not automatic wait for somebody to ask', () => {
    expect(resolveConfig(following(false), find)).toBeUndefined();
    expect(resolveConfig(following(false), find, { force: true })).toBeDefined();
    expect(resolveConfig(following(true), find, { exclude: ['ImageChange'] })).toBeUndefined();
  });

  test('of the controller wait for each other, and keep what a tag gave that is gone', () => {
    const both = following(true);
    both.spec.triggers?.push({ type: 'ImageChange', imageChangeParams: { automatic: true, containerNames: ['side'], from: { kind: 'ImageStreamTag', namespace: 'images', name: 'app:v2' } } });
    expect(resolveConfig(both, find)?.spec.template?.spec?.containers[0]?.image).toBe('r/app@sha256:new');
    expect(resolveConfig(both, find, { together: true })).toBeUndefined();
    const gone = both.spec.triggers?.[1]?.imageChangeParams;
    if (gone) gone.lastTriggeredImage = 'r/app@sha256:old';
    expect(resolveConfig(both, find, { together: true })?.spec.triggers?.map(({ imageChangeParams }) => imageChangeParams?.lastTriggeredImage)).toEqual(['r/app@sha256:new', 'r/app@sha256:old']);
  });

  test('pull by the tag’s reference policy', () => {
    const local = { ...stream, spec: { tags: [{ name: 'v1', referencePolicy: { type: 'Local' } }] }, status: { dockerImageRepository: 'registry:5000/images/app', tags: [{ tag: 'v1', items: [{ created: '', dockerImageReference: 'quay.io/app@sha256:x', image: 'sha256:x', generation: 1 }] }] } } as ImageStream;
    expect(resolveConfig(following(true), () => local)?.spec.template?.spec?.containers[0]?.image).toBe('registry:5000/images/app@sha256:x');
  });

  test('read tags', () => expect(['a:b', 'a'].map(splitTag)).toEqual([{ stream: 'a', tag: 'b' }, { stream: 'a', tag: 'latest' }]));
});

test('a template has one hash whatever the order of its members', () => {
  const one = templateHash({ a: 1, b: { c: [1, 2] } });
  expect(templateHash({ b: { c: [1, 2] }, a: 1, d: undefined })).toBe(one);
  expect(templateHash({ a: 1, b: { c: [2, 1] } })).not.toBe(one);
  expect(templateHash({ a: 1, b: { c: [1, 2] } }, 1)).not.toBe(one);
});
