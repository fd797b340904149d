/** A Python program in a pod is debugged: what is missing is told, rolled out, and a breakpoint in the local file holds a request. Node.js is debugged in the editor's own tests. */
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deploymentConfigs } from '../../src/api/kinds/deployment-config.ts';
import { pods, type Pod } from '../../src/api/kinds/core.ts';
import { isPodReady } from '../../src/api/pod.ts';
import type { Connection } from '../../src/client/connection.ts';
import { debugConfiguration } from '../../src/extension/debug/debug-configuration.ts';
import { debugRollout, isDebugPod } from '../../src/extension/debug/debug-rollout.ts';
import { findDebuggees, openDebugger } from '../../src/extension/debug/pod-debugger.ts';
import { startPackageIndex, type PackageIndex } from '../support/build/package-index.ts';
import { DebugAdapter } from '../support/debug/debug-adapter.ts';
import { eventually, fetchRoute, Platform } from '../support/platform/platform.ts';

/** Debian's debugpy (package python3-debugpy) with what it imports, as pip would bring it. */
const debian = '/usr/lib/python3/dist-packages';
const parts = ['debugpy', 'bytecode'];

const app = 'python-hello';
const at = { namespace: 'default', name: app };
const signal = AbortSignal.timeout(170_000);
let platform: Platform;
let index: PackageIndex;
let connection: Connection;
let folder: string;
let url: string;

beforeAll(async () => {
  platform = new Platform();
  index = await startPackageIndex([], { host: '127.0.0.1' }, [{ name: 'debugpy', version: '1.6.6', files: Object.assign({}, ...parts.map((part) => filesIn(part))) as Record<string, string> }]);
  await platform.up(['--runtime', 'sandbox']);
  folder = path.join(platform.user.home, app);
  cpSync(`test/fixtures/apps/${app}`, folder, { recursive: true });
  const simple = index.pip.replace('127.0.0.1', 'host.slipway.internal');
  mkdirSync(path.join(folder, '.s2i'));
  writeFileSync(path.join(folder, '.s2i/environment'), `PIP_INDEX_URL=${simple}\nPIP_TRUSTED_HOST=host.slipway.internal\n`);
  platform.user.own(folder);
  await eventually('the builder', () => platform.kube('get', 'imagestreamtag', 'python:latest', '-n', 'openshift'));
  const created = await platform.run(['new-app', folder, '--name', app], { timeoutMs: 170_000 });
  url = /^url (\S+)$/m.exec(created.stdout)?.[1] ?? '';
  if (!url) throw new Error(`${created.stdout}${created.stderr}${platform.log()}`);
  connection = await platform.connection();
});
afterAll(async () => {
  await connection?.dispose();
  await platform?.dispose();
  await index?.close();
});

/** Python's sources under a folder, links followed. */
function filesIn(name: string): Record<string, string> {
  const place = path.join(debian, name);
  if (!statSync(place).isDirectory()) return name.endsWith('.py') ? { [name]: readFileSync(place, 'utf8') } : {};
  return Object.assign({}, ...readdirSync(place).map((leaf) => filesIn(`${name}/${leaf}`))) as Record<string, string>;
}

const runningPod = (fits: (pod: Pod) => boolean) => eventually('a pod', async () => {
  const { items } = await connection.client.list(pods, { namespace: at.namespace, labelSelector: `deploymentconfig=${app}` });
  return items.find((pod) => isPodReady(pod) && !pod.metadata.deletionTimestamp && fits(pod));
}, 90_000);
const containerOf = (pod: Pod) => ({ namespace: at.namespace, pod: pod.metadata.name, container: app });

test('a program without a debugger is found, and what it lacks is told', async () => {
  const where = containerOf(await runningPod(() => true));
  const [debuggee, ...others] = await findDebuggees(connection, where, undefined, signal);
  expect(others).toEqual([]);
  expect(debuggee).toMatchObject({ language: 'python', script: 'app.py', port: 5678, listening: false, process: { cwd: '/opt/app-root/src' } });
  if (debuggee) await expect(openDebugger(connection, where, debuggee, signal)).rejects.toMatchObject({ obstacle: 'NoDebugpy' });
});

test('rolled out with debugpy it is held at a breakpoint, and goes back to what it was', async () => {
  const config = await connection.client.get(deploymentConfigs, at);
  const rollout = debugRollout('debugpy', config.spec.template ?? {}, app);
  await connection.client.patch(deploymentConfigs, at, 'strategic', rollout?.patch);
  const where = containerOf(await runningPod((pod) => isDebugPod('debugpy', pod, app)));
  const debuggee = await eventually('debugpy', async () => (await findDebuggees(connection, where, undefined, signal)).find(({ listening }) => listening));
  await openDebugger(connection, where, debuggee, signal);

  const adapter = new DebugAdapter(await connection.dial({ ...where, port: debuggee.port }));
  const { pathMappings, justMyCode } = debugConfiguration({ debuggee, pod: where.pod, localPort: 0, folder, remoteRoot: debuggee.process.cwd });
  await adapter.ask('initialize', { adapterID: 'debugpy', pathFormat: 'path', linesStartAt1: true });
  const attached = adapter.ask('attach', { pathMappings, justMyCode });
  await adapter.event('initialized');
  const file = path.join(folder, 'app.py');
  const line = readFileSync(file, 'utf8').split('\n').findIndex((text) => text.includes('humanize(')) + 1;
  const { breakpoints } = await adapter.ask('setBreakpoints', { source: { path: file }, breakpoints: [{ line }] });
  expect(breakpoints).toMatchObject([{ verified: true, line }]);
  await adapter.ask('configurationDone');
  await attached;
  const answer = fetchRoute(url);
  const { threadId } = await adapter.event('stopped');
  const { stackFrames } = await adapter.ask('stackTrace', { threadId });
  expect((stackFrames as object[])[0]).toMatchObject({ name: 'do_GET', line, source: { path: file } });
  await adapter.ask('disconnect', { terminateDebuggee: false });
  adapter.close();
  expect((await answer).body).toContain('Hello from python-hello');

  await connection.client.patch(deploymentConfigs, at, 'strategic', rollout?.undo);
  await runningPod((pod) => !isDebugPod('debugpy', pod, app) && !pod.spec.initContainers?.length);
  // Lists that were emptied may stay, empty.
  const plain = (spec: unknown) => JSON.parse(JSON.stringify(spec, (_, value: unknown) => (Array.isArray(value) && value.length === 0 ? undefined : value))) as unknown;
  expect(plain((await connection.client.get(deploymentConfigs, at)).spec.template?.spec)).toEqual(plain(config.spec.template?.spec));
});
