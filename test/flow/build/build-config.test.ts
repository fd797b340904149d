/** Build configs and what they start: triggers, overrides, clones, policies, limits, and a control plane that ends anywhere in between. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildConfigs, builds, type Build, type BuildConfig, type BuildRequest } from '../../../src/api/kinds/build.ts';
import { pods, secrets, serviceAccounts, type Secret } from '../../../src/api/kinds/core.ts';
import { imageStreams } from '../../../src/api/kinds/image.ts';
import { namespace, startConfigPlatform, type ConfigPlatform } from '../../support/build/config-platform.ts';

let platform: ConfigPlatform;
beforeAll(async () => {
  platform = await startConfigPlatform();
});
afterAll(() => platform.close());

const numbersIn = (all: readonly Build[], phase: Build['status']['phase']) => all.filter((one) => one.status.phase === phase).map((one) => Number(one.metadata.annotations?.['openshift.io/build.number'])).sort((a, b) => a - b);
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const configNow = (name: string) => platform.client.get(buildConfigs, { namespace, name });
const clone = (name: string, request: Partial<BuildRequest> = {}) => platform.client.create<Build, Build>(builds, { apiVersion: 'build.openshift.io/v1', kind: 'BuildRequest', metadata: { name }, ...request } as BuildRequest, { namespace, name, subresource: 'clone' });
const docker = { dockerStrategy: { env: [{ name: 'A', value: '1' }], buildArgs: [{ name: 'VERSION', value: '1' }] } };

describe('50 builds at once', () => {
  const many = 50;
  const startAll = async (name: string, runPolicy: BuildConfig['spec']['runPolicy']) => {
    await platform.makeConfig(name, { runPolicy, failedBuildsHistoryLimit: many, successfulBuildsHistoryLimit: many });
    const made = await Promise.all(range(1, many).map(() => platform.start(name)));
    expect(new Set(made.map((one) => one.metadata.name)).size).toBe(many);
    expect((await configNow(name)).status?.lastVersion).toBe(many);
  };

  test('Serial: one after the other, in order, none left out', async () => {
    await startAll('serial', 'Serial');
    for (const number of range(1, many)) {
      const all = await platform.until('serial', (one) => one.length === many && numbersIn(one, 'Pending').length === 1 && one);
      expect([numbersIn(all, 'Pending'), numbersIn(all, 'New').at(0) ?? many + 1]).toEqual([[number], number + 1]);
      await platform.movePod(`serial-${number}`, 'Running');
      await platform.movePod(`serial-${number}`, number % 7 === 0 ? 'Failed' : 'Succeeded');
      await platform.until('serial', (one) => numbersIn(one, 'Pending').every((other) => other !== number) && numbersIn(one, 'Running').length === 0);
    }
    expect((await platform.list('serial')).every((one) => ['Complete', 'Failed'].includes(one.status.phase))).toBe(true);
  });

  test('SerialLatestOnly: what runs goes on, of those that wait the last alone is built', async () => {
    await platform.makeConfig('latest', { runPolicy: 'SerialLatestOnly', failedBuildsHistoryLimit: many });
    await platform.start('latest');
    await platform.phaseOf('latest-1', 'Pending');
    await platform.movePod('latest-1', 'Running');
    await platform.phaseOf('latest-1', 'Running');
    await Promise.all(range(2, many).map(() => platform.start('latest')));
    const all = await platform.until('latest', (one) => numbersIn(one, 'Cancelled').length === many - 2 && one);
    expect([numbersIn(all, 'Running'), numbersIn(all, 'New'), numbersIn(all, 'Cancelled')]).toEqual([[1], [many], range(2, many - 1)]);
    await platform.movePod('latest-1', 'Succeeded');
    await platform.phaseOf(`latest-${many}`, 'Pending');
    expect((await platform.client.list(pods, { namespace })).items.filter((one) => one.metadata.name.startsWith('latest-')).map((one) => one.metadata.name).sort()).toEqual(['latest-1-build', `latest-${many}-build`]);
  });

  test('Parallel: all of them', async () => {
    await startAll('parallel', 'Parallel');
    await platform.until('parallel', (one) => numbersIn(one, 'Pending').length === many);
    await Promise.all(range(1, many).map((number) => platform.movePod(`parallel-${number}`, 'Running')));
    await platform.until('parallel', (one) => numbersIn(one, 'Running').length === many);
  });
});

describe('triggers', () => {
  const trigger = (name: string, more: object = {}) => ({ type: 'ImageChange' as const, imageChange: { from: { kind: 'ImageStreamTag', name }, ...more } });

  test('the first build comes by itself; several images, of other tags than the build starts from', async () => {
    const [base, tools] = [await platform.tag('base', 'latest', 'a1'), await platform.tag('tools', 'v1', 'b1')];
    await platform.makeConfig('watching', { strategy: { sourceStrategy: { from: { kind: 'ImageStreamTag', name: 'base:latest' } } }, triggers: [{ type: 'ConfigChange' }, { type: 'ImageChange' }, trigger('tools:v1'), trigger('base:other', { paused: true })], runPolicy: 'Parallel' });
    const first = await platform.phaseOf('watching-1', 'Pending');
    expect(first.spec).toMatchObject({ triggeredBy: [{ message: 'Build configuration change' }], strategy: { sourceStrategy: { from: { kind: 'DockerImage', name: base } } } });
    expect((await configNow('watching')).status).toMatchObject({ lastVersion: 1, imageChangeTriggers: [{ from: { name: 'base:latest' }, lastTriggeredImageID: base }, { from: { name: 'tools:v1' }, lastTriggeredImageID: tools }] });
    const next = await platform.tag('tools', 'v1', 'b2');
    const second = await platform.phaseOf('watching-2', 'Pending');
    expect(second.spec.triggeredBy).toEqual([{ message: 'Image change', imageChangeBuild: { imageID: next, fromRef: { kind: 'ImageStreamTag', name: 'tools:v1' } } }]);
    const { imageChangeTriggers } = (await configNow('watching')).status ?? {};
    expect(imageChangeTriggers?.map((one) => [one.lastTriggeredImageID, one.lastTriggerTime !== undefined])).toEqual([[base, false], [next, true]]);
    const newer = await platform.tag('base', 'latest', 'a2');
    expect((await platform.phaseOf('watching-3', 'Pending')).spec.strategy.sourceStrategy?.from).toEqual({ kind: 'DockerImage', name: newer });
  });

  test('a paused trigger starts nothing, and what it missed is built when it goes on', async () => {
    await platform.tag('base', 'other', 'c1');
    const config = await configNow('watching');
    await platform.client.update(buildConfigs, { ...config, spec: { ...config.spec, triggers: config.spec.triggers?.map((one) => (one.imageChange?.paused ? trigger('base:other') : one)) } } as BuildConfig, { namespace, name: 'watching' });
    expect((await platform.phaseOf('watching-4', 'Pending')).spec.triggeredBy).toMatchObject([{ imageChangeBuild: { fromRef: { name: 'base:other' } } }]);
    expect(await platform.list('watching')).toHaveLength(4);
  });

  test('applying the config again without what is noted in it builds nothing', async () => {
    const { metadata, spec } = await configNow('watching');
    const bare = { apiVersion: 'build.openshift.io/v1', kind: 'BuildConfig', metadata: { name: metadata.name, namespace, labels: { applied: 'again' } }, spec: { ...spec, triggers: [{ type: 'ConfigChange' }, { type: 'ImageChange' }, trigger('tools:v1'), trigger('base:other')] } };
    await platform.client.update(buildConfigs, bare as unknown as BuildConfig, { namespace, name: 'watching' });
    // Whatever the config starts is started before the next build of another one.
    await platform.makeConfig('after', { triggers: [{ type: 'ConfigChange' }] });
    await platform.phaseOf('after-1', 'Pending');
    expect((await configNow('watching')).status?.lastVersion).toBe(4);
  });

  test('an image that another build makes is waited for', async () => {
    await platform.makeConfig('second', { strategy: { dockerStrategy: { from: { kind: 'ImageStreamTag', name: 'made:latest' } } }, triggers: [{ type: 'ConfigChange' }, { type: 'ImageChange' }] });
    await platform.makeConfig('before', { triggers: [{ type: 'ConfigChange' }] });
    await platform.phaseOf('before-1', 'Pending');
    expect(await platform.list('second')).toEqual([]);
    const made = await platform.tag('made', 'latest', 'd1');
    expect((await platform.phaseOf('second-1', 'Pending')).spec).toMatchObject({ strategy: { dockerStrategy: { from: { name: made } } } });
  });

  test('a paused config starts nothing, by hand or by itself', async () => {
    await platform.makeConfig('held', { triggers: [{ type: 'ConfigChange' }] }, { 'openshift.io/build-config.paused': 'true' });
    await expect(platform.start('held')).rejects.toMatchObject({ code: 400, message: `can't instantiate from BuildConfig ${namespace}/held: BuildConfig is paused` });
    await platform.client.patch(buildConfigs, { namespace, name: 'held' }, 'merge', { metadata: { annotations: { 'openshift.io/build-config.paused': null } } });
    await platform.phaseOf('held-1', 'Pending');
  });

  test('the image whose change was seen, once', async () => {
    const image = await platform.tag('tools', 'v1', 'b3');
    await platform.phaseOf('watching-5', 'Pending');
    const request = { triggeredByImage: { kind: 'DockerImage', name: image }, from: { kind: 'ImageStreamTag', name: 'tools:v1' } };
    await expect(platform.start('watching', request)).rejects.toMatchObject({ code: 400, message: `build config ${namespace}/watching has already instantiated a build for imageid ${image}` });
  });
});

describe('requests', () => {
  test('overrides reach the build and leave the config alone', async () => {
    await platform.makeConfig('args', { strategy: docker, runPolicy: 'Parallel' });
    const build = await platform.start('args', {
      env: [{ name: 'A', value: '2' }, { name: 'B', value: '3' }], dockerStrategyOptions: { buildArgs: [{ name: 'VERSION', value: '2' }], noCache: true }, revision: { git: { commit: 'abc' } }, from: { kind: 'DockerImage', name: 'registry.example.org/base:1' },
      triggeredBy: [{ message: 'by a test' }], metadata: { name: 'args', labels: { mine: 'yes', buildconfig: 'forged' }, annotations: { 'openshift.io/build.number': '99', note: 'kept' } },
    });
    expect(build).toMatchObject({
      metadata: { name: 'args-1', labels: { mine: 'yes', buildconfig: 'args', 'openshift.io/build-config.name': 'args', 'openshift.io/build.start-policy': 'Parallel' }, annotations: { 'openshift.io/build.number': '1', note: 'kept' } },
      spec: { strategy: { dockerStrategy: { env: [{ name: 'A', value: '2' }, { name: 'B', value: '3' }], buildArgs: [{ name: 'VERSION', value: '2' }], noCache: true, from: { kind: 'DockerImage', name: 'registry.example.org/base:1' } } }, revision: { git: { commit: 'abc' } }, triggeredBy: [{ message: 'by a test' }], serviceAccount: 'builder' },
      status: { phase: 'New', conditions: [{ type: 'New', status: 'True' }] },
    });
    expect((await configNow('args')).spec.strategy).toMatchObject(docker);
  });

  test.each<[string, string, Partial<BuildRequest>, RegExp]>([
    ['options of another strategy', 'args', { sourceStrategyOptions: { incremental: true } }, /^Cannot specify Source build specific options on demo\/args, not a Source build\.$/],
    ['options of the Docker strategy', 'held', { dockerStrategyOptions: { noCache: true } }, /^Cannot specify Docker build specific options on demo\/held, not a Docker build\.$/],
    ['another last version', 'args', { lastVersion: 7 }, /^the LastVersion\(\d+\) on build config demo\/args does not match the build request LastVersion\(7\)$/],
    ['another name', 'args', { metadata: { name: 'other' } }, /does not match the name in the URL/],
  ])('refused: %s', async (_, name, request, why) => {
    const before = (await configNow(name)).status?.lastVersion;
    await expect(platform.start(name, request)).rejects.toMatchObject({ code: 400, message: expect.stringMatching(why) as string });
    expect((await configNow(name)).status?.lastVersion).toBe(before);
  });

  test('a dry run makes nothing', async () => {
    const before = (await configNow('args')).status?.lastVersion;
    const { status, body } = await platform.send('POST', `/apis/build.openshift.io/v1/namespaces/${namespace}/buildconfigs/args/instantiate?dryRun=All`, { headers: { authorization: 'Bearer admin', 'content-type': 'application/json' }, body: '{"kind":"BuildRequest","apiVersion":"build.openshift.io/v1","metadata":{"name":"args"}}' });
    expect([status, (body as Build).kind]).toEqual([201, 'Build']);
    expect([(await configNow('args')).status?.lastVersion, (await platform.list('args')).length]).toEqual([before, before]);
  });

  test('a clone repeats the build, not the config as it is now', async () => {
    await platform.client.patch(buildConfigs, { namespace, name: 'args' }, 'merge', { spec: { strategy: { dockerStrategy: { env: [{ name: 'CHANGED', value: 'yes' }] } } } });
    const repeated = await clone('args-1', { env: [{ name: 'B', value: '4' }], dockerStrategyOptions: { buildArgs: [{ name: 'MORE', value: 'x' }] } });
    expect(repeated).toMatchObject({
      metadata: { name: 'args-2', annotations: { 'openshift.io/build.clone-of': 'args-1', 'openshift.io/build.number': '2', note: 'kept' } },
      spec: { strategy: { dockerStrategy: { env: [{ name: 'A', value: '2' }, { name: 'B', value: '4' }], buildArgs: [{ name: 'VERSION', value: '2' }, { name: 'MORE', value: 'x' }], noCache: true } }, revision: { git: { commit: 'abc' } }, triggeredBy: [{ message: 'Manually triggered' }] },
      status: { phase: 'New', config: { name: 'args' } },
    });
    expect((await configNow('args')).status?.lastVersion).toBe(2);
  });

  test('a build made by hand, without a config: it runs, and its clone has a name of its own', async () => {
    await platform.client.create(builds, { apiVersion: 'build.openshift.io/v1', kind: 'Build', metadata: { name: 'alone', namespace }, spec: { source: { dockerfile: 'FROM scratch' }, strategy: docker }, status: { phase: 'Complete' } } as Build, { namespace });
    await platform.phaseOf('alone', 'Pending');
    const once = await clone('alone');
    const twice = await clone(once.metadata.name);
    expect(once.metadata.name).toMatch(/^alone-\d{10}$/);
    expect(twice.metadata.name).toMatch(/^alone-\d{10}$/);
    expect(twice.metadata.annotations).not.toHaveProperty('openshift.io/build.number');
  });

  test('numbers are never given twice: not by a note that was lost, not after a config of the same name', async () => {
    await platform.makeConfig('again');
    for (const number of range(1, 3)) expect((await platform.start('again')).metadata.name).toBe(`again-${number}`);
    await platform.client.delete(builds, { namespace, name: 'again-3' });
    expect((await platform.start('again')).metadata.name).toBe('again-4');
    await platform.client.delete(buildConfigs, { namespace, name: 'again' });
    await platform.makeConfig('again');
    expect((await platform.start('again')).metadata.name).toBe('again-5');
    const config = await configNow('again');
    await platform.client.update(buildConfigs, { ...config, status: { lastVersion: 0 } } as BuildConfig, { namespace, name: 'again' });
    expect((await configNow('again')).status?.lastVersion).toBe(5);
  });
});

describe('a build\'s life', () => {
  const details = (build: Build) => platform.client.update(builds, build, { namespace, name: build.metadata.name, subresource: 'details' });

  test('conditions follow the phase; a finished build stays what it is', async () => {
    await platform.makeConfig('life');
    await platform.start('life');
    await platform.phaseOf('life-1', 'Pending');
    await platform.movePod('life-1', 'Running');
    await platform.phaseOf('life-1', 'Running');
    const running = await platform.build('life-1');
    expect(running.status).toMatchObject({ startTimestamp: '2026-01-01T00:00:00Z', conditions: [{ type: 'New', status: 'False' }, { type: 'Pending', status: 'False' }, { type: 'Running', status: 'True' }] });
    for (const phase of ['New', 'Pending'] as const) await expect(platform.client.update(builds, { ...running, status: { ...running.status, phase } } as Build, { namespace, name: 'life-1' })).rejects.toMatchObject({ code: 422, message: expect.stringContaining('phase cannot go back from Running') as string });
    await platform.movePod('life-1', 'Failed', { message: { reason: 'AssembleFailed', message: 'Assemble script failed.', logSnippet: 'no such file', stages: [{ name: 'Build', startTime: '2026-01-01T00:00:01Z', durationMilliseconds: 8000, steps: [{ name: 'DockerBuild', startTime: '2026-01-01T00:00:01Z', durationMilliseconds: 8000 }] }] } });
    const failed = await platform.phaseOf('life-1', 'Failed');
    expect(failed.status).toMatchObject({ reason: 'AssembleFailed', logSnippet: 'no such file', duration: 9e9, completionTimestamp: '2026-01-01T00:00:09Z', stages: [{ name: 'Build', durationMilliseconds: 8000 }], conditions: [{}, {}, { status: 'False' }, { type: 'Failed', status: 'True', reason: 'AssembleFailed', message: 'Assemble script failed.' }] });
    await expect(platform.client.update(builds, { ...failed, status: { ...failed.status, phase: 'Complete' } } as Build, { namespace, name: 'life-1' })).rejects.toMatchObject({ code: 422, message: expect.stringContaining('phase cannot be updated from a terminal state') as string });
    await expect(details({ ...failed, status: { ...failed.status, phase: 'Complete' } })).rejects.toMatchObject({ code: 422 });
    const kept = await platform.client.update(builds, { ...failed, status: { ...failed.status, reason: 'Other', message: 'other' } } as Build, { namespace, name: 'life-1' });
    expect(kept.status).toMatchObject({ reason: 'AssembleFailed', message: 'Assemble script failed.' });
  });

  test('its spec never changes, but for the secret it pushes with; a commit that is known stays', async () => {
    const build = await platform.build('life-1');
    const change = (spec: Partial<Build['spec']>) => platform.client.update(builds, { ...build, spec: { ...build.spec, ...spec } } as Build, { namespace, name: 'life-1' });
    await expect(change({ completionDeadlineSeconds: 5 })).rejects.toMatchObject({ code: 422, message: 'Build.build.openshift.io "life-1" is invalid: spec: Invalid value: "content of spec is not printed out, please refer to the details": spec is immutable, diff: {"spec":{"completionDeadlineSeconds":5}}' });
    expect((await change({ output: { ...build.spec.output, pushSecret: { name: 'found' } } })).spec.output?.pushSecret).toEqual({ name: 'found' });
    const told = await details({ ...(await platform.build('life-1')), spec: { ...build.spec, revision: { type: 'Git', git: { commit: 'abc' } } } });
    expect(told.spec.revision?.git?.commit).toBe('abc');
    await expect(details({ ...told, spec: { ...told.spec, revision: { git: { commit: 'other' } } } })).rejects.toMatchObject({ code: 422, message: expect.stringMatching(/spec\.revision: Duplicate value/) as string });
    const { revision: _revision, ...without } = told.spec;
    await expect(details({ ...told, spec: without })).rejects.toMatchObject({ code: 422, message: expect.stringContaining('cannot set an empty revision in build spec') as string });
  });

  test.each(['New', 'Pending', 'Running'] as const)('cancelled while %s: ended at once, its pod gone, the next one goes on', async (phase) => {
    const name = `cancel-${phase.toLowerCase()}`;
    await platform.makeConfig(name);
    for (let at = 0; at < 3; at++) await platform.start(name);
    await platform.phaseOf(`${name}-1`, 'Pending');
    if (phase === 'Running') {
      await platform.movePod(`${name}-1`, 'Running');
      await platform.phaseOf(`${name}-1`, 'Running');
    }
    const target = phase === 'New' ? `${name}-2` : `${name}-1`;
    await platform.cancel(target);
    const cancelled = await platform.phaseOf(target, 'Cancelled');
    expect(cancelled.status).toMatchObject({ reason: 'CancelledBuild', message: 'The build was cancelled by the user.', cancelled: true, conditions: expect.arrayContaining([expect.objectContaining({ type: 'Cancelled', status: 'True' })]) as unknown });
    await expect(platform.client.get(pods, { namespace, name: `${target}-build` })).rejects.toMatchObject({ code: 404 });
    if (phase === 'New') await platform.movePod(`${name}-1`, 'Succeeded');
    await platform.phaseOf(phase === 'New' ? `${name}-3` : `${name}-2`, 'Pending');
  });

  test('history: the newest of each outcome stay', async () => {
    await platform.makeConfig('history', { successfulBuildsHistoryLimit: 2, failedBuildsHistoryLimit: 1 });
    for (const [number, outcome] of (['Succeeded', 'Failed', 'Succeeded', 'Failed', 'Succeeded'] as const).entries()) {
      await platform.start('history');
      await platform.phaseOf(`history-${number + 1}`, 'Pending');
      await platform.movePod(`history-${number + 1}`, outcome);
      await platform.until('history', (all) => !all.some((one) => ['New', 'Pending'].includes(one.status.phase)));
    }
    const left = await platform.until('history', (all) => all.length === 3 && all);
    expect(left.map((one) => one.metadata.name).sort()).toEqual(['history-3', 'history-4', 'history-5']);
    expect((await configNow('life')).spec).toMatchObject({ successfulBuildsHistoryLimit: 5, failedBuildsHistoryLimit: 5 });
  });

  test('what is missing is said, and the build goes on when it is there', async () => {
    const held = (reason: string, message: RegExp) => async (name: string) => {
      const build = await platform.until('', (all) => all.find((one) => one.metadata.name === name && one.status.reason === reason));
      expect(build.status).toMatchObject({ phase: 'New', message: expect.stringMatching(message) as string });
    };
    await platform.makeConfig('lacking', { serviceAccount: 'deployer', output: { to: { kind: 'ImageStreamTag', name: 'lacking:latest' }, pushSecret: { name: 'push' } }, completionDeadlineSeconds: 600, nodeSelector: { disk: 'fast' }, resources: { limits: { memory: '1Gi' } } });
    await platform.start('lacking');
    await held('InvalidOutputReference', /^Output image could not be resolved\. There is no image stream "lacking"/)('lacking-1');
    await platform.client.create(imageStreams, { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name: 'lacking', namespace }, spec: {} } as never, { namespace });
    await held('CannotRetrieveServiceAccount', /^Unable to look up the service account secrets for this build\./)('lacking-1');
    await platform.client.create(serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'deployer', namespace } }, { namespace });
    await held('MissingPushSecret', /^Missing push secret\. There is no secret "push"/)('lacking-1');
    await platform.client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'push', namespace }, type: 'kubernetes.io/dockerconfigjson', data: {} } as Secret, { namespace });
    const started = await platform.phaseOf('lacking-1', 'Pending');
    expect(started.status.reason).toBeUndefined();
    expect((await platform.client.get(pods, { namespace, name: 'lacking-1-build' })).spec).toMatchObject({ serviceAccountName: 'deployer', activeDeadlineSeconds: 600, nodeSelector: { disk: 'fast' }, containers: [{ resources: { limits: { memory: '1Gi' } } }] });
    await platform.movePod('lacking-1', 'Failed', { reason: 'DeadlineExceeded', terminated: { exitCode: 137 } });
    expect((await platform.phaseOf('lacking-1', 'Failed')).status.message).toContain('completionDeadlineSeconds (600)');
  });

  test('a registry outside: the secret to push with is found at the service account', async () => {
    const auths = Buffer.from(JSON.stringify({ auths: { 'registry.example.org': { auth: Buffer.from('me:pw').toString('base64') } } })).toString('base64');
    await platform.client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'outside', namespace }, type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': auths } } as Secret, { namespace });
    await platform.client.patch(serviceAccounts, { namespace, name: 'builder' }, 'merge', { secrets: [{ name: 'outside' }] });
    await platform.makeConfig('outside', { output: { to: { kind: 'DockerImage', name: 'registry.example.org/team/app:1' } } });
    await platform.start('outside');
    const build = await platform.phaseOf('outside-1', 'Pending');
    expect(build).toMatchObject({ spec: { output: { pushSecret: { name: 'outside' } } }, status: { outputDockerImageReference: 'registry.example.org/team/app:1' } });
  });
});

describe('a control plane that ends', () => {
  test('in every phase: builds go on, and what was decided stays', async () => {
    const names = ['waits', 'pends', 'runs', 'done'];
    for (const name of names) await platform.makeConfig(`end-${name}`);
    await platform.start('end-waits', { from: { kind: 'ImageStreamTag', name: 'late:latest' } });
    await platform.until('end-waits', (all) => all.some((one) => one.status.reason === 'InvalidImageReference'));
    for (const name of names.slice(1)) {
      await platform.start(`end-${name}`);
      await platform.phaseOf(`end-${name}-1`, 'Pending');
    }
    await platform.movePod('end-runs-1', 'Running');
    await platform.phaseOf('end-runs-1', 'Running');
    await platform.movePod('end-done-1', 'Running');
    await platform.restart();
    await platform.movePod('end-done-1', 'Succeeded');
    await platform.phaseOf('end-done-1', 'Complete');
    await platform.movePod('end-runs-1', 'Succeeded');
    await platform.phaseOf('end-runs-1', 'Complete');
    await platform.cancel('end-pends-1');
    await platform.phaseOf('end-pends-1', 'Cancelled');
    await platform.tag('late', 'latest', 'e1');
    await platform.phaseOf('end-waits-1', 'Pending');
  });

  test('between a pod and its build, between a build and its number: nothing is done twice', async () => {
    const image = await platform.tag('crash', 'latest', 'f1');
    await platform.makeConfig('crash', { strategy: { sourceStrategy: { from: { kind: 'ImageStreamTag', name: 'crash:latest' } } }, triggers: [{ type: 'ImageChange' }] });
    const first = await platform.phaseOf('crash-1', 'Pending');
    // As they were when only the first of two writes had been made.
    await platform.client.delete(builds, { namespace, name: 'crash-1' });
    await platform.client.delete(pods, { namespace, name: 'crash-1-build' });
    const config = await configNow('crash');
    await platform.client.delete(buildConfigs, { namespace, name: 'crash' });
    await platform.restart();
    const { resourceVersion: _version, uid: _uid, ...metadata } = config.metadata;
    const { imageChange: _imageChange, ...bare } = config.spec.triggers?.[0] ?? { type: 'ImageChange' as const };
    await platform.client.create(buildConfigs, { ...config, metadata: { ...metadata, annotations: { 'openshift.io/build-config.paused': 'true' } }, spec: { ...config.spec, triggers: [bare] }, status: { lastVersion: 0 } } as BuildConfig, { namespace });
    const uid = (await configNow('crash')).metadata.uid ?? '';
    const { resourceVersion: _old, uid: _ofBuild, creationTimestamp: _made, ...own } = first.metadata;
    await platform.client.create(builds, { ...first, metadata: { ...own, ownerReferences: [{ apiVersion: 'build.openshift.io/v1', kind: 'BuildConfig', name: 'crash', uid, controller: true }] }, spec: { ...first.spec, triggeredBy: [{ message: 'Image change', imageChangeBuild: { imageID: image, fromRef: { kind: 'ImageStreamTag', name: 'crash:latest' } } }] } } as Build, { namespace });
    await platform.phaseOf('crash-1', 'Pending');
    await platform.restart();
    expect((await configNow('crash')).status).toMatchObject({ lastVersion: 1, imageChangeTriggers: [{ lastTriggeredImageID: image }] });
    await platform.client.patch(buildConfigs, { namespace, name: 'crash' }, 'merge', { metadata: { annotations: null } });
    await platform.makeConfig('crash-after', { triggers: [{ type: 'ConfigChange' }] });
    await platform.phaseOf('crash-after-1', 'Pending');
    expect(await platform.list('crash')).toHaveLength(1);
  });
});
