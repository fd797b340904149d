import { mkdirSync, writeFileSync, readdirSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildConfigs, builds, type Build, type BuildConfig, type BuildRequest } from '../../../src/api/kinds/build.ts';
import { pods } from '../../../src/api/kinds/core.ts';
import { imageStreams, imageStreamTags, type ImageStream, type ImageStreamTag } from '../../../src/api/kinds/image.ts';
import { stepsAnnotation, type StepProgress } from '../../../src/protocol/build-progress.ts';
import { startBuildPlatform, type BuildPlatform } from '../../support/build/build-platform.ts';
import { tarOf } from '../../support/build/build-machine.ts';
import { startGitServer, type GitServer } from '../../support/build/git-server.ts';
import { startPackageIndex, type PackageIndex } from '../../support/build/package-index.ts';

const namespace = 'demo';

describe('builds on the platform', () => {
  let platform: BuildPlatform;
  let index: PackageIndex;

  beforeAll(async () => {
    platform = await startBuildPlatform();
    index = await startPackageIndex(['node_modules/ms']);
    await platform.publishBuilders(['nodejs', 'static']);
  });
  afterAll(async () => {
    await index.close();
    await platform.close();
  });

  const config = (name: string, spec: Partial<BuildConfig['spec']> = {}): BuildConfig => ({
    apiVersion: 'build.openshift.io/v1', kind: 'BuildConfig', metadata: { name, namespace, labels: { app: name } },
    spec: {
      source: { type: 'Binary', binary: {} },
      strategy: { type: 'Source', sourceStrategy: { from: { kind: 'ImageStreamTag', namespace: 'openshift', name: 'nodejs:latest' }, env: [{ name: 'NPM_MIRROR', value: index.npm }] } },
      output: { to: { kind: 'ImageStreamTag', name: `${name}:latest` } },
      triggers: [{ type: 'ImageChange', imageChange: {} }],
      ...spec,
    },
  });
  const site: BuildConfig['spec']['strategy'] = { sourceStrategy: { from: { kind: 'ImageStreamTag', namespace: 'openshift', name: 'static:latest' } } };
  const stream = (name: string): ImageStream => ({ apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name, namespace }, spec: {} });
  const make = async (name: string, spec: Partial<BuildConfig['spec']> = {}) => {
    await platform.client.create(imageStreams, stream(name), { namespace });
    return platform.client.create(buildConfigs, config(name, spec), { namespace });
  };
  const path = (resource: string, name: string, subresource: string) => `/apis/build.openshift.io/v1/namespaces/${namespace}/${resource}/${name}/${subresource}`;
  const send = (name: string, body: Readable, query = '') => platform.upload(`${path('buildconfigs', name, 'instantiatebinary')}?name=${name}&namespace=${namespace}${query}`, body);
  const start = (name: string, request: Partial<BuildRequest> = {}) =>
    platform.client.create<BuildConfig, Build>(buildConfigs, { apiVersion: 'build.openshift.io/v1', kind: 'BuildRequest', metadata: { name }, ...request } as BuildRequest, { namespace, name, subresource: 'instantiate' });
  const stepsOf = (build: Build) => JSON.parse(build.metadata.annotations?.[stepsAnnotation] ?? '[]') as StepProgress[];
  const sample = (app: string) => tarOf(`test/fixtures/apps/${app}`);

  test('builders are offered as image streams, and published once', async () => {
    const nodejs = await platform.client.get(imageStreams, { namespace: 'openshift', name: 'nodejs' });
    expect(nodejs.spec.tags?.map(({ name }) => name)).toContain('latest');
    expect(nodejs.spec.tags?.find(({ name }) => name === 'latest')?.annotations).toMatchObject({ tags: 'builder,nodejs', supports: expect.stringMatching(/^nodejs,nodejs:\d+$/) as string });
    const { image } = await platform.client.get<ImageStreamTag>(imageStreamTags, { namespace: 'openshift', name: 'nodejs:latest' });
    await platform.publishBuilders(['nodejs', 'static']);
    const again = await platform.client.get(imageStreams, { namespace: 'openshift', name: 'nodejs' });
    expect(again.status?.tags?.find(({ tag }) => tag === 'latest')?.items).toHaveLength(1);
    expect(again.status?.tags?.find(({ tag }) => tag === 'latest')?.items?.[0]?.image).toBe(image.metadata.name);
  });

  test('from an upload to an image stream tag: nine steps, stages, events, log', async () => {
    await make('hello');
    const { status, body } = await send('hello', await sample('node-hello'));
    expect(status).toBe(201);
    expect((body as Build).metadata).toMatchObject({ name: 'hello-1', labels: { buildconfig: 'hello', app: 'hello' } });
    const done = await platform.until(namespace, 'hello-1', (build) => stepsOf(build).every((step) => step.state === 'done'));
    expect(done.status).toMatchObject({ phase: 'Complete', config: { kind: 'BuildConfig', name: 'hello' }, outputDockerImageReference: 'docker-registry.default.svc:5000/demo/hello:latest' });
    expect(done.status.stages?.map(({ name }) => name)).toEqual(['FetchInputs', 'PullImages', 'Build', 'PushImage']);
    expect(done.status.duration).toBeGreaterThan(0);
    expect(done.spec.strategy.sourceStrategy?.from).toMatchObject({ kind: 'DockerImage', name: expect.stringContaining('/openshift/nodejs@sha256:') as string });
    const built = await platform.client.get<ImageStreamTag>(imageStreamTags, { namespace, name: 'hello:latest' });
    expect(built.image.metadata.name).toBe(done.status.output?.to?.imageDigest);
    expect(built.image.dockerImageMetadata?.Config?.Labels).toMatchObject({ 'io.openshift.build.name': 'hello-1' });
    expect((await platform.client.get(buildConfigs, { namespace, name: 'hello' })).status?.lastVersion).toBe(1);
    const log = await platform.read(`${path('builds', 'hello-1', 'log')}?follow=true`);
    expect(log.text).toContain('npm ci');
    expect(log.text).not.toContain('::slipway');
    await platform.untilEvent('BuildStarted', 'hello-1');
    await platform.untilEvent('BuildCompleted', 'hello-1');
    expect(readdirSync(join(platform.folder, 'inputs'))).toEqual([]);
    const table = await platform.client.raw('GET', `/apis/build.openshift.io/v1/namespaces/${namespace}/builds`);
    expect(table).toMatchObject({ kind: 'BuildList' });
  });

  test('a failed build says why, quotes the log, and moves no tag', async () => {
    await make('broken');
    await send('broken', await sample('broken-node'));
    const failed = await platform.until(namespace, 'broken-1', ({ status }) => status.phase === 'Failed');
    expect(failed.status).toMatchObject({ reason: 'AssembleFailed', message: 'Assemble script failed: exit code 3.', logSnippet: expect.stringContaining('broken on purpose') as string });
    expect(stepsOf(failed).map(({ step, state }) => `${step} ${state}`).slice(5)).toEqual(['Assemble failed', 'ImageCommitted skipped', 'ImagePushed skipped', 'ImageStreamUpdated skipped']);
    expect((await platform.client.get(imageStreams, { namespace, name: 'broken' })).status?.tags ?? []).toEqual([]);
    await platform.untilEvent('BuildFailed', 'broken-1');
  });

  test('uploads that cannot be built are refused before there is a build', async () => {
    expect((await send('nowhere', Readable.from(['x']))).status).toBe(404);
    expect(await send('hello', Readable.from([]))).toMatchObject({ status: 400, body: { message: expect.stringContaining('no body') as string } });
    expect(await send('hello', Readable.from((function* () { for (let at = 0; at < 80; at++) yield Buffer.alloc(2 ** 20); })()))).toMatchObject({ status: 413, body: { message: expect.stringContaining('larger than 64 MiB') as string } });
    expect((await send('hello', Readable.from(['x']), '&asFile=../x')).status).toBe(400);
    await expect(start('hello')).rejects.toMatchObject({ code: 400, message: expect.stringContaining('instantiatebinary') as string });
    expect((await platform.client.get(buildConfigs, { namespace, name: 'hello' })).status?.lastVersion).toBe(1);
    expect(readdirSync(join(platform.folder, 'inputs'))).toEqual([]);
  });

  test('cancelling ends the pod and the build', async () => {
    await make('slow');
    await send('slow', await tarOf('test/fixtures/apps/node-noscript', { '.s2i/bin/assemble': '#!/bin/sh\necho waiting\nsleep 600\n' }));
    await platform.until(namespace, 'slow-1', (build) => stepsOf(build).some(({ step, state }) => step === 'Assemble' && state === 'running'));
    const build = await platform.client.get(builds, { namespace, name: 'slow-1' });
    await platform.client.update(builds, { ...build, status: { ...build.status, cancelled: true } } as Build, { namespace, name: 'slow-1' });
    const cancelled = await platform.until(namespace, 'slow-1', ({ status }) => status.phase === 'Cancelled');
    expect(cancelled.status).toMatchObject({ reason: 'CancelledBuild', message: 'The build was cancelled by the user.' });
    await expect(platform.client.get(pods, { namespace, name: 'slow-1-build' })).rejects.toMatchObject({ code: 404 });
    await platform.untilEvent('BuildCancelled', 'slow-1');
  });

  test('a builder that does not exist: the build says which there are, and goes on when it appears', async () => {
    await make('early', { strategy: { sourceStrategy: { from: { kind: 'ImageStreamTag', namespace: 'openshift', name: 'cobol:latest' } } } });
    await send('early', await sample('static-hello'));
    const held = await platform.until(namespace, 'early-1', ({ status }) => status.reason === 'InvalidImageReference');
    expect(held.status).toMatchObject({ phase: 'New', message: expect.stringMatching(/there is no builder image "openshift\/cobol:latest".*nodejs, static/) as string });
    const site = await platform.client.get<ImageStreamTag>(imageStreamTags, { namespace: 'openshift', name: 'static:latest' });
    const source = await platform.registry.image('openshift/static', site.image.metadata.name);
    const blobs = [...source.manifest.layers, source.manifest.config].map(({ digest, size }) => ({ digest, size, mountFrom: 'openshift/static', content: () => platform.registry.readBlob('openshift/static', { digest, size, mediaType: '' }) }));
    await platform.registry.pushImage('openshift/cobol', 'latest', { blobs, manifest: { mediaType: source.mediaType, bytes: source.bytes } });
    expect((await platform.until(namespace, 'early-1')).status.reason).toBeUndefined();
  });

  test('Serial: the second waits for the first; SerialLatestOnly drops what is overtaken; numbers have no gaps', async () => {
    platform.hold.pods = true;
    await make('queue');
    for (let at = 0; at < 3; at++) await send('queue', await sample('static-hello'));
    await make('latest', { runPolicy: 'SerialLatestOnly', strategy: site });
    for (let at = 0; at < 3; at++) await send('latest', await sample('static-hello'));
    await platform.until(namespace, 'queue-1', ({ status }) => status.phase === 'Pending');
    await platform.until(namespace, 'latest-2', ({ status }) => status.phase === 'Cancelled');
    await platform.until(namespace, 'latest-3', ({ status }) => status.phase === 'Pending');
    const phases = async () => Object.fromEntries((await platform.client.list(builds, { namespace })).items.map((one) => [one.metadata.name, one.status.phase]));
    expect(await phases()).toMatchObject({ 'queue-1': 'Pending', 'queue-2': 'New', 'queue-3': 'New', 'latest-1': 'Cancelled' });
    for (const name of ['queue-1', 'queue-2', 'queue-3']) await platform.client.patch(builds, { namespace, name }, 'merge', { status: { cancelled: true } });
    platform.hold.pods = false;
    await platform.until(namespace, 'queue-3', ({ status }) => status.phase === 'Cancelled');
    // Its pod was held before: a change makes the node look again.
    await platform.client.patch(pods, { namespace, name: 'latest-3-build' }, 'merge', { metadata: { annotations: { released: 'yes' } } });
    await platform.until(namespace, 'latest-3');
  });

  test('history limits keep the newest', async () => {
    await make('history', { successfulBuildsHistoryLimit: 1, strategy: site });
    for (let at = 1; at <= 2; at++) {
      await send('history', await sample('static-hello'));
      await platform.until(namespace, `history-${at}`);
    }
    const watch = platform.client.watch(builds, { namespace });
    for (;;) {
      const left = (await platform.client.list(builds, { namespace, labelSelector: 'buildconfig=history' })).items.map((one) => one.metadata.name);
      if (left.length === 1) {
        expect(left).toEqual(['history-2']);
        break;
      }
      for await (const event of watch) if (event.type === 'DELETED') break;
    }
    watch.dispose();
  });

  describe('from Git, by triggers', () => {
    let server: GitServer;

    beforeAll(async () => {
      const work = join(platform.folder, 'git/site');
      mkdirSync(work, { recursive: true });
      writeFileSync(join(work, 'index.html'), '<p>site</p>');
      for (const args of [['init', '-q', '-b', 'main'], ['add', '.'], ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', 'commit', '-q', '-m', 'First page']]) execFileSync('git', args, { cwd: work });
      server = await startGitServer(join(platform.folder, 'git'));
    });
    afterAll(() => server.close());

    test('the first build comes by itself; a new builder image brings the next; a clone repeats the commit', async () => {
      await make('site', {
        source: { git: { uri: `${server.url}/site/.git` } },
        strategy: site,
        triggers: [{ type: 'ConfigChange' }, { type: 'ImageChange', imageChange: {} }],
      });
      const first = await platform.until(namespace, 'site-1');
      expect(first.spec.triggeredBy).toEqual([{ message: 'Build configuration change' }]);
      expect(first.spec.revision).toMatchObject({ git: { message: 'First page', author: { name: 'Ada' } } });
      const clone = await platform.client.create<Build, Build>(builds, { apiVersion: 'build.openshift.io/v1', kind: 'BuildRequest', metadata: { name: 'site-1' } } as BuildRequest, { namespace, name: 'site-1', subresource: 'clone' });
      expect(clone.metadata.name).toBe('site-2');
      expect(clone.spec.revision?.git?.commit).toBe(first.spec.revision?.git?.commit);
      await platform.until(namespace, 'site-2');
      // A builder image of another digest under the same tag.
      const node = await platform.registry.image('openshift/nodejs', 'latest');
      const blobs = [...node.manifest.layers, node.manifest.config].map(({ digest, size }) => ({ digest, size, content: () => platform.registry.readBlob('openshift/nodejs', { digest, size, mediaType: '' }) }));
      await platform.registry.pushImage('openshift/static', 'latest', { blobs, manifest: { mediaType: node.mediaType, bytes: node.bytes } });
      const third = await platform.until(namespace, 'site-3', () => true);
      expect(third.spec.triggeredBy).toMatchObject([{ message: 'Image change', imageChangeBuild: { imageID: expect.stringContaining(node.digest) as string } }]);
    });

    test('paused, another number, another strategy: refused with the reason', async () => {
      await expect(start('site', { lastVersion: 1 })).rejects.toMatchObject({ code: 400 });
      await platform.client.patch(buildConfigs, { namespace, name: 'site' }, 'merge', { metadata: { annotations: { 'openshift.io/build-config.paused': 'true' } } });
      await expect(start('site')).rejects.toMatchObject({ code: 400, message: expect.stringContaining('paused') as string });
      await expect(platform.client.create(buildConfigs, config('pipeline', { strategy: { jenkinsPipelineStrategy: {} } }), { namespace })).rejects.toMatchObject({ code: 422, message: expect.stringContaining('Source or Docker strategy') as string });
      const build = await platform.client.get(builds, { namespace, name: 'site-1' });
      await expect(platform.client.update(builds, { ...build, spec: { ...build.spec, completionDeadlineSeconds: 5 } } as Build, build.metadata)).rejects.toMatchObject({ code: 422, message: expect.stringContaining('spec is immutable') as string });
      await expect(platform.client.update(builds, { ...build, status: { phase: 'New' } } as Build, build.metadata)).rejects.toMatchObject({ code: 422, message: expect.stringContaining('terminal state') as string });
    });
  });
});
