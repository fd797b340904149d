/** Builds as users start and stop them: the command, raw requests with the bodies of `oc`, a webhook by curl; and a control plane killed in every phase. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Build, BuildConfig } from '../../../src/api/kinds/build.ts';
import type { RunInfo } from '../../../src/protocol/daemon.ts';
import { eventually, Platform } from '../../support/platform/platform.ts';
import { processesNaming } from '../../support/platform/processes.ts';

const platform = new Platform();
const site = path.join(platform.user.home, 'site');
const secret = 'a+secret/of=mine';
const waiting = '#!/bin/sh\necho assembling\ntouch /tmp/here\nsleep 600\n';

const config = (name: string, spec: Partial<BuildConfig['spec']> = {}) => ({
  apiVersion: 'build.openshift.io/v1', kind: 'BuildConfig', metadata: { name },
  spec: {
    source: { binary: {} }, strategy: { sourceStrategy: { from: { kind: 'ImageStreamTag', namespace: 'openshift', name: 'static:latest' } } },
    output: { to: { kind: 'ImageStreamTag', name: `${name}:latest` } }, triggers: [{ type: 'Generic', generic: { secret } }], ...spec,
  },
});
const stream = (name: string) => ({ apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name } });
const apply = async (...objects: object[]) => {
  const { code, stderr } = await platform.kubectl(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }) });
  if (code !== 0) throw new Error(stderr);
};
const build = (name: string) => platform.json<Build>('get', 'builds.build.openshift.io', name);
const inPhase = (name: string, ...phases: string[]) =>
  eventually(`${name} is ${phases.join(' or ')}`, async () => {
    const { status } = await build(name);
    return phases.includes(status.phase) ? status : undefined;
  }, 90_000);
const write = (folder: string, files: Record<string, string>) => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text, { mode: 0o755 });
  }
  if (platform.user.identity.uid !== undefined) execFileSync('chown', ['-R', `${platform.user.identity.uid}:${platform.user.identity.gid ?? 0}`, folder]);
};
const server = () => (JSON.parse(readFileSync(path.join(platform.home, 'run.json'), 'utf8')) as RunInfo & { server?: string });
const apiUrl = async () => (await platform.kube('config', 'view', '--minify', '--raw', '-o', 'jsonpath={.clusters[0].cluster.server}')).trim();

beforeAll(async () => {
  await platform.up(['--runtime', 'sandbox']);
  write(site, { 'index.html': '<p>hello</p>\n' });
  await eventually('the builder is there', async () => ((await platform.kubectl(['get', 'imagestreamtag', 'static:latest', '-n', 'openshift'])).code === 0 ? true : undefined), 90_000);
  await apply(stream('web'), config('web'));
});
afterAll(() => platform.dispose());

describe('slipway start-build', () => {
  test('from a folder, followed to its end', async () => {
    const { code, stdout, stderr } = await platform.run(['start-build', 'web', '--from-dir', site, '--follow'], { timeoutMs: 90_000 });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^build web-1 started\n/);
    expect(stdout).not.toContain('::slipway');
    expect((await build('web-1')).status.phase).toBe('Complete');
  });

  test('from a commit of a repository, waited for: the build knows the commit', async () => {
    const repository = path.join(platform.user.home, 'repository');
    write(repository, { 'index.html': '<p>committed</p>\n' });
    const git = (...args: string[]) => execFileSync('git', ['-C', repository, '-c', 'safe.directory=*', '-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args], { ...platform.user.identity, env: platform.environment() }).toString().trim();
    git('init', '-q', '-b', 'main');
    git('add', '.');
    git('commit', '-q', '-m', 'Say hello');
    const commit = git('rev-parse', 'HEAD');
    const { code, stdout } = await platform.run(['start-build', 'bc/web', '--from-repo', repository, '--commit', 'main', '--wait'], { timeoutMs: 90_000 });
    expect([code, stdout.split('\n').slice(0, 2)]).toEqual([0, [`commit ${commit.slice(0, 12)} Say hello`, 'build web-2 started']]);
    expect((await build('web-2')).spec.revision).toEqual({ type: 'Git', git: { commit, message: 'Say hello', author: { name: 'Ada', email: 'ada@example.org' }, committer: { name: 'Ada', email: 'ada@example.org' } } });
  });

  test('a failed build: exit code 1, and why', async () => {
    write(path.join(platform.user.home, 'broken'), { 'index.html': 'x', '.s2i/bin/assemble': '#!/bin/sh\necho no such thing >&2\nexit 4\n' });
    const { code, stdout, stderr } = await platform.run(['start-build', 'web', '--from-dir', path.join(platform.user.home, 'broken'), '--follow'], { timeoutMs: 90_000 });
    expect([code, stderr]).toEqual([1, 'build web-3 failed: Assemble script failed: exit code 4.\n']);
    expect(stdout).toContain('no such thing');
  });

  test('a webhook, by the command and by curl, without credentials; no log holds its secret', async () => {
    await apply(stream('file'), config('file', { source: { dockerfile: 'FROM scratch\n' }, strategy: { dockerStrategy: {} } }));
    const url = `${await apiUrl()}/apis/build.openshift.io/v1/namespaces/default/buildconfigs/file/webhooks/${encodeURIComponent(secret)}/generic`;
    const command = await platform.run(['start-build', '--from-webhook', url, '--build-arg', 'A=1']);
    expect(command).toMatchObject({ code: 0, stdout: 'build file-1 started\n', stderr: '' });
    expect((await build('file-1')).spec.strategy.dockerStrategy?.buildArgs).toEqual([{ name: 'A', value: '1' }]);
    const curl = (at: string) => JSON.parse(spawnSync('curl', ['-sk', '-X', 'POST', at], { encoding: 'utf8' }).stdout) as { kind: string; metadata?: { name: string }; code?: number };
    expect(curl(url)).toMatchObject({ kind: 'Build', metadata: { name: 'file-2' } });
    expect(curl(url.replace('/generic', '/github'))).toMatchObject({ kind: 'Status', code: 401 });
    const refused = await platform.run(['start-build', '--from-webhook', url.replace('buildconfigs/file', 'buildconfigs/nothing')]);
    expect([refused.code, refused.stderr.includes('did not accept your secret'), refused.stderr.includes('of%3Dmine')]).toEqual([1, true, false]);
    const logs = path.join(platform.home, 'log');
    for (const name of readdirSync(logs)) for (const form of [secret, encodeURIComponent(secret)]) expect([name, readFileSync(path.join(logs, name), 'utf8').includes(form)]).toEqual([name, false]);
    await platform.run(['cancel-build', 'bc/file']);
  });

  test.each<[string, string[], RegExp]>([
    ['two sources', ['web', '--from-dir', '.', '--from-file', 'x'], /do not go together/],
    ['variables of an upload', ['web', '--from-dir', '.', '-e', 'A=1'], /--env does not go with --from-dir/],
    ['no config', [], /Name a build config/],
    ['a folder that is not there', ['web', '--from-dir', '/nowhere'], /There is no folder "\/nowhere"/],
    ['a folder as a file', ['web', '--from-file', '/tmp'], /send a folder with --from-dir/],
    ['no repository', ['web', '--from-repo', '/tmp'], /"\/tmp" has no commit "HEAD"/],
    ['no webhook', ['--from-webhook', 'ftp://x'], /takes the URL of a generic webhook/],
    ['a config that is not there', ['nothing'], /buildconfigs.build.openshift.io "nothing" not found/],
    ['a half pair', ['web', '--build-arg', 'X'], /--build-arg takes NAME=VALUE, not "X"/],
  ])('refused: %s', async (_, args, why) => {
    const { code, stderr } = await platform.run(['start-build', ...args]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(why);
  });
});

describe('slipway cancel-build', () => {
  const slow = path.join(platform.user.home, 'slow');

  test('a running one and those that wait, by state; nothing stays behind', async () => {
    write(slow, { 'index.html': 'x', '.s2i/bin/assemble': waiting });
    await apply(stream('slow'), config('slow'));
    for (let at = 0; at < 3; at++) expect((await platform.run(['start-build', 'slow', '--from-dir', slow])).code).toBe(0);
    await inPhase('slow-1', 'Running');
    expect((await platform.run(['cancel-build', 'bc/slow', '--state', 'new'])).stdout.split('\n').sort()).toEqual(['', 'build slow-2 cancelled', 'build slow-3 cancelled']);
    expect(await platform.run(['cancel-build', 'slow-1'])).toMatchObject({ code: 0, stdout: 'build slow-1 cancelled\n' });
    expect((await platform.run(['cancel-build', 'slow'])).stdout).toBe('nothing to cancel: there is no build\n');
    expect((await platform.run(['cancel-build', 'slow-1'])).stdout).toBe('nothing to cancel: slow-1 is Cancelled\n');
    expect((await platform.run(['cancel-build', 'slow', '--state', 'done'])).stderr).toMatch(/takes new, pending and running, not "done"/);
    expect((await platform.run(['cancel-build', 'nobody'])).stderr).toMatch(/There is no build "nobody"/);
    await eventually('its pod is gone', async () => ((await platform.kubectl(['get', 'pod', 'slow-1-build'])).code !== 0 ? true : undefined));
    await eventually('nothing of it runs', async () => (processesNaming('sleep 600').length === 0 ? true : undefined));
    expect(readdirSync(path.join(platform.home, 'cache/builds')).filter((name) => name.endsWith('.input'))).toEqual([]);
  });
});

describe('requests as oc sends them', () => {
  const base = '/apis/build.openshift.io/v1/namespaces/default';

  test('start-build, --from-build, logs, cancel-build', async () => {
    const { connection, raw } = await client();
    try {
      const request = { kind: 'BuildRequest', apiVersion: 'build.openshift.io/v1', metadata: { name: 'file', creationTimestamp: null }, triggeredBy: [{ message: 'Manually triggered' }], dockerStrategyOptions: {}, sourceStrategyOptions: {}, env: [{ name: 'A', value: '1' }] };
      const started = (await raw('POST', `${base}/buildconfigs/file/instantiate`, request)) as Build;
      expect(started).toMatchObject({ kind: 'Build', metadata: { name: 'file-3' }, spec: { strategy: { dockerStrategy: { env: [{ name: 'A', value: '1' }] } } } });
      const again = (await raw('POST', `${base}/builds/file-3/clone`, { ...request, metadata: { name: 'file-3', creationTimestamp: null } })) as Build;
      expect(again.metadata).toMatchObject({ name: 'file-4', annotations: { 'openshift.io/build.clone-of': 'file-3' } });
      for (const name of ['file-3', 'file-4']) await inPhase(name, 'Complete', 'Failed');
      expect(await raw('GET', `${base}/builds/file-4/log?follow=true`)).toEqual(expect.any(String));
      expect(await raw('GET', `${base}/builds/file-4/log?previous=true`)).toEqual(await raw('GET', `${base}/builds/file-3/log`));
      await expect(raw('GET', `${base}/builds/file-4/log?version=0`)).rejects.toMatchObject({ code: 422, message: expect.stringContaining('build version must be greater than 0') as string });
      await expect(raw('GET', `${base}/builds/file-4/log?version=1&previous=true`)).rejects.toMatchObject({ code: 422, message: expect.stringContaining('cannot use previous when a version is specified') as string });
      await expect(raw('GET', `${base}/builds/slow-1/log`)).rejects.toMatchObject({ code: 400, message: 'build slow-1 was cancelled. No logs are available.' });
      const held = (await raw('POST', `${base}/buildconfigs/file/instantiate`, { ...request, from: { kind: 'ImageStreamTag', name: 'nothing:latest' } })) as Build;
      expect(await raw('GET', `${base}/builds/${held.metadata.name}/log?nowait=true`) ?? '').toBe('');
      const current = await build(held.metadata.name);
      const put = (await raw('PUT', `${base}/builds/${held.metadata.name}`, { ...current, status: { ...current.status, cancelled: true } })) as Build;
      expect(put.status.cancelled).toBe(true);
      await inPhase(held.metadata.name, 'Cancelled');
    } finally {
      await connection.dispose();
    }
  });

  test('deleting a config takes its builds and their pods along; orphaned ones stay', async () => {
    await apply(config('kept', { source: { dockerfile: 'FROM scratch\n' }, strategy: { dockerStrategy: {} } }), stream('kept'));
    expect((await platform.run(['start-build', 'kept', '--wait'], { timeoutMs: 90_000 })).stdout).toMatch(/^build kept-1 started/);
    await platform.kube('delete', 'bc', 'kept', '--cascade=orphan');
    await platform.kube('delete', 'bc', 'file');
    await eventually('the builds of the other one are gone', async () => {
      const left = (await platform.kube('get', 'builds,pods', '-o', 'name')).split('\n').filter((one) => one.includes('/file-'));
      return left.length === 0 ? true : undefined;
    });
    expect((await build('kept-1')).metadata.ownerReferences ?? []).toEqual([]);
  });
});

test('the control plane killed while builds are New, Pending, Running and done: each goes on or ends truthfully', async () => {
  const slow = path.join(platform.user.home, 'waits');
  write(slow, { 'index.html': 'x', '.s2i/bin/assemble': '#!/bin/sh\necho before\nsleep 5\necho after\n' });
  for (const name of ['phases', 'never']) await apply(stream(name), config(name));
  await apply(config('unplaced', { nodeSelector: { nowhere: 'true' } }), stream('unplaced'));
  for (let at = 0; at < 2; at++) expect((await platform.run(['start-build', 'phases', '--from-dir', slow])).code).toBe(0);
  expect((await platform.run(['start-build', 'unplaced', '--from-dir', slow])).code).toBe(0);
  await inPhase('phases-1', 'Running');
  await inPhase('unplaced-1', 'Pending');
  expect((await build('phases-2')).status.phase).toBe('New');
  process.kill(server().pid, 'SIGKILL');
  await eventually('it is gone', async () => ((await platform.run(['status'])).code === 1 ? true : undefined));
  await platform.up(['--runtime', 'sandbox']);
  expect((await build('web-1')).status.phase).toBe('Complete');
  expect((await build('unplaced-1')).status.phase).toBe('Pending');
  const first = await inPhase('phases-1', 'Complete', 'Failed', 'Error');
  expect([first.phase, first.reason]).toEqual(['Complete', undefined]);
  await inPhase('phases-2', 'Complete');
  expect((await platform.run(['cancel-build', 'unplaced-1'])).stdout).toBe('build unplaced-1 cancelled\n');
  expect((await platform.run(['start-build', 'phases', '--from-dir', site, '--wait'], { timeoutMs: 90_000 })).stdout).toMatch(/^build phases-3 started/);
});

async function client() {
  const connection = await platform.connection();
  return { connection, raw: (method: 'GET' | 'POST' | 'PUT', to: string, body?: unknown) => connection.client.raw(method, to, body) };
}
