import { describe, expect, test } from 'vitest';
import { deployments, statefulSets } from '../../../src/api/kinds/apps.ts';
import type { Build } from '../../../src/api/kinds/build.ts';
import type { Pod } from '../../../src/api/kinds/core.ts';
import { deploymentConfigs } from '../../../src/api/kinds/deployment-config.ts';
import type { Resource } from '../../../src/api/resource.ts';
import type { Revision } from '../../../src/client/rollout/revisions.ts';
import type { Workload } from '../../../src/client/rollout/target.ts';
import { parseRevisionUri, revisionUri } from '../../../src/extension/documents/revision-uri.ts';
import { connectionObstacle, listObstacle, problemOf } from '../../../src/extension/panels/page-problem.ts';
import { refusalText } from '../../../src/extension/rollout/refusal-text.ts';
import { rolloutView, type RolloutWords } from '../../../src/extension/rollout/rollout-view.ts';
import { stepText } from '../../../src/extension/rollout/step-text.ts';
import { mostPods } from '../../../src/protocol/rollout-panel.ts';
import { say } from './say.ts';

const words: RolloutWords = { kind: (kind) => kind, step: (step) => stepText(step, say), phase: (phase) => phase, state: (state, phase) => phase ?? state, cause: (cause) => cause, pod: (pod) => pod.metadata.name, revision: (number) => `#${number}`, otherPods: 'others' };
const now = new Date('2026-01-01T00:10:00Z');
const digest = `sha256:${'1a2b3c4d'.repeat(8)}`;
const config = (spec: object = {}, status: object = { latestVersion: 2, readyReplicas: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 2, conditions: [{ type: 'Progressing', status: 'True', reason: 'NewReplicationControllerAvailable' }] }) =>
  ({ apiVersion: 'apps.openshift.io/v1', kind: 'DeploymentConfig', metadata: { name: 'web', namespace: 'shop' }, spec: { replicas: 2, selector: { app: 'web' }, strategy: { type: 'Rolling', rollingParams: { maxSurge: '25%', maxUnavailable: '25%', timeoutSeconds: 600 } }, triggers: [], ...spec }, status }) as unknown as Workload;
const revision = (number: number, more: Partial<Revision> = {}): Revision => ({
  number, keeper: `web-${number}`, created: '2026-01-01T00:00:00Z', cause: 'config change', phase: 'Complete', replicas: 0, current: false,
  template: { spec: { containers: [{ name: 'web', image: `docker-registry.default.svc:5000/shop/web@${digest}` }] } }, ...more,
});
const pod = (name: string, keeper: string, { ready = true, labels = {}, metadata = {} }: { ready?: boolean; labels?: object; metadata?: object } = {}) => ({
  kind: 'Pod', metadata: { name, labels: { app: 'web', ...labels }, ownerReferences: [{ kind: 'ReplicationController', name: keeper, controller: true }], ...metadata },
  spec: { containers: [{ name: 'web' }] }, status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }], containerStatuses: [{ name: 'web', ready, restartCount: 0, state: { running: {} } }] },
}) as unknown as Pod;
const view = (workload: Workload, revisions: Revision[], pods: Pod[] = [], builds: Build[] = [], of: unknown = deploymentConfigs) => rolloutView({ of: of as Resource }, { workload, revisions, pods, builds }, words, now);

describe('the rollouts of a deployment config', () => {
  test('in the middle of one: new pods beside old ones', () => {
    const workload = config({}, { latestVersion: 2, replicas: 3, updatedReplicas: 1, availableReplicas: 2 });
    const shown = view(workload, [revision(2, { phase: 'Running', current: true, replicas: 1 }), revision(1, { replicas: 2 })], [
      pod('web-2-a', 'web-2', { ready: false }), pod('web-1-a', 'web-1'), pod('web-1-b', 'web-1', { metadata: { deletionTimestamp: '2026-01-01T00:09:00Z' } }),
      pod('web-2-deploy', 'web-2', { labels: { 'openshift.io/deployer-pod-for.name': 'web-2' } }),
    ]);
    expect(shown).toMatchObject({ phase: 'progressing', wanted: 2, ready: 1, progress: 0, strategy: 'Rolling · maxSurge 25% · maxUnavailable 25%', actions: ['cancel', 'pause'] });
    expect(shown.groups).toMatchObject([
      { label: '#2', current: true, ready: 0, pods: [{ name: 'web-2-a', state: 'starting' }] },
      { label: '#1', current: false, pods: [{ name: 'web-1-a', state: 'ready' }, { name: 'web-1-b', state: 'ending' }] },
    ]);
    expect(shown.revisions).toMatchObject([{ number: 2, state: 'running', canUndo: false, canLog: true, pods: '0/1' }, { number: 1, state: 'past', canUndo: true, canLog: false, pods: '1/2' }]);
  });

  test.each([
    ['done', config(), [revision(2, { current: true }), revision(1)], ['latest', 'pause']],
    ['paused', config({ paused: true }), [revision(2, { current: true }), revision(1)], ['resume']],
    ['failed', config({}, { latestVersion: 2, conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'too late' }] }), [revision(2, { current: true, phase: 'Failed' })], ['retry', 'latest', 'pause']],
    ['after a way back', config({ triggers: [{ type: 'ImageChange', imageChangeParams: { automatic: false, from: { kind: 'ImageStreamTag', name: 'web:latest' } } }] }), [revision(2, { current: true })], ['latest', 'pause', 'enableTriggers']],
  ])('that are %s can be acted on so', (_, workload, revisions, actions) => expect(view(workload, revisions).actions).toEqual(actions));

  test('while paused nothing is undone', () => expect(view(config({ paused: true }), [revision(2, { current: true }), revision(1)]).revisions.map(({ canUndo }) => canUndo)).toEqual([false, false]));

  test('name the build and commit an image came from', () => {
    const build = { metadata: { name: 'web-7' }, spec: { revision: { git: { commit: '9f8e7d6c5b4a', message: 'Fix the header\n\nLong.' } } }, status: { output: { to: { imageDigest: digest } } } } as unknown as Build;
    expect(view(config(), [revision(1, { current: true })], [], [build]).revisions[0]).toMatchObject({ source: 'web-7 · 9f8e7d6c Fix the header', images: [{ text: 'shop/web@1a2b3c4d' }] });
  });

  test('show so many pods and no more', () => {
    const [group] = view(config(), [revision(1, { current: true })], Array.from({ length: mostPods + 3 }, (_, index) => pod(`web-1-${index}`, 'web-1'))).groups;
    expect([group?.pods.length, group?.more]).toEqual([mostPods, 3]);
  });
});

test('a deployment is restarted, not started anew; a stateful set is never paused', () => {
  const workload = { ...config(), kind: 'Deployment', spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } }, status: { replicas: 1, updatedReplicas: 1, availableReplicas: 1 } } as unknown as Workload;
  const { phase: _, ...kept } = revision(1, { current: true, keeper: 'web-7d4b9c6f5' });
  expect(view(workload, [kept], [], [], deployments)).toMatchObject({ phase: 'complete', strategy: 'RollingUpdate · maxSurge 1', actions: ['restart', 'pause'] });
  const set = { ...workload, kind: 'StatefulSet', status: { observedGeneration: 1, readyReplicas: 1, updatedReplicas: 1, currentRevision: 'a', updateRevision: 'a' } } as unknown as Workload;
  const own = pod('web-0', 'web', { labels: { 'controller-revision-hash': 'web-7d4b9c6f5' } });
  expect(view(set, [kept], [own], [], statefulSets)).toMatchObject({ phase: 'complete', actions: ['restart'], groups: [{ label: '#1', ready: 1 }] });
  const byHand = { ...set, spec: { ...set.spec, updateStrategy: { type: 'OnDelete' } } } as unknown as Workload;
  expect(view(byHand, [kept], [own], [], statefulSets)).toMatchObject({ phase: 'waiting' });
});

describe('where a rollout stands', () => {
  const deployment = (spec: object, status: object) => ({ kind: 'Deployment', metadata: { name: 'web', generation: 2 }, spec: { replicas: 4, selector: { matchLabels: { app: 'web' } }, ...spec }, status: { observedGeneration: 2, ...status } }) as unknown as Workload;
  const told = (workload: Workload, of: unknown = deployments) => {
    const { phase, message, trouble } = view(workload, [], [], [], of);
    return { phase, message, trouble };
  };

  test.each<[string, Workload, unknown, string, string]>([
    ['pods are made', deployment({}, { replicas: 5, updatedReplicas: 3, availableReplicas: 4 }), deployments, 'progressing', '3 of 4 pods are of the newest revision.'],
    ['old ones are left', deployment({}, { replicas: 5, updatedReplicas: 4, availableReplicas: 4 }), deployments, 'progressing', 'Pods of earlier revisions that still run: 1'],
    ['nothing is made while it is paused', deployment({ paused: true }, { replicas: 4 }), deployments, 'waiting', 'Changes wait until it is resumed.'],
    ['it is done', deployment({}, { replicas: 4, updatedReplicas: 4, availableReplicas: 4 }), deployments, 'complete', ''],
    ['it is late', deployment({}, { conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }] }), deployments, 'failed', 'It made no progress within its deadline.'],
    ['it was cancelled', config({}, { latestVersion: 2, conditions: [{ type: 'Progressing', status: 'False', reason: 'RolloutCancelled', message: 'rollout cancelled' }] }), deploymentConfigs, 'failed', 'The rollout was cancelled. The pods of the revision before serve on.'],
    ['the cluster says why', config({}, { latestVersion: 2, conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'web-2 has failed progressing' }] }), deploymentConfigs, 'failed', 'web-2 has failed progressing'],
    ['no image is there', config({ triggers: [{ type: 'ImageChange' }] }, {}), deploymentConfigs, 'waiting', 'It waits for the first image that it follows. A build brings one.'],
  ])('is told in the user\'s words: %s', (_, workload, of, phase, message) => expect(told(workload, of)).toEqual({ phase, message, trouble: '' }));

  test('is told with what keeps pods from being made, as the cluster says it', () => {
    const trouble = 'pods "web-1" is forbidden: exceeded quota: small';
    expect(told(deployment({}, { updatedReplicas: 1, conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: trouble }] }))).toMatchObject({ message: '1 of 4 pods are of the newest revision.', trouble });
  });
});

describe('a page that cannot show its objects says why, and what helps', () => {
  const embedded = { state: 'connected' as const, cluster: 'Slipway', choice: { type: 'embedded' as const }, failure: undefined };
  const context = { ...embedded, cluster: 'far', choice: { type: 'context' as const, name: 'far' } };
  test.each<[string, Parameters<typeof connectionObstacle>[0], string, string | undefined, string | undefined]>([
    ['connected', embedded, 'Slipway', undefined, undefined],
    ['stopped', { ...embedded, state: 'idle' }, 'Slipway', 'Slipway is not connected', 'slipway.platform.start'],
    ['left', { ...context, state: 'idle' }, 'far', 'Slipway is not connected', 'slipway.cluster.reconnect'],
    ['on its way', { ...embedded, state: 'connecting' }, 'Slipway', 'Connecting to "Slipway"', undefined],
    ['not there', { ...context, state: 'failed', failure: new Error('no route') }, 'far', 'Cluster "far" cannot be reached: no route', 'slipway.cluster.reconnect'],
    ['another', context, 'Slipway', 'This page belongs to cluster "Slipway", and the window works with "far".', 'slipway.cluster.switch'],
  ])('%s', (_, session, cluster, text, command) => {
    const obstacle = connectionObstacle(session, cluster, say);
    expect([obstacle?.text, obstacle?.fix?.command]).toEqual([text, command]);
    expect(problemOf(obstacle)).toEqual(obstacle ? { problem: { text, ...(obstacle.fix && { fix: obstacle.fix.title }) } } : {});
  });

  test('a list that failed', () => expect(listObstacle([{ problem: undefined }, { problem: Object.assign(new Error('cannot reach 127.0.0.1:6443: ECONNREFUSED'), { name: 'ConnectionError' }) }], say)?.text).toBe('The cluster cannot be reached: ECONNREFUSED'));
});

test('the address of a revision leads back to it', () => {
  const address = revisionUri('my/cluster', { of: deploymentConfigs as unknown as Resource, namespace: 'shop', name: 'web.1' }, 12);
  expect(parseRevisionUri(address)).toEqual({ address: { cluster: 'my/cluster', resource: deploymentConfigs, namespace: 'shop', name: 'web.1' }, revision: 12 });
  expect(parseRevisionUri({ path: '/a/b/pods/x.yaml' })).toBeUndefined();
});

test('refusals are told in the user\'s words', () => {
  expect(refusalText(Object.assign(new Error('deployments.apps "web" is paused'), { name: 'RolloutRefusal', reason: 'Paused' }), 'web', say)).toBe('"web" is paused. Resume it first.');
  expect(refusalText(new Error('other'), 'web', say)).toBeUndefined();
});
