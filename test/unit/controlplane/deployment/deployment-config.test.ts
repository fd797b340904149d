import { phaseOf } from '../../../../src/api/config-rollout.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pods, replicationControllers, type ReplicationController } from '../../../../src/api/kinds/core.ts';
import { deploymentConfigRollbacks, deploymentConfigs, type DeploymentConfig } from '../../../../src/api/kinds/deployment-config.ts';
import { imageStreams, type ImageStream } from '../../../../src/api/kinds/image.ts';
import { copyJson } from '../../../../src/api/json.ts';
import { eventually } from '../../../support/eventually.ts';
import { startWorkloads, template, type WorkloadPlatform } from '../../../support/workload-platform.ts';

const namespace = 'demo';
const path = '/apis/apps.openshift.io/v1/namespaces/demo/deploymentconfigs/web';
let platform: WorkloadPlatform;

beforeEach(async () => {
  platform = await startWorkloads();
});
afterEach(() => platform.dispose());

const config = (spec: Partial<DeploymentConfig['spec']> = {}): DeploymentConfig => ({
  apiVersion: 'apps.openshift.io/v1', kind: 'DeploymentConfig', metadata: { name: 'web', namespace },
  spec: { replicas: 1, template: template(), strategy: { type: 'Rolling', rollingParams: { updatePeriodSeconds: 1, timeoutSeconds: 30 } }, ...spec },
});
const create = (spec?: Partial<DeploymentConfig['spec']>) => platform.client.create(deploymentConfigs, config(spec));
const read = () => platform.client.get(deploymentConfigs, { name: 'web', namespace });
const rollout = (version: number) => platform.client.get(replicationControllers, { name: `web-${version}`, namespace });
const phase = async (version: number) => phaseOf(await rollout(version).catch(() => ({ metadata: {} }) as ReplicationController));
const done = (version: number) => eventually(() => phase(version)).toBe('Complete');
const change = async (alter: (one: DeploymentConfig) => void) => {
  const one = copyJson(await read());
  alter(one);
  delete one.metadata.resourceVersion;
  await platform.client.update(deploymentConfigs, one);
};
const running = async () => (await platform.client.list(pods, { namespace, labelSelector: 'app=web' })).items.map(({ spec }) => spec.containers[0]?.image);

async function stream(image: string): Promise<void> {
  const status = { dockerImageRepository: 'r/demo/app', tags: [{ tag: 'latest', items: [{ created: '2026-01-01T00:00:00Z', dockerImageReference: image, image: 'sha256:1', generation: 1 }] }] };
  const object = { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name: 'app', namespace }, spec: {} } as ImageStream;
  await platform.client.create(imageStreams, object).catch(() => undefined);
  await platform.client.update(imageStreams, { ...object, status } as ImageStream, { name: 'app', namespace, subresource: 'status' });
}

describe('a deployment config', () => {
  test('rolls out by a deployer pod and tells each step', async () => {
    await create({ replicas: 2 });
    await done(1);
    expect((await rollout(1)).spec).toMatchObject({ replicas: 2, selector: { app: 'web', deploymentconfig: 'web', deployment: 'web-1' } });
    await eventually(async () => (await read()).status).toMatchObject({
      latestVersion: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 2, readyReplicas: 2, unavailableReplicas: 0, observedGeneration: 1,
      details: { message: 'config change', causes: [{ type: 'ConfigChange' }] },
    });
    const { conditions = [] } = (await read()).status ?? {};
    expect(conditions.find(({ type }) => type === 'Available')).toMatchObject({ status: 'True', message: 'Deployment config has minimum availability.' });
    await eventually(async () => (await read()).status?.conditions?.find(({ type }) => type === 'Progressing')).toMatchObject({
      status: 'True', reason: 'NewReplicationControllerAvailable', message: 'replication controller "web-1" successfully rolled out',
    });
    expect(platform.logs.get('web-1-deploy')).toEqual(['--> Scaling web-1 to 2', '--> Waiting up to 30s for pods in rc web-1 to become ready', '--> Success']);
    await eventually(() => platform.story('web')).toEqual(['DeploymentCreated', 'DeployerPodCreated', 'RolloutStarted', 'RolloutComplete']);
    const deployer = await platform.client.get(pods, { name: 'web-1-deploy', namespace });
    expect(deployer.spec).toMatchObject({ serviceAccountName: 'deployer', restartPolicy: 'Never', containers: [{ image: 'slipway/tools', args: ['deploy'] }] });
  });

  test('replaces its pods step by step when its template changes', async () => {
    await create({ replicas: 2 });
    await done(1);
    await change(({ spec }) => void (spec.template = template('web:2')));
    await done(2);
    expect(await running()).toEqual(['web:2', 'web:2']);
    expect((await rollout(1)).spec.replicas).toBe(0);
    expect(platform.logs.get('web-2-deploy')).toEqual([
      "--> Scaling up web-2 from 0 to 2, scaling down web-1 from 2 to 0 (keep 2 pods available, don't exceed 3 pods)",
      '    Scaling web-2 up to 1', '    Scaling web-1 down to 1', '    Scaling web-2 up to 2', '    Scaling web-1 down to 0', '--> Success',
    ]);
  });

  test('ends all old pods first with Recreate', async () => {
    await create({ replicas: 2, strategy: { type: 'Recreate' } });
    await done(1);
    await change(({ spec }) => void (spec.template = template('web:2')));
    await done(2);
    expect(platform.logs.get('web-2-deploy')).toEqual([
      '--> Scaling web-1 down to zero', '--> Scaling web-2 to 1 before performing acceptance check', '--> Waiting up to 10m0s for pods in rc web-2 to become ready',
      '--> Scaling web-2 to 2', '--> Waiting up to 10m0s for pods in rc web-2 to become ready', '--> Success',
    ]);
  });

  test('runs hooks in pods of their own, and stops at one that fails', async () => {
    const seen: string[] = [];
    platform.fate = ({ metadata, spec }) => {
      if (spec.containers[0]?.name !== 'lifecycle') return 'ready';
      seen.push(`${metadata.name} ${spec.containers[0]?.image}`);
      return metadata.name.includes('web-2-hook-pre') ? 'fail' : 'done';
    };
    const hook = { failurePolicy: 'Abort' as const, execNewPod: { command: ['migrate'], containerName: 'web' } };
    const rollingParams = { timeoutSeconds: 30, pre: hook, post: { ...hook, failurePolicy: 'Ignore' as const } };
    await create({ strategy: { type: 'Rolling', rollingParams } });
    await done(1);
    expect(platform.logs.get('web-1-deploy')).toEqual([
      '--> pre: Running hook pod ...', '--> pre: Success', '--> Scaling web-1 to 1', '--> Waiting up to 30s for pods in rc web-1 to become ready',
      '--> post: Running hook pod ...', '--> post: Success', '--> Success',
    ]);
    await change(({ spec }) => void (spec.template = template('web:2')));
    await eventually(() => phase(2)).toBe('Failed');
    expect(platform.logs.get('web-2-deploy')?.at(-1)).toContain('error: pre hook failed');
    expect(seen).toEqual(['web-1-hook-pre web:1', 'web-1-hook-post web:1', 'web-2-hook-pre web:2']);
    expect(await running()).toEqual(['web:1']);
  });

  test('lets the node try a hook again, and goes on past one that may fail', async () => {
    platform.fate = ({ metadata }) => (metadata.name.endsWith('hook-pre') ? 'retried' : metadata.name.endsWith('hook-post') ? 'fail' : 'ready');
    platform.logs.set('web-1-hook-pre', ['migrating']);
    const execNewPod = { command: ['migrate', '--all'], containerName: 'web' };
    await create({ strategy: { type: 'Recreate', recreateParams: { pre: { failurePolicy: 'Retry', execNewPod }, post: { failurePolicy: 'Ignore', execNewPod } } } });
    await done(1);
    const lines = platform.logs.get('web-1-deploy') ?? [];
    expect(lines.filter((line) => line.includes('pre') || line === 'migrating')).toEqual([
      '--> pre: Running hook pod ...', 'migrating', '--> pre: Retrying hook pod (retry #1)', 'migrating', '--> pre: Success',
    ]);
    expect(lines.slice(-4)).toEqual(['--> post: Running hook pod ...', '--> post: Failed', '--> post: Hook failed (ignored): the hook pod failed', '--> Success']);
    expect((await platform.client.get(pods, { name: 'web-1-hook-pre', namespace })).spec.restartPolicy).toBe('OnFailure');
    await eventually(() => platform.messages('web')).toEqual(expect.arrayContaining([
      'Started Running pre-hook ("migrate --all") for rc demo/web-1', 'Completed The pre-hook for rc demo/web-1 completed successfully',
      'Failed The post-hook failed: the hook pod failed (ignore), rollout of demo/web-1 will continue',
    ]));
  });

  test('scales a test down when it has succeeded, and serves nothing', async () => {
    await create({ test: true, replicas: 2 });
    await done(1);
    expect(platform.logs.get('web-1-deploy')).toEqual(['--> Scaling web-1 to 2', '--> Waiting up to 30s for pods in rc web-1 to become ready', '--> Success']);
    await eventually(running).toEqual([]);
    expect((await rollout(1)).metadata.annotations).toMatchObject({ 'openshift.io/deployment.replicas': '2' });
    expect((await rollout(1)).metadata.annotations).not.toHaveProperty('kubectl.kubernetes.io/desired-replicas');
  });

  test('goes as far as a command of its own asks for, and on from there', async () => {
    await create();
    await done(1);
    await change(({ spec }) => {
      spec.replicas = 2;
      spec.template = template('web:2');
      spec.strategy = { type: 'Rolling', rollingParams: { timeoutSeconds: 30, maxSurge: 1, maxUnavailable: 0 }, customParams: { command: ['/bin/sh', '-c', 'openshift-deploy --until=50%; openshift-deploy'] } };
    });
    await done(2);
    expect(platform.logs.get('web-2-deploy')).toEqual([
      "--> Scaling up web-2 from 0 to 2, scaling down web-1 from 1 to 0 (keep 2 pods available, don't exceed 3 pods)", '    Scaling web-2 up to 2', '--> Reached 50% (currently 100%)',
      "--> Scaling up web-2 from 2 to 2, scaling down web-1 from 1 to 0 (keep 2 pods available, don't exceed 3 pods)", '    Scaling web-1 down to 0', '--> Success',
    ]);
  });

  test('waits for its image and follows the stream', async () => {
    const triggers = [{ type: 'ImageChange' as const, imageChangeParams: { automatic: true, containerNames: ['web'], from: { kind: 'ImageStreamTag', name: 'app:latest' } } }, { type: 'ConfigChange' as const }];
    await create({ triggers, template: template('') });
    await stream('r/demo/app@sha256:1');
    await done(1);
    expect(await running()).toEqual(['r/demo/app@sha256:1']);
    expect((await read()).spec.triggers?.[0]?.imageChangeParams?.lastTriggeredImage).toBe('r/demo/app@sha256:1');
    await stream('r/demo/app@sha256:2');
    await done(2);
    expect(await running()).toEqual(['r/demo/app@sha256:2']);
    expect((await read()).status?.details).toEqual({ message: 'image change', causes: [{ type: 'ImageChange', imageTrigger: { from: { kind: 'DockerImage', name: 'r/demo/app@sha256:2' } } }] });
  });

  test('a rollout that fails leaves the version before it serving', async () => {
    await create({ replicas: 2 });
    await done(1);
    platform.fate = (pod) => (pod.spec.containers[0]?.image === 'web:2' ? 'unready' : 'ready');
    await change(({ spec }) => {
      spec.template = template('web:2');
      spec.strategy = { type: 'Rolling', rollingParams: { timeoutSeconds: 1 } };
    });
    await eventually(() => phase(2)).toBe('Failed');
    await eventually(running).toEqual(['web:1', 'web:1']);
    expect(platform.logs.get('web-2-deploy')?.at(-1)).toBe('error: timed out waiting for any update progress to be made');
    await eventually(async () => (await read()).status?.conditions?.find(({ type }) => type === 'Progressing')).toMatchObject({ status: 'False', reason: 'ProgressDeadlineExceeded' });
    await eventually(() => platform.story('web')).toContain('RolloutFailed');
  });

  test('a newer version cancels a rollout under way', async () => {
    platform.fate = (pod) => (pod.spec.containers[0]?.image === 'web:1' ? 'unready' : 'ready');
    await create();
    await eventually(() => phase(1)).toBe('Running');
    await change(({ spec }) => void (spec.template = template('web:2')));
    await done(2);
    expect(await phase(1)).toBe('Failed');
    await eventually(() => platform.story('web')).toEqual(expect.arrayContaining(['DeploymentCancelled', 'RolloutCancelled']));
    expect(await running()).toEqual(['web:2']);
  });

  test('scales its active rollout, also through the scale subresource', async () => {
    await create();
    await done(1);
    await platform.client.patch(deploymentConfigs, { name: 'web', namespace, subresource: 'scale' }, 'merge', { spec: { replicas: 3 } });
    await eventually(running).toHaveLength(3);
    await eventually(async () => platform.get(`${path}/scale`)).toMatchObject({ kind: 'Scale', spec: { replicas: 3 }, status: { replicas: 3, selector: 'app=web' } });
    expect(await read()).toMatchObject({ status: { latestVersion: 1 } });
    await eventually(() => platform.story('web')).toContain('ReplicationControllerScaled');
  });

  test('does nothing while paused, and keeps as many versions as asked for', async () => {
    await create({ revisionHistoryLimit: 1 });
    await done(1);
    for (const version of [2, 3]) {
      await change(({ spec }) => void (spec.template = template(`web:${version}`)));
      await done(version);
    }
    await eventually(async () => (await platform.client.list(replicationControllers, { namespace })).items.map(({ metadata }) => metadata.name)).toEqual(['web-2', 'web-3']);
    await change(({ spec }) => Object.assign(spec, { paused: true, template: template('web:4') }));
    await eventually(async () => (await read()).status?.observedGeneration).toBe((await read()).metadata.generation);
    expect((await read()).status?.latestVersion).toBe(3);
    await expect(platform.client.create(deploymentConfigs, request({ latest: true, force: true }), { name: 'web', namespace, subresource: 'instantiate' })).rejects.toThrow('deployment config "web" is paused - unpause to request a new deployment');
    await change(({ spec }) => void (spec.paused = false));
    await done(4);
  });
});

const request = (fields: object) => ({ apiVersion: 'apps.openshift.io/v1', kind: 'DeploymentRequest', metadata: { name: 'web' }, name: 'web', ...fields });

describe('requests to a deployment config', () => {
  test('instantiate starts a version only if there is reason or force', async () => {
    await create();
    await done(1);
    const ask = (fields: object) => platform.client.create<DeploymentConfig>(deploymentConfigs, request(fields), { name: 'web', namespace, subresource: 'instantiate' });
    expect(await ask({ latest: true, force: false })).toMatchObject({ kind: 'Status', code: 204, message: 'deployment config "web" cannot be instantiated' });
    expect((await read()).status?.latestVersion).toBe(1);
    expect((await ask({ latest: true, force: true })).status).toMatchObject({ latestVersion: 2, details: { message: 'manual change' } });
    await done(2);
  });

  test('rollback answers with the older template and image triggers off', async () => {
    await create({ triggers: [{ type: 'ConfigChange' }] });
    await done(1);
    await change(({ spec }) => void (spec.template = template('web:2')));
    await done(2);
    const body = { apiVersion: 'apps.openshift.io/v1', kind: 'DeploymentConfigRollback', metadata: { name: 'web' }, name: 'web', spec: { from: { name: 'web-1' }, revision: 0, includeTemplate: true } };
    const older = await platform.client.create<DeploymentConfig>(deploymentConfigs, body as never, { name: 'web', namespace, subresource: 'rollback' });
    expect(older.spec.template?.spec?.containers[0]?.image).toBe('web:1');
    const { resourceVersion: _, ...metadata } = older.metadata;
    await platform.client.update(deploymentConfigs, { ...older, metadata } as DeploymentConfig);
    await done(3);
    expect(await running()).toEqual(['web:1']);
  });

  test('an older client rolls back by the name of the rollout alone', async () => {
    await create();
    await done(1);
    const ask = (name: string) => platform.client.create(deploymentConfigRollbacks, { apiVersion: 'apps.openshift.io/v1', kind: 'DeploymentConfigRollback', metadata: { name: 'x' }, spec: { from: { name }, includeTemplate: true } } as never, { namespace });
    expect(await ask('web-1')).toMatchObject({ kind: 'DeploymentConfig', metadata: { name: 'web' } });
    await expect(ask('')).rejects.toThrow('spec.from.name: Required value');
  });

  test('rollback says why it cannot be', async () => {
    const ask = (spec: object, name = 'web') => platform.client.create(deploymentConfigs, { apiVersion: 'apps.openshift.io/v1', kind: 'DeploymentConfigRollback', metadata: { name }, name, spec } as never, { name, namespace, subresource: 'rollback' });
    await create({ triggers: [] });
    await expect(ask({})).rejects.toThrow('DeploymentConfigRollback.apps.openshift.io "web" is invalid: name: Invalid value: "web": cannot rollback an undeployed config');
    await platform.client.create(deploymentConfigs, request({ latest: true, force: true }), { name: 'web', namespace, subresource: 'instantiate' });
    await done(1);
    await expect(ask({})).rejects.toThrow('no previous deployment exists for "demo/web"');
    await platform.client.create(deploymentConfigs, request({ latest: true, force: true }), { name: 'web', namespace, subresource: 'instantiate' });
    await done(2);
    await expect(ask({ revision: 2 })).rejects.toThrow('version 2 is already the latest');
    await expect(ask({ revision: 7 })).rejects.toThrow('replicationcontrollers \"web-7\" not found');
    await expect(ask({ revision: -1 })).rejects.toThrow('spec.revision: Invalid value: -1: must be non-negative');
  });

  test('log is the deployer\'s while it works and the application\'s afterwards', async () => {
    await expect(platform.get(`${path}/log`)).rejects.toThrow('not found');
    platform.fate = () => 'unready';
    await create();
    await eventually(() => phase(1)).toBe('Running');
    expect(await platform.get(`${path}/log?nowait=true`)).toMatch(/^log of web-1-deploy\n/);
    await expect(platform.get(`${path}/log?version=7`)).rejects.toThrow('invalid version for deploymentConfig "web": 7; versions run from 1 to 1');
  });
});

describe('rules of deployment configs', () => {
  const refused = async (spec: Partial<DeploymentConfig['spec']>) => create(spec).then(() => '', (error: Error) => error.message);

  test('fill what is absent', async () => {
    const { spec } = await create({ replicas: undefined as never, strategy: undefined as never });
    expect(spec).toMatchObject({
      replicas: 1, test: false, revisionHistoryLimit: 10, selector: { app: 'web' }, triggers: [{ type: 'ConfigChange' }],
      strategy: { type: 'Rolling', activeDeadlineSeconds: 21_600, rollingParams: { updatePeriodSeconds: 1, intervalSeconds: 1, timeoutSeconds: 600, maxUnavailable: '25%', maxSurge: '25%' } },
    });
  });

  test('refuse what cannot work', async () => {
    expect(await refused({ selector: { app: 'other' } })).toContain('`selector` does not match template `labels`');
    expect(await refused({ replicas: -1 })).toContain('spec.replicas: Invalid value: -1: must be greater than or equal to 0');
    expect(await refused({ strategy: { type: 'Rolling', rollingParams: { maxSurge: 0, maxUnavailable: 0 } } })).toContain('cannot be 0 when maxSurge is 0 as well');
    expect(await refused({ triggers: [{ type: 'ImageChange', imageChangeParams: { containerNames: ['nobody'], from: { kind: 'ImageStreamTag', name: 'a:b' } } }] })).toContain('must refer to a container of the pod template');
    expect(await refused({ strategy: { type: 'Recreate', recreateParams: { mid: { failurePolicy: 'Abort', execNewPod: { command: ['x'], containerName: 'other' } } } } })).toContain('recreateParams.mid.execNewPod.containerName');
    const hook = (fields: object) => refused({ strategy: { type: 'Recreate', recreateParams: { post: { failurePolicy: 'Abort', ...fields } } } });
    expect(await hook({})).toContain('One of execNewPod or tagImages must be specified');
    expect(await hook({ execNewPod: { command: ['x'] }, tagImages: [{}] })).toContain("only one of 'execNewPod' or 'tagImages' may be specified");
    expect(await hook({ tagImages: [{ containerName: 'other', to: { kind: 'ImageStream' } }] })).toMatch(/no container "other" found.*Must be 'ImageStreamTag'.*a destination tag name is required/);
    expect(await hook({ execNewPod: { command: ['x'], env: [{ name: 'no-name' }], volumes: [''] } })).toMatch(/env\[0\]\.name: Invalid value: "no-name".*volumes\[0\]: Invalid value: "": must not be empty/);
    expect(await refused({ minReadySeconds: 600 })).toContain('must be less than the deployment timeout (30s)');
    expect(await refused({ strategy: { type: 'Rolling', activeDeadlineSeconds: 60 } })).toContain('activeDeadlineSeconds must be greater than timeoutSeconds');
    expect(await refused({ strategy: { type: 'Custom' } })).toContain('spec.strategy.customParams: Required value');
    expect(await refused({ strategy: { type: 'Blue' as never } })).toContain('unsupported strategy type, use \\"Custom\\" instead'.replaceAll('\\', ''));
    expect(await refused({ strategy: { type: 'Rolling', labels: { a: 'not a label' } } })).toContain('spec.strategy.labels: Invalid value');
    expect(await refused({ template: undefined as never, selector: { app: 'web' } })).toContain('spec.template: Required value');
  });

  test('name the only container in hooks, and let versions only go up', async () => {
    const { spec } = await create({ triggers: [], strategy: { type: 'Recreate', recreateParams: { mid: { failurePolicy: 'Abort', execNewPod: { command: ['x'] } as never }, post: { failurePolicy: 'Abort', tagImages: [{ to: { kind: 'ImageStreamTag', name: 'app:live' } } as never] } } } });
    expect(spec.strategy?.recreateParams).toMatchObject({ timeoutSeconds: 600, mid: { execNewPod: { containerName: 'web' } }, post: { tagImages: [{ containerName: 'web' }] } });
    await platform.client.create(deploymentConfigs, request({ force: true }), { name: 'web', namespace, subresource: 'instantiate' });
    const { resourceVersion: _, ...metadata } = (await read()).metadata;
    await expect(platform.client.update(deploymentConfigs, { ...(await read()), metadata, status: { latestVersion: 0 } } as never, { name: 'web', namespace, subresource: 'status' })).rejects.toThrow('latestVersion cannot be decremented');
  });

  test('print as oc shows them', async () => {
    await create({ replicas: 3, triggers: [{ type: 'ConfigChange' }, { type: 'ImageChange', imageChangeParams: { automatic: true, containerNames: ['web'], from: { kind: 'ImageStreamTag', name: 'app:latest' } } }] });
    expect(await platform.table('/apis/apps.openshift.io/v1/namespaces/demo/deploymentconfigs')).toEqual({ columns: ['Name', 'Revision', 'Desired', 'Current', 'Triggered By'], rows: [['web', 0, '3', 0, 'config,image(app:latest)']] });
  });
});
