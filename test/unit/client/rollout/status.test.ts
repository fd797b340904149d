import { describe, expect, test } from 'vitest';
import { daemonSets, deployments, statefulSets } from '../../../../src/api/kinds/apps.ts';
import { deploymentConfigs } from '../../../../src/api/kinds/deployment-config.ts';
import type { KubeObject } from '../../../../src/api/meta.ts';
import { rolloutState } from '../../../../src/client/rollout/status.ts';
import { hasRolloutAction } from '../../../../src/client/rollout/target.ts';
import { pods } from '../../../../src/api/kinds/core.ts';
import type { Resource } from '../../../../src/api/resource.ts';

const object = (spec: object, status: object, generation = 2): KubeObject => ({ apiVersion: 'v1', kind: 'X', metadata: { name: 'web', generation }, spec, status }) as KubeObject;
const told = (of: Resource, spec: object, status: object) => {
  const { phase, message } = rolloutState({ of }, object(spec, { observedGeneration: 2, ...status }));
  return `${phase}: ${message}`;
};
const progressing = (reason: string, message: string) => ({ conditions: [{ type: 'Progressing', reason, message }] });

describe('how far a rollout is', () => {
  test.each<[string, object, object, string]>([
    ['no image yet', { triggers: [{ type: 'ImageChange' }] }, {}, 'waiting: deployment config "web" waits for an image'],
    ['nobody asked', { triggers: [] }, {}, 'waiting: deployment config "web" waits for its first rollout ("rollout latest")'],
    ['paused', { paused: true }, { latestVersion: 1 }, 'waiting: deployment config "web" is paused; resume it to go on'],
    ['deployer pending', { replicas: 2 }, { latestVersion: 1, observedGeneration: 1 }, 'progressing: Waiting for deployment config "web" rollout to finish: 0 out of 2 new replicas have been updated...'],
    ['old pods left', { replicas: 2 }, { latestVersion: 2, replicas: 3, updatedReplicas: 2 }, 'progressing: Waiting for deployment config "web" rollout to finish: 1 old replicas are pending termination...'],
    ['not available', { replicas: 2 }, { latestVersion: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 1 }, 'progressing: Waiting for deployment config "web" rollout to finish: 1 of 2 updated replicas are available...'],
    ['hooks after it', { replicas: 1 }, { latestVersion: 2, replicas: 1, updatedReplicas: 1, availableReplicas: 1 }, 'progressing: Waiting for the latest deployment config spec to be observed by the controller loop...'],
    ['complete', {}, { latestVersion: 2, ...progressing('NewReplicationControllerAvailable', 'web-2 successfully rolled out') }, 'complete: web-2 successfully rolled out'],
    ['failed', {}, { latestVersion: 2, ...progressing('ProgressDeadlineExceeded', 'web-2 has failed progressing') }, 'failed: web-2 has failed progressing'],
    ['cancelled', {}, { latestVersion: 2, ...progressing('RolloutCancelled', 'rollout was cancelled') }, 'failed: rollout was cancelled'],
  ])('of a deployment config: %s', (_, spec, status, text) => expect(told(deploymentConfigs, spec, status)).toBe(text));

  test.each<[string, object, object, string]>([
    ['not seen', {}, { observedGeneration: 1 }, 'progressing: Waiting for deployment spec update to be observed...'],
    ['late', {}, progressing('ProgressDeadlineExceeded', ''), 'failed: deployment "web" exceeded its progress deadline'],
    ['under way', { replicas: 3 }, { updatedReplicas: 1 }, 'progressing: Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...'],
    ['done', { replicas: 1 }, { replicas: 1, updatedReplicas: 1, availableReplicas: 1 }, 'complete: deployment "web" successfully rolled out'],
  ])('of a deployment: %s', (_, spec, status, text) => expect(told(deployments, spec, status)).toBe(text));

  test.each<[string, object, object, string]>([
    ['by hand only', { updateStrategy: { type: 'OnDelete' } }, {}, 'failed: rollout status is only available for the RollingUpdate strategy, and stateful set "web" has OnDelete'],
    ['not ready', { replicas: 3 }, { readyReplicas: 1 }, 'progressing: Waiting for 2 pods to be ready...'],
    ['in part', { replicas: 3, updateStrategy: { rollingUpdate: { partition: 2 } } }, { readyReplicas: 3, updatedReplicas: 0 }, 'progressing: Waiting for partitioned roll out to finish: 0 out of 1 new pods have been updated...'],
    ['a part done', { replicas: 3, updateStrategy: { rollingUpdate: { partition: 2 } } }, { readyReplicas: 3, updatedReplicas: 1 }, 'complete: partitioned roll out complete: 1 new pods have been updated...'],
    ['under way', { replicas: 1 }, { readyReplicas: 1, updatedReplicas: 0, updateRevision: 'b', currentRevision: 'a' }, 'progressing: waiting for statefulset rolling update to complete 0 pods at revision b...'],
    ['done', { replicas: 1 }, { readyReplicas: 1, currentReplicas: 1, updateRevision: 'b', currentRevision: 'b' }, 'complete: statefulset rolling update complete 1 pods at revision b...'],
  ])('of a stateful set: %s', (_, spec, status, text) => expect(told(statefulSets, spec, status)).toBe(text));

  test.each<[string, object, object, string]>([
    ['by hand only', { updateStrategy: { type: 'OnDelete' } }, {}, 'failed: rollout status is only available for the RollingUpdate strategy, and daemon set "web" has OnDelete'],
    ['under way', {}, { desiredNumberScheduled: 2, updatedNumberScheduled: 1 }, 'progressing: Waiting for daemon set "web" rollout to finish: 1 out of 2 new pods have been updated...'],
    ['not available', {}, { desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 1 }, 'progressing: Waiting for daemon set "web" rollout to finish: 1 of 2 updated pods are available...'],
    ['done', {}, { desiredNumberScheduled: 1, updatedNumberScheduled: 1, numberAvailable: 1 }, 'complete: daemon set "web" successfully rolled out'],
  ])('of a daemon set: %s', (_, spec, status, text) => expect(told(daemonSets, spec, status)).toBe(text));
});

test('each kind has its actions', () => {
  expect([deploymentConfigs, deployments, statefulSets, daemonSets, pods].map((of) => (['latest', 'pause', 'undo'] as const).map((action) => hasRolloutAction(of, action)))).toEqual([
    [true, true, true], [false, true, true], [false, false, true], [false, false, true], [false, false, false],
  ]);
});
