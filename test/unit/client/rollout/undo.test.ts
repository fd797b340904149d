import { afterEach, beforeEach, expect, test } from 'vitest';
import { controllerRevisions, deployments, statefulSets, type Deployment, type StatefulSet } from '../../../../src/api/kinds/apps.ts';
import { replicationControllers } from '../../../../src/api/kinds/core.ts';
import { deploymentConfigs, type DeploymentConfig } from '../../../../src/api/kinds/deployment-config.ts';
import { phaseOf } from '../../../../src/api/config-rollout.ts';
import type { Resource } from '../../../../src/api/resource.ts';
import { retry } from '../../../../src/client/rollout/cancel.ts';
import { findRevision, readHistory, revisionText } from '../../../../src/client/rollout/history.ts';
import { disabledTriggers } from '../../../../src/client/rollout/disabled-triggers.ts';
import { rollbackConfig, undo } from '../../../../src/client/rollout/undo.ts';
import { eventually } from '../../../support/eventually.ts';
import { startWorkloads, template, type WorkloadPlatform } from '../../../support/workload-platform.ts';

const namespace = 'demo';
let platform: WorkloadPlatform;
beforeEach(async () => {
  platform = await startWorkloads();
});
afterEach(() => platform.dispose());

const target = (of: Resource) => ({ of, namespace, name: 'web' });
const history = async (of: Resource) => (await readHistory(platform.client, target(of))).revisions;
const setImage = (of: Resource, image: string, cause?: string) =>
  platform.client.patch(of, { namespace, name: 'web' }, 'merge', { metadata: { annotations: { 'kubernetes.io/change-cause': cause ?? null } }, spec: { template: template(image) } });

test('a deployment goes back to a revision, which becomes the newest', async () => {
  await platform.client.create(deployments, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace, annotations: { 'kubernetes.io/change-cause': 'the first' } }, spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template: template('web:1') } } as Deployment);
  await eventually(async () => (await history(deployments)).length).toBe(1);
  await expect(undo(platform.client, target(deployments))).rejects.toThrow('deployments.apps "web" has no earlier revision to go back to');
  await setImage(deployments, 'web:2', 'the second');
  await eventually(async () => (await history(deployments)).map(({ number, cause, current }) => [number, cause, current])).toEqual([[2, 'the second', true], [1, 'the first', false]]);
  expect(revisionText(findRevision(target(deployments), await history(deployments), 1))).toBe('metadata:\n  labels:\n    app: web\nspec:\n  containers:\n    - image: web:1\n      name: web\n      ports:\n        - containerPort: 8080\n          protocol: TCP\n');
  expect((await undo(platform.client, target(deployments))).number).toBe(1);
  await eventually(async () => (await history(deployments)).map(({ number, cause, current, template: { spec } }) => [number, cause, current, spec?.containers[0]?.image])).toEqual([[3, 'the first', true, 'web:1'], [2, 'the second', false, 'web:2']]);
});

test('a stateful set goes back by the patch its revision keeps', async () => {
  await platform.client.create(statefulSets, { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'web', namespace }, spec: { replicas: 1, serviceName: 'web', selector: { matchLabels: { app: 'web' } }, template: template('web:1') } } as StatefulSet);
  await eventually(async () => (await history(statefulSets)).length).toBe(1);
  await setImage(statefulSets, 'web:2');
  await eventually(async () => (await history(statefulSets)).map(({ number, current }) => [number, current])).toEqual([[2, true], [1, false]]);
  expect((await undo(platform.client, target(statefulSets), 1)).number).toBe(1);
  expect((await platform.client.get(statefulSets, { namespace, name: 'web' })).spec.template.spec?.containers[0]?.image).toBe('web:1');
  // The revision taken up again is the same object with another number.
  await eventually(async () => (await history(statefulSets)).map(({ number, template: { spec } }) => [number, spec?.containers[0]?.image])).toEqual([[3, 'web:1'], [2, 'web:2']]);
  expect((await platform.client.list(controllerRevisions, { namespace })).items).toHaveLength(2);
  await expect(undo(platform.client, target(statefulSets), 3)).rejects.toThrow('has the template of revision 3 already');
});

test('a deployment config goes back past what failed, and says which images it does not follow', async () => {
  const done = (version: number, phase: string) => eventually(async () => platform.client.get(replicationControllers, { namespace, name: `web-${version}` }).then(phaseOf, () => '')).toBe(phase);
  const trigger = { type: 'ImageChange', imageChangeParams: { automatic: false, containerNames: ['web'], from: { kind: 'ImageStreamTag', name: 'app:latest' }, lastTriggeredImage: 'web:1' } };
  await platform.client.create(deploymentConfigs, { apiVersion: 'apps.openshift.io/v1', kind: 'DeploymentConfig', metadata: { name: 'web', namespace }, spec: { replicas: 1, template: template('web:1'), triggers: [{ type: 'ConfigChange' }, trigger], strategy: { rollingParams: { timeoutSeconds: 1 } } } } as DeploymentConfig);
  await done(1, 'Complete');
  platform.fate = (pod) => (pod.spec.containers[0]?.image === 'web:2' ? 'unready' : 'ready');
  await setImage(deploymentConfigs, 'web:2');
  await done(2, 'Failed');
  expect(await retry(platform.client, target(deploymentConfigs))).toBe(2);
  await done(2, 'Failed');
  platform.fate = () => 'ready';
  await setImage(deploymentConfigs, 'web:3');
  await done(3, 'Complete');
  expect((await history(deploymentConfigs)).map(({ number, phase, current, cause }) => [number, phase, current, cause])).toEqual([[3, 'Complete', true, 'image change'], [2, 'Failed', false, 'image change'], [1, 'Complete', false, 'config change']]);
  const dry = await rollbackConfig(platform.client, target(deploymentConfigs), { revision: 2, dryRun: true });
  expect([dry.spec.template?.spec?.containers[0]?.image, disabledTriggers(dry)]).toEqual(['web:2', ['app:latest']]);
  expect((await undo(platform.client, target(deploymentConfigs))).number).toBe(1);
  await done(4, 'Complete');
  const after = await platform.client.get(deploymentConfigs, { namespace, name: 'web' });
  expect([after.spec.template?.spec?.containers[0]?.image, disabledTriggers(after)]).toEqual(['web:1', ['app:latest']]);
});
