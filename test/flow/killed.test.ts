/** kill -9 of the parts that run apps (of the agent: test/support/drivers): no container notices, no line of a log is lost, the next start finds everything again. */
import { once } from 'node:events';
import { existsSync, readFileSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTimeOf } from '../../src/agent/runtime/procfs.ts';
import type { RunInfo } from '../../src/protocol/daemon.ts';
import { lastingPort } from '../support/free-port.ts';
import { eventually, fetchRoute, Platform } from '../support/platform/platform.ts';
import { familyOf, processesNaming } from '../support/platform/processes.ts';
import { manifestOf, webPod, webService } from '../support/platform/web-pod.ts';

describe.each(['sandbox', 'process'])('--runtime %s', (runtime) => {
  let platform: Platform;
  let id: string;
  let url: string;
  let httpPort: string;
  const idOf = () => platform.kube('get', 'pod', 'counter', '-o', 'jsonpath={.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}');
  const countTo = (least: number) => eventually(`the log reaches ${least}`, async () => {
    const counts = [...(await platform.kube('logs', 'counter')).matchAll(/^count (\d+)$/gm)].map(([, count]) => Number(count));
    return (counts.at(-1) ?? 0) >= least ? counts : undefined;
  });
  const runInfo = () => JSON.parse(readFileSync(path.join(platform.home, 'run.json'), 'utf8')) as RunInfo;
  const undisturbed = async () => {
    const last = (await countTo(0)).at(-1) ?? 0;
    const counts = await countTo(last + 50);
    expect(counts).toEqual(counts.map((_, index) => index));
    expect(await idOf()).toBe(id);
    await eventually('the route answers', async () => ((await fetchRoute(url)).status === 200 ? true : undefined));
  };

  beforeAll(async () => {
    platform = new Platform();
    // One that no other platform of this machine takes while ours is down.
    httpPort = String(await lastingPort());
    await platform.up(['--runtime', runtime, '--http-port', httpPort]);
    const route = { apiVersion: 'route.openshift.io/v1', kind: 'Route', metadata: { name: 'counter' }, spec: { to: { kind: 'Service', name: 'counter' } } };
    await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(webPod('counter', { env: { COUNT_EVERY: '20' } }), webService('counter'), route) });
    await platform.kube('wait', '--for=condition=Ready', 'pod/counter', '--timeout=60s');
    id = await idOf();
    url = `http://counter-default.apps.localhost:${new URL((await platform.status()).router?.http ?? '').port}/`;
  });
  afterAll(() => platform?.dispose());

  test('the router: connections wait for the next one', async () => {
    const { pid } = runInfo();
    const router = familyOf([pid]).find(({ command }) => command === 'slipway-router');
    process.kill(router?.pid ?? 0, 'SIGKILL');
    expect((await fetchRoute(url)).status).toBe(200);
  });

  test.each([
    ['while its router hangs', false],
    ['just after it had started a router, which hangs, and an agent', true],
  ])('the control plane, %s: apps go on, the next start finds them on the same port', async (_, unnoted) => {
    const { pid, runDirectory } = runInfo();
    const family = familyOf([pid]);
    const router = family.find(({ command }) => command === 'slipway-router')?.pid ?? 0;
    const agent = family.find(({ command }) => /agent\.js/.test(command) && !/nsenter/.test(command))?.pid ?? 0;
    process.kill(router, 'SIGSTOP');
    await platform.kube('create', 'configmap', unnoted ? 'also' : 'acknowledged', '--from-literal=kept=yes');
    process.kill(pid, 'SIGKILL');
    // As if there had been no time to note what was started.
    if (unnoted) for (const file of [path.join(runDirectory, 'router.json'), path.join(platform.home, 'nodes', 'node-1', 'agent.json')]) truncateSync(file);
    await eventually('it is gone', async () => ((await platform.run(['status'])).code === 1 ? true : undefined));
    expect((await platform.run(['get', 'pods'])).stderr).toMatch(/cannot be reached[^]*slipway up/);
    await platform.up(['--runtime', runtime, '--http-port', httpPort]);
    expect([router, agent].map(startTimeOf)).toEqual([undefined, undefined]);
    expect(await platform.kube('get', 'cm', 'acknowledged', '-o', 'jsonpath={.data.kept}')).toBe('yes');
    await undisturbed();
    expect(await platform.kube('get', 'nodes', '--no-headers')).toMatch(/^node-1 +Ready /);
  });

  test('the control plane, and nobody starts it again: stopping ends the apps all the same', async () => {
    const { pid, runDirectory } = runInfo();
    const holder = runtime === 'sandbox' ? (JSON.parse(readFileSync(path.join(runDirectory, 'holder.json'), 'utf8')) as { init: { pid: number } }).init.pid : undefined;
    const apps = () => processesNaming("setInterval(() => console.log('count '").filter(({ command }) => command.startsWith('node')).map((one) => one.pid);
    const before = apps();
    expect(before.length).toBeGreaterThan(0);
    process.kill(pid, 'SIGKILL');
    await eventually('its end is told', async () => ((await platform.status()).state === 'failed' ? true : undefined));
    const result = await platform.run(['down'], { timeoutMs: 60_000 });
    expect(result.stdout).toBe(`stopped ${platform.home}\n`);
    await eventually('nothing of the home runs', async () => (processesNaming(platform.home).length === 0 ? true : undefined));
    // Whoever inherited them may be slow to take note of their end.
    await eventually('the apps are gone', async () => ([...before, ...(holder === undefined ? [] : [holder])].some((one) => startTimeOf(one) !== undefined) ? undefined : true));
    expect((await platform.run(['down'])).stdout).toBe(`nothing runs on ${platform.home}\n`);
  });
});

test.each(['SIGTERM', 'SIGKILL'] as const)('a start that is given up half-way (%s) leaves nothing', async (signal) => {
  const platform = new Platform();
  const child = platform.spawn(['up', '--runtime', 'sandbox'], { stdio: 'ignore' });
  const holder = await eventually('the machine holder is there', async () => familyOf([child.pid ?? 0]).find(({ command }) => /^unshare -(?:Urnmpf|nmpf) /.test(command))?.pid);
  child.kill(signal);
  await once(child, 'exit');
  await eventually('nothing runs', async () => (processesNaming(platform.home).length === 0 && !existsSync(`/proc/${holder}`) ? true : undefined));
  platform.user.dispose();
});

test('a start can be stopped from elsewhere', async () => {
  const platform = new Platform();
  const start = platform.run(['up', '--detach', '--runtime', 'sandbox']);
  await eventually('it starts', async () => ((await platform.status()).state === 'starting' ? true : undefined));
  const stopped = await platform.run(['down']);
  expect(stopped.stdout).toBe(`stopped ${platform.home}\n`);
  expect((await platform.status()).state).toBe('stopped');
  const { code, stdout, stderr } = await start;
  // The start may have been through just before it was stopped.
  expect([stdout.startsWith('ready '), code, stderr]).toEqual(code === 0 ? [true, 0, ''] : [false, 3, 'The start was stopped.\n']);
  expect(processesNaming(platform.home)).toEqual([]);
  platform.user.dispose();
});
