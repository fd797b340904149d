/** What only the process driver does: images without a root of their own, ports and volumes by rule, an end for everything. The contract is in drivers.test.ts. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endAllProcesses } from '../../../src/agent/runtime/process/end-all.ts';
import { markedProcesses } from '../../../src/agent/runtime/process/process-tree.ts';
import type { ContainerConfig, ContainerStatus, ImageInfo, PodSandbox } from '../../../src/agent/runtime/runtime.ts';
import { imageMarks } from '../../../src/api/kinds/image.ts';
import { registryClient } from '../../../src/oci/registry-client.ts';
import type { ShimStatus } from '../../../src/protocol/shim.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { link, pushImage, type TestLayer } from '../../support/sandbox/images.ts';
import { startMachine, type Machine } from '../../support/sandbox/machine.ts';
import { startPod, type TestPod } from '../../support/sandbox/pods.ts';
import type { RemoteError } from '../../support/sandbox/rpc.ts';
import type { ExecResult } from '../../support/sandbox/runtime-methods.ts';

const application = `
require('node:http').createServer((request, response) => response.end(JSON.stringify({ cwd: process.cwd(), file: __filename, env: process.env })))
  .listen(Number(process.env.PORT), process.env.HOST, () => console.log('listening'));
process.on('SIGTERM', () => { console.log('ends'); process.exit(0); });
`;

let machine: Machine;
let registry: TestRegistry;
let scratch: string;
let image: string;

const auth = { username: 'x', password: 'builder' };

/** Answers the reference of an image with one layer. */
async function publish(name: string, layer: TestLayer, labels: Record<string, string>): Promise<string> {
  const client = registryClient({ baseUrl: registry.url, ca: registry.ca, auth });
  const env = Object.entries({ PATH: '/opt/s2i/bin:/usr/bin:/bin', HOME: '/opt/app-root/src', APP_ROOT: '/opt/app-root' }).map(([key, value]) => ({ name: key, value }));
  await pushImage(client, `demo/${name}`, 'latest', scratch, [layer], { env, labels, cmd: ['/opt/s2i/run'], user: '1001', workingDir: '/opt/app-root/src', exposedPorts: ['8080/tcp'] });
  client.close();
  return `docker-registry.default.svc:5000/demo/${name}:latest`;
}

/** A pod of the application, on its own command unless told otherwise. */
const start = async (change: Partial<ContainerConfig> = {}): Promise<TestPod> => startPod(machine, { imageId: image, ...change });
const logged = (pod: TestPod, text: string) => machine.agent(1, 'logged', pod.container, text);
const asked = async (pod: TestPod): Promise<{ cwd: string; file: string; env: Record<string, string> }> => {
  const answer = await machine.agent<string>(1, 'http', pod.pod.id, 8080);
  return JSON.parse(answer.slice(answer.indexOf('{'))) as { cwd: string; file: string; env: Record<string, string> };
};
const folderOf = (container: string) => join(machine.directory, 'nodes/node-1/runtime/containers', container);
const alive = async (container: string) => (await markedProcesses()).get(container) ?? [];
const none = async (container: string) => {
  for (const end = Date.now() + 10_000; (await alive(container)).length > 0; ) if (Date.now() > end) throw new Error(`processes of ${container} live on: ${String(await alive(container))}`);
};

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'slipway-process-'));
  machine = await startMachine('process');
  const socketPath = join(machine.directory, 'run/registry.sock');
  registry = await startRegistry({ directory: join(scratch, 'registry'), tls: true, socketPath });
  // The machine belongs to another user where the tests run as root.
  chmodSync(socketPath, 0o777);
  writeFileSync(join(machine.directory, 'ca.pem'), registry.ca);
  await machine.startAgent(1);
  const reference = await publish('web', {
    'opt/app-root/src/server.js': application,
    'opt/app-root/etc/start.sh': 'exec node server.js\n',
    'opt/s2i/run': readFileSync('src/controlplane/catalog/builders/nodejs/run.sh', 'utf8'),
    'opt/s2i/common.sh': readFileSync('src/controlplane/catalog/builders/common.sh', 'utf8'),
    'opt/s2i/bin/node': link(join(machine.bundles, 'node')),
  }, { [imageMarks.base]: 'host', [imageMarks.hostPaths]: '[]' });
  image = (await machine.agent<ImageInfo>(1, 'pull', reference, auth)).id;
});
afterAll(async () => {
  await endAllProcesses(join(machine.directory, 'nodes/node-1/runtime'));
  await machine?.stop();
  await registry?.close();
  rmSync(scratch, { recursive: true, force: true });
});

describe('an image of a host builder', () => {
  test('runs in a folder of its own, on the port it was given', async () => {
    const [one, other] = await Promise.all([start({ env: [{ name: 'PORT', value: '8080' }] }), start()]);
    await Promise.all([logged(one, 'listening'), logged(other, 'listening')]);
    const [first, second] = [await asked(one), await asked(other)];
    const root = join(folderOf(one.container), 'root');
    expect(first).toMatchObject({ cwd: join(root, 'opt/app-root/src'), file: join(root, 'opt/app-root/src/server.js'), env: { HOST: '127.0.0.1', PORT: String(one.pod.portMap![8080]), APP_ROOT: join(root, 'opt/app-root'), HOSTNAME: one.pod.config.hostname } });
    expect(second.env.PORT).toBe(String(other.pod.portMap![8080]));
    expect(second.file).not.toBe(first.file);
    await machine.agent(1, 'stop', one.container, 10);
    expect(one.lines()).toEqual(['listening', 'ends']);
    for (const { pod } of [one, other]) await machine.agent(1, 'removePod', pod.id);
  });

  test('is executed into with its own variables and paths', async () => {
    const pod = await start();
    const { stdout } = await machine.agent<ExecResult>(1, 'exec', pod.container, ['sh', '-c', 'echo $PORT; ls /opt/app-root/src; head -c 9 "$0"', '/opt/s2i/run']);
    expect(stdout).toBe(`${pod.pod.portMap![8080]}\nserver.js\n#!/bin/sh`);
    await machine.agent(1, 'removePod', pod.pod.id);
  });

  test('with a root file system of its own is refused, with what to do', async () => {
    const foreign = await publish('foreign', { 'bin/app': 'x' }, {});
    await expect(machine.agent(1, 'pull', foreign, auth)).rejects.toMatchObject({ reason: 'ErrImagePull', message: expect.stringContaining('--runtime sandbox') as string } satisfies Partial<RemoteError>);
  });
});

describe('volumes', () => {
  test('are where the application looks for them, and told by variables', async () => {
    const [data, settings] = ['data', 'settings'].map((name) => join(machine.directory, name));
    for (const folder of [data!, settings!]) mkdirSync(folder, { recursive: true });
    writeFileSync(join(settings!, 'a.txt'), 'setting\n');
    writeFileSync(join(data!, 'b.txt'), 'datum\n');
    const pod = await start({
      mounts: [{ hostPath: data!, containerPath: '/opt/app-root/src/data', readOnly: false, volume: 'data' }, { hostPath: settings!, containerPath: '/etc/settings', readOnly: true, volume: 'my-settings', movable: true }],
      command: ['sh', '-c', 'cat /opt/app-root/src/data/b.txt "$SLIPWAY_VOLUME_MY_SETTINGS/a.txt" "$SLIPWAY_MOUNTS/etc/settings/a.txt" "$0"', '/etc/settings/a.txt'],
    });
    expect(await machine.agent<ContainerStatus>(1, 'exited', pod.container)).toMatchObject({ exitCode: 0 });
    expect(pod.lines()).toEqual(['datum', 'setting', 'setting', 'setting']);
    await machine.agent(1, 'removePod', pod.pod.id);
    expect(readFileSync(join(data!, 'b.txt'), 'utf8')).toBe('datum\n');
  });

  test('that last are refused where this machine has its own path', async () => {
    const failure = await start({ mounts: [{ hostPath: machine.directory, containerPath: '/var/lib/data', readOnly: false, volume: 'data' }] }).catch((error: RemoteError) => error);
    expect(failure).toMatchObject({ reason: 'VolumeNotMounted' });
  });
});

test('a container has a terminal: size, end by signal, a missing program', async () => {
  const pod = await start({ tty: true, stdin: true, command: ['sh', '-c', 'tty; read line; echo "got $line"; until [ "$(stty size)" = "40 132" ]; do sleep 0.05; done; echo sized; exec sleep 1000'] });
  await logged(pod, '/dev/pts/');
  await machine.agent<ExecResult>(1, 'attach', pod.container, { tty: true, steps: [{ write: 'hello\n' }, { waitFor: 'got hello' }, { resize: [132, 40] }, { waitFor: 'sized' }, { kill: true }] });
  await machine.agent(1, 'stop', pod.container, 10);
  expect(await machine.agent(1, 'status', pod.container)).toMatchObject({ state: 'exited', exitCode: 143 });
  await none(pod.container);
  expect(await start({ tty: true, command: ['/no/such/program'] }).catch((error: RemoteError) => error)).toMatchObject({ reason: 'RunContainerError', message: expect.stringContaining('not found') as string });
});

const stray = ['sh', '-c', `setsid sh -c 'trap "" TERM HUP; echo stray; while :; do sleep 1000; done' & trap "" TERM; while :; do sleep 1000; done`];

describe('processes that left their group', () => {
  test('end with their container', async () => {
    const pod = await start({ command: stray });
    await logged(pod, 'stray');
    expect((await alive(pod.container)).length).toBeGreaterThanOrEqual(4);
    await machine.agent(1, 'stop', pod.container, 0.2);
    await none(pod.container);
  });

  test('end when the shim of their container was killed', async () => {
    const pod = await start({ command: stray });
    await logged(pod, 'stray');
    process.kill((JSON.parse(readFileSync(join(folderOf(pod.container), 'status.json'), 'utf8')) as ShimStatus).shimPid, 'SIGKILL');
    expect(await machine.agent<ContainerStatus>(1, 'exited', pod.container)).toMatchObject({ exitCode: 137 });
    await none(pod.container);
  });
});

test('a look at what a container uses counts all its processes', async () => {
  const pod = await start({ command: ['sh', '-c', 'setsid sleep 1000 & sleep 1001 & echo up; wait'] });
  await logged(pod, 'up');
  expect(await machine.agent(1, 'stats', pod.container)).toMatchObject({ processes: 3, workingSetBytes: expect.any(Number) as number });
  await machine.agent(1, 'removePod', pod.pod.id);
});

test('everything ends with the platform, politely first; the next agent knows and serves the pods again', async () => {
  const [polite, stubborn] = [await start(), await start({ command: stray })];
  await Promise.all([logged(polite, 'listening'), logged(stubborn, 'stray')]);
  await machine.call('killAgent', 1);
  await endAllProcesses(join(machine.directory, 'nodes/node-1/runtime'));
  for (const { container } of [polite, stubborn]) expect(await alive(container)).toEqual([]);
  await machine.startAgent(1);
  expect(await machine.agent(1, 'status', polite.container)).toMatchObject({ state: 'exited', exitCode: 0, reason: 'Completed' });
  expect(await machine.agent(1, 'status', stubborn.container)).toMatchObject({ state: 'exited', exitCode: 137 });
  expect(await machine.agent<PodSandbox[]>(1, 'pods')).toContainEqual(polite.pod);
  const again = await machine.agent<string>(1, 'create', polite.pod.id, { name: 'main', attempt: 1, imageId: image, env: [], mounts: [], readOnlyRootFilesystem: false, tty: false, stdin: false, stdinOnce: false, memoryLimit: 0, cpuLimit: 0, buildPowers: false, logDirectory: join(machine.directory, 'logs', polite.pod.id) } satisfies ContainerConfig);
  await machine.agent(1, 'start', again);
  await machine.agent(1, 'logged', again, 'listening');
  expect((await asked(polite)).env.PORT).toBe(String(polite.pod.portMap![8080]));
});
