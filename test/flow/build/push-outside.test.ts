/** Builds whose result goes to a registry outside: with the secret that is named, the one found at the service account, and none. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Build } from '../../../src/api/kinds/build.ts';
import { eventually, Platform } from '../../support/platform/platform.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';

const platform = new Platform();
const site = path.join(platform.user.home, 'site');
let registry: TestRegistry;

beforeAll(async () => {
  registry = await startRegistry({ directory: path.join(platform.user.home, 'outside') });
  // Plain processes share this machine's loopback, where the registry listens.
  await platform.up(['--runtime', 'process']);
  mkdirSync(site, { recursive: true });
  writeFileSync(path.join(site, 'index.html'), '<p>hello</p>\n');
  // Images on this machine's own toolchain go nowhere else: this one stands on nothing.
  writeFileSync(path.join(site, 'Dockerfile'), 'FROM scratch\nCOPY index.html /\n');
  await eventually('the builder is there', async () => ((await platform.kubectl(['get', 'imagestreamtag', 'static:latest', '-n', 'openshift'])).code === 0 ? true : undefined), 90_000);
});
afterAll(async () => {
  await platform.dispose();
  await registry.close();
});

test('the push secret: none, found, named', async () => {
  const config = (more: object = {}) => ({
    apiVersion: 'build.openshift.io/v1', kind: 'BuildConfig', metadata: { name: 'web' },
    spec: { source: { binary: {} }, strategy: { dockerStrategy: {} }, output: { to: { kind: 'DockerImage', name: `127.0.0.1:${registry.port}/demo/web:1` }, imageLabels: [{ name: 'team', value: 'a' }], ...more } },
  });
  const apply = (object: object) => platform.kubectl(['apply', '-f', '-'], { input: JSON.stringify(object) });
  const start = () => platform.run(['start-build', 'web', '--from-dir', site, '--wait'], { timeoutMs: 90_000 });
  const build = (name: string) => platform.json<Build>('get', 'builds.build.openshift.io', name);
  await apply(config());
  expect((await start()).code).toBe(1);
  expect((await build('web-1')).status).toMatchObject({ phase: 'Failed', reason: 'PushImageToRegistryFailed' });

  await platform.kube('create', 'secret', 'docker-registry', 'outside', `--docker-server=127.0.0.1:${registry.port}`, '--docker-username=x', '--docker-password=builder');
  await platform.kube('patch', 'serviceaccount', 'builder', '-p', JSON.stringify({ secrets: [{ name: 'outside' }] }));
  expect((await start()).stdout).toContain('build web-2 complete');
  const found = await build('web-2');
  expect(found).toMatchObject({ spec: { output: { pushSecret: { name: 'outside' } } }, status: { outputDockerImageReference: `127.0.0.1:${registry.port}/demo/web:1` } });
  expect(await registry.streams.resolve({ namespace: 'demo', name: 'web' } as never, '1')).toBe(found.status.output?.to?.imageDigest);

  await platform.kube('patch', 'serviceaccount', 'builder', '--type=json', '-p', '[{"op":"remove","path":"/secrets"}]').catch(() => '');
  await apply(config({ pushSecret: { name: 'later' } }));
  const waiting = platform.run(['start-build', 'web', '--from-dir', site, '--wait'], { timeoutMs: 90_000 });
  await eventually('it says what is missing', async () => ((await build('web-3')).status.reason === 'MissingPushSecret' ? true : undefined));
  await platform.kube('create', 'secret', 'docker-registry', 'later', `--docker-server=127.0.0.1:${registry.port}`, '--docker-username=x', '--docker-password=builder');
  expect((await waiting).stdout).toContain('build web-3 complete');
});

test('a deadline ends a build that goes on for too long', async () => {
  const slow = path.join(platform.user.home, 'slow');
  mkdirSync(path.join(slow, '.s2i/bin'), { recursive: true });
  writeFileSync(path.join(slow, '.s2i/bin/assemble'), '#!/bin/sh\nsleep 300\n', { mode: 0o755 });
  await platform.kubectl(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'build.openshift.io/v1', kind: 'BuildConfig', metadata: { name: 'slow' }, spec: { source: { binary: {} }, strategy: { sourceStrategy: { from: { kind: 'ImageStreamTag', namespace: 'openshift', name: 'static:latest' } } }, completionDeadlineSeconds: 2 } }) });
  const { code, stdout } = await platform.run(['start-build', 'slow', '--from-dir', slow, '--wait'], { timeoutMs: 90_000 });
  expect([code, stdout]).toEqual([1, expect.stringContaining('ran longer than its completionDeadlineSeconds (2)')]);
});
