/** Builders that users bring, on the platform: an image in sclorg's shape for the Source strategy, and a Custom builder that makes and pushes its image by itself. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Build } from '../../../src/api/kinds/build.ts';
import type { ImageStreamTag } from '../../../src/api/kinds/image.ts';
import { startBinaryBuild } from '../../../src/client/apps/create-app.ts';
import type { Connection } from '../../../src/client/connection.ts';
import { registryClient, type RegistryClient } from '../../../src/oci/registry-client.ts';
import { stepsAnnotation, type StepProgress } from '../../../src/protocol/build-progress.ts';
import { pushCustomBuilder } from '../../support/build/custom-builder.ts';
import { startGitServer, type GitServer } from '../../support/build/git-server.ts';
import { zipOf } from '../../support/build/package-index.ts';
import { pushShaped } from '../../support/build/shaped-image.ts';
import { eventually, Platform } from '../../support/platform/platform.ts';

const namespace = 'default';
const shell = '#!/bin/sh\n';
const internal = 'docker-registry.default.svc:5000';

describe('builders that users bring', () => {
  let platform: Platform;
  let connection: Connection;
  let registry: RegistryClient;
  let server: GitServer;

  beforeAll(async () => {
    platform = new Platform();
    await platform.up(['--runtime', 'sandbox']);
    connection = await platform.connection();
    await eventually('builders are there', async () => ((await platform.kubectl(['get', 'imagestreamtag', 'nodejs:latest', '-n', 'openshift'])).code === 0 ? true : undefined), 60_000);
    registry = registryClient({ baseUrl: `https://${(await platform.status()).registry ?? ''}`, ca: readFileSync(path.join(platform.home, 'pki/ca.crt'), 'utf8'), auth: { username: 'builder', password: (await platform.kube('create', 'token', 'builder', '-n', namespace)).trim() } });
    const repository = path.join(platform.user.home, 'git/private');
    mkdirSync(repository, { recursive: true });
    writeFileSync(path.join(repository, 'index.html'), '<p>private</p>');
    for (const args of [['init', '-q', '-b', 'main'], ['add', '.'], ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', 'commit', '-q', '-m', 'First']]) execFileSync('git', args, { cwd: repository });
    server = await startGitServer(path.join(platform.user.home, 'git'), { username: 'ada', password: 'hush' });
  });
  afterAll(async () => {
    registry?.close();
    await server?.close();
    await connection?.dispose();
    await platform?.dispose();
  });

  const apply = async (...documents: object[]) => {
    const { code, stderr } = await platform.kubectl(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: documents }) });
    if (code !== 0) throw new Error(stderr);
  };
  const stream = (name: string) => ({ apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name } });
  const config = (name: string, spec: object) => ({ apiVersion: 'build.openshift.io/v1', kind: 'BuildConfig', metadata: { name }, spec: { output: { to: { kind: 'ImageStreamTag', name: `${name}:latest` } }, ...spec } });
  const start = (name: string) => connection.client.raw('POST', `/apis/build.openshift.io/v1/namespaces/${namespace}/buildconfigs/${name}/instantiate`, { apiVersion: 'build.openshift.io/v1', kind: 'BuildRequest', metadata: { name } });
  const ended = (name: string) => eventually(`${name} ends`, async () => {
    const build = await platform.json<Build>('get', 'build', name);
    return ['Complete', 'Failed', 'Error', 'Cancelled'].includes(build.status.phase) ? build : undefined;
  }, 60_000);
  const log = async (name: string) => (await platform.kube('logs', `${name}-build`)).split('\n').filter((line) => !line.startsWith('::')).join('\n');
  const stepsOf = (build: Build) => (JSON.parse(build.metadata.annotations?.[stepsAnnotation] ?? '[]') as StepProgress[]).map(({ step, state }) => `${step} ${state}`);

  test('a builder image with a root of its own: built with every input, and served', async () => {
    const assemble = `${shell}set -e\ncp -Rf /tmp/src/. ./\necho "saw $WORD/$SETTING/$WHERE/$(cat /opt/vault/word)"\nfix-permissions /opt/app-root\n`;
    await pushShaped(registry, `${namespace}/shaped`, { compression: 'zstd', files: { 'usr/libexec/s2i/assemble': assemble } });
    await pushShaped(registry, `${namespace}/library`, { files: { 'usr/share/library/page.html': '<p>of an image</p>' } });
    await apply(
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'vault' }, stringData: { word: 'hush' } },
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { setting: 'loud' } },
      stream('site'),
      config('site', {
        source: { binary: {}, images: [{ from: { kind: 'ImageStreamTag', name: 'library:latest' }, paths: [{ sourcePath: '/usr/share/library/.', destinationDir: '.' }] }] },
        strategy: {
          sourceStrategy: {
            from: { kind: 'ImageStreamTag', name: 'shaped:latest' },
            env: [
              { name: 'WORD', valueFrom: { secretKeyRef: { name: 'vault', key: 'word' } } }, { name: 'SETTING', valueFrom: { configMapKeyRef: { name: 'settings', key: 'setting' } } }, { name: 'WHERE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
            ],
            volumes: [{ name: 'vault', source: { type: 'Secret', secret: { secretName: 'vault' } }, mounts: [{ destinationPath: '/opt/vault' }] }],
          },
        },
        postCommit: { script: 'test -f index.html && echo "hook $$"' },
      }),
    );
    await startBinaryBuild((to, body) => connection.client.raw('POST', to, body), namespace, 'site', Readable.from(zipOf({ 'index.html': '<p>hello</p>' })));
    const build = await ended('site-1');
    expect(build.status).toMatchObject({ phase: 'Complete' });
    const text = await log('site-1');
    expect(text).toContain('saw hush/loud/default/hush');
    expect(text).toMatch(/^hook \d+$/m);
    await apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'site' }, spec: { containers: [{ name: 'site', image: `${internal}/${namespace}/site@${build.status.output?.to?.imageDigest ?? ''}` }] } });
    await platform.kube('wait', '--for=condition=Ready', 'pod/site', '--timeout=60s');
    expect(await eventually('it serves', () => platform.kube('exec', 'site', '--', 'wget', '-Y', 'off', '-qO-', 'http://127.0.0.1:8080/page.html'))).toBe('<p>of an image</p>');
    expect((await platform.kube('exec', 'site', '--', 'sh', '-c', 'id -u; ls /opt; touch /opt/app-root/src/x && echo may write')).split('\n')).toEqual(['1001', 'app-root', 'may write', '']);
    await platform.kube('delete', 'pod', 'site', '--now');
  });

  test('a variable that leads nowhere fails the build by name', async () => {
    await apply(stream('lost'), config('lost', { source: { dockerfile: 'x' }, strategy: { sourceStrategy: { from: { kind: 'ImageStreamTag', namespace: 'openshift', name: 'static:latest' }, env: [{ name: 'LOST', valueFrom: { secretKeyRef: { name: 'nowhere', key: 'k' } } }] } } }));
    await start('lost');
    expect((await ended('lost-1')).status).toMatchObject({ reason: 'UnresolvableEnvironmentVariable', message: expect.stringContaining('LOST refers to key "k" of secret "nowhere"') as string });
  });

  test('a private repository: the secret is found by its annotation', async () => {
    const host = `host.slipway.internal:${new URL(server.url).port}`;
    await apply(
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'ours', annotations: { 'build.openshift.io/source-secret-match-uri-1': `http://${host}/*` } }, type: 'kubernetes.io/basic-auth', stringData: { username: 'ada', password: 'hush' } },
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'others', annotations: { 'build.openshift.io/source-secret-match-uri-1': 'http://*.example.org/*' } }, type: 'kubernetes.io/basic-auth', stringData: { username: 'x', password: 'y' } },
      stream('private'), config('private', { source: { git: { uri: `http://${host}/private/.git` } }, strategy: { sourceStrategy: { from: { kind: 'ImageStreamTag', namespace: 'openshift', name: 'static:latest' } } } }),
    );
    await start('private');
    const build = await ended('private-1');
    expect(build.status.message).toBeUndefined();
    expect(build.spec.revision?.git?.message).toBe('First');
    expect(await platform.kube('get', 'pod', 'private-1-build', '-o', 'jsonpath={.metadata.annotations.slipway\\.dev/source-secret}')).toBe('ours');
  });

  describe('the Custom strategy', () => {
    const custom = (name: string, more: object = {}, spec: object = {}) =>
      config(name, { source: { git: { uri: 'https://example.org/app.git', ref: 'main' } }, strategy: { customStrategy: { from: { kind: 'ImageStreamTag', name: 'custom:latest' }, secrets: [{ secretSource: { name: 'word' }, mountPath: '/keys' }], ...more } }, ...spec });

    beforeAll(async () => {
      await pushCustomBuilder(registry, `${namespace}/custom`);
      await apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'word' }, stringData: { word: 'sesame' } });
    });

    test("is a pod of the user's image, which pushes what it makes", async () => {
      await apply(stream('made'), custom('made', { env: [{ name: 'LEVEL', value: 'high' }] }));
      await start('made');
      const build = await ended('made-1');
      const text = await log('made-1');
      expect(text).toContain('building made-1 https://example.org/app.git main high sesame true');
      expect(build.status.phase).toBe('Complete');
      const done = await eventually('the stream shows it', async () => {
        const now = await platform.json<Build>('get', 'build', 'made-1');
        return stepsOf(now).every((step) => step.endsWith(' done')) ? now : undefined;
      });
      const { image } = await platform.json<ImageStreamTag>('get', 'imagestreamtag', 'made:latest');
      expect(text).toContain(`pushed ${image.metadata.name}`);
      expect(done.status.output?.to?.imageDigest).toBe(image.metadata.name);
      expect(image.dockerImageMetadata?.Config?.Labels).toEqual({ made: 'by hand', source: 'https://example.org/app.git' });
      expect(await platform.kube('get', 'pod', 'made-1-build', '-o', 'jsonpath={.spec.containers[0].name} {.spec.containers[0].securityContext}')).toBe('custom-build ');
    });

    test('one that fails shows its last words', async () => {
      await apply(stream('unmade'), custom('unmade', { env: [{ name: 'LEVEL', value: 'fail' }] }));
      await start('unmade');
      const build = await ended('unmade-1');
      expect(build.status).toMatchObject({ phase: 'Failed', reason: 'GenericBuildFailed', logSnippet: expect.stringContaining('no compiler here') as string });
      expect(stepsOf(build)).toEqual(['SourceLocation done', 'BuilderImage done', 'BuildInstantiated done', 'BuilderStarted done', 'CustomBuild failed', 'ImageStreamUpdated skipped']);
    });

    test('is given no Docker socket, and waits for a push secret that is not there yet', async () => {
      await expect(apply(stream('socket'), custom('socket', { exposeDockerSocket: true }))).rejects.toThrow(/exposeDockerSocket.*there is no Docker daemon/);
      await apply(stream('patient'), custom('patient', {}, { output: { to: { kind: 'ImageStreamTag', name: 'patient:latest' }, pushSecret: { name: 'later' } } }));
      await start('patient');
      const held = await eventually('it is held', async () => {
        const build = await platform.json<Build>('get', 'build', 'patient-1');
        return build.status.reason === undefined ? undefined : build;
      });
      expect(held.status).toMatchObject({ phase: 'New', reason: 'MissingPushSecret', message: expect.stringContaining('no secret "later"') as string });
    });
  });
});
