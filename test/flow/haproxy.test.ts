/** A platform whose routes HAProxy serves. */
import { cpSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, fetchRoute, Platform } from '../support/platform/platform.ts';
import { rolledUnderTls } from '../support/routing/tls-rollout.ts';
import { processesNaming } from '../support/platform/processes.ts';
import { homeLayout } from '../../src/protocol/home.ts';
import type { RunInfo } from '../../src/protocol/daemon.ts';

describe('--router haproxy', () => {
  let platform: Platform;
  let url: string;
  let folder: string;

  beforeAll(async () => {
    platform = new Platform();
    await platform.up(['--router', 'haproxy']);
    folder = path.join((JSON.parse(readFileSync(path.join(platform.home, 'run.json'), 'utf8')) as RunInfo).runDirectory, 'haproxy');
    const source = path.join(platform.user.home, 'static-hello');
    cpSync('test/fixtures/apps/static-hello', source, { recursive: true });
    const { stdout } = await platform.run(['new-app', source], { timeoutMs: 120_000 });
    url = /^url (\S+)$/m.exec(stdout)?.[1] ?? '';
  });
  afterAll(() => platform?.dispose());

  const haproxies = () => processesNaming(folder).filter(({ command }) => /haproxy -db/.test(command));
  const answers = () => eventually('the app answers', async () => {
    const answer = await fetchRoute(url).catch(() => undefined);
    return answer?.status === 200 ? answer.body : undefined;
  });

  test('serves an app at its URL', async () => {
    expect(await answers()).toContain('Hello');
    expect(haproxies().length).toBeGreaterThan(0);
  });

  test('endpoints come and go without another program', async () => {
    const program = () => haproxies().map(({ pid }) => pid).sort();
    const before = await eventually('one program is left', () => Promise.resolve(program().length === 1 ? program() : undefined));
    await platform.kube('scale', 'deploymentconfig/static-hello', '--replicas=0');
    await eventually('nobody answers', async () => ((await platform.kube('get', 'endpoints', 'static-hello', '-o', 'jsonpath={.subsets}')) === '' ? true : undefined));
    await platform.kube('scale', 'deploymentconfig/static-hello', '--replicas=1');
    expect(await answers()).toContain('Hello');
    expect(program()).toEqual(before);
  });

  test('requests, WebSockets and gRPC streams through edge, reencrypt and passthrough outlast a rollout', () => rolledUnderTls(platform));

  test('an app that sleeps is woken by a request, which waits', async () => {
    expect(await platform.run(['idle', 'static-hello'])).toMatchObject({ code: 0 });
    await eventually('its pods are gone', async () => ((await platform.kube('get', 'pods', '-l', 'deploymentconfig=static-hello', '-o', 'name')) === '' ? true : undefined));
    expect((await fetchRoute(url, { timeoutMs: 60_000 })).body).toContain('Hello');
  });

  test('each request is in the log when it is asked for', async () => {
    await platform.kube('annotate', '--namespace', 'default', 'service/router', 'slipway.dev/access-log=true');
    const file = path.join(platform.home, homeLayout.logs, 'access.log');
    const line = await eventually('a request is in the log', async () => {
      await answers();
      return existsSync(file) ? (readFileSync(file, 'utf8').split('\n')[0] || undefined) : undefined;
    });
    expect(JSON.parse(line)).toMatchObject({ client: '127.0.0.1', protocol: 'HTTP/1.1', method: 'GET', path: '/', status: 200, route: 'default/static-hello', service: 'default/static-hello' });
  });

  test.each(['haproxy', 'worker'])('a killed %s is followed by another', async (who) => {
    const before = haproxies().map(({ pid }) => pid);
    const killed = who === 'haproxy' ? before : processesNaming(folder).filter(({ command }) => command.includes('haproxy-router.js')).map(({ pid }) => pid);
    for (const pid of killed) process.kill(pid, 'SIGKILL');
    await eventually('the old ones are gone', () => Promise.resolve(haproxies().some(({ pid }) => before.includes(pid)) ? undefined : true));
    expect(await answers()).toContain('Hello');
  });

  test('ends with the platform', async () => {
    await platform.down();
    await eventually('no program is left', () => Promise.resolve(processesNaming(folder).length === 0 ? true : undefined));
  });
});
