/** A window that was started with an older package: the platform outlives the folder it came from, a newer one connects to it. */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { refusedExitCode, type RunInfo } from '../../src/protocol/daemon.ts';
import { eventually, fetchRoute, Platform } from '../support/platform/platform.ts';
import { ordinaryUser } from '../support/platform/ordinary-user.ts';

const running = (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version;
const newerVersion = '99.0.0';
const urlOf = (stdout: string) => /^url (\S+)$/m.exec(stdout)?.[1] ?? '';

let older: Platform;
let newer: Platform;
let source: string;

/** A copy of the package as an installer would lay it beside: other bundles, another version. */
function copyOf(bundles: string, to: string, version: string): string {
  cpSync(bundles, to, { recursive: true });
  for (const name of ['slipway.js', 'control-plane.js']) {
    const file = path.join(to, name);
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(JSON.stringify(running), JSON.stringify(version)));
  }
  return to;
}

beforeAll(async () => {
  const user = ordinaryUser();
  const home = path.join(user.home, 'slipway');
  older = new Platform({ ...user, bundles: copyOf(user.bundles, path.join(user.home, 'older'), running) }, home);
  newer = new Platform({ ...user, bundles: copyOf(user.bundles, path.join(user.home, 'newer'), newerVersion) }, home);
  source = path.join(user.home, 'static-hello');
  cpSync('test/fixtures/apps/static-hello', source, { recursive: true });
  user.own(user.home);
  await older.up();
});
afterAll(async () => {
  await newer?.dispose();
});

test('the package is deleted under the running platform: apps answer, builds work', async () => {
  const first = await older.run(['new-app', source, '--name', 'before'], { timeoutMs: 120_000 });
  expect(first.code, first.stdout + first.stderr).toBe(0);
  rmSync(older.user.bundles, { recursive: true });
  expect((await fetchRoute(urlOf(first.stdout))).body).toContain('Hello from static-hello');

  const second = await newer.run(['new-app', source, '--name', 'after'], { timeoutMs: 120_000 });
  expect(second.code, second.stdout + second.stderr + newer.log()).toBe(0);
  expect((await fetchRoute(urlOf(second.stdout))).body).toContain('Hello from static-hello');
});

test('a newer package sees the version that runs, and leaves it alone', async () => {
  expect(await newer.status()).toMatchObject({ state: 'running', version: running });
  const { bundles, pid } = JSON.parse(readFileSync(path.join(newer.home, 'run.json'), 'utf8')) as RunInfo;
  expect(bundles.startsWith(path.join(newer.home, 'versions'))).toBe(true);
  expect((await newer.run(['up', '--detach'])).code).toBe(refusedExitCode);
  expect((JSON.parse(readFileSync(path.join(newer.home, 'run.json'), 'utf8')) as RunInfo).pid).toBe(pid);
});

test('after a restart the newer one runs, with every app', async () => {
  await newer.down();
  expect(await newer.status()).toMatchObject({ state: 'stopped', version: newerVersion });
  await newer.up();
  expect(await newer.status()).toMatchObject({ state: 'running', version: newerVersion });
  const port = new URL((await newer.status()).router?.http ?? '').port;
  for (const name of ['before', 'after'])
    await eventually(`"${name}" answers`, async () => ((await fetchRoute(`http://${name}-default.apps.localhost:${port}/`)).body.includes('Hello from static-hello') ? true : undefined), 90_000);
});
