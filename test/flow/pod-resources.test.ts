/** What pods are held to on a real node: parts of volumes, memory, processes, scratch space. What they are given is in the table of test/support/drivers. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Node, Pod } from '../../src/api/kinds/core.ts';
import { imageMarks } from '../../src/api/kinds/image.ts';
import { toolsImage } from '../../src/api/well-known.ts';
import { registryClient } from '../../src/oci/registry-client.ts';
import { eventually, Platform } from '../support/platform/platform.ts';
import { endProcess, processesNaming } from '../support/platform/processes.ts';
import { manifestOf } from '../support/platform/web-pod.ts';
import { pushImage } from '../support/sandbox/images.ts';

let platform: Platform;
const isRoot = process.getuid?.() === 0;

const stay = 'setInterval(() => {}, 1e6); process.on("SIGTERM", () => process.exit(0))';
const eat = 'const kept = []; setInterval(() => kept.push(Buffer.alloc(20 << 20, 1)), 20)';
const container = (name: string, program: string, more: object = {}) => ({ name, image: toolsImage, imagePullPolicy: 'IfNotPresent', command: ['node', '-e', program], ...more });
const pod = (name: string, spec: object, metadata: object = {}) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, ...metadata }, spec: { terminationGracePeriodSeconds: 1, restartPolicy: 'Never', ...spec } });

const objects = [
  pod('live', {
    containers: [container('web', stay, {
      env: [{ name: 'WHERE', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
      volumeMounts: [
        { name: 'scratch', mountPath: '/scratch', subPathExpr: 'of/$(WHERE)' }, { name: 'scratch', mountPath: '/closed', readOnly: true, recursiveReadOnly: 'Enabled' },
      ],
    })],
    volumes: [{ name: 'scratch', emptyDir: {} }],
  }),
  pod('returning', { restartPolicy: 'Always', containers: [container('web', `console.log("hungry"); ${eat}`, { resources: { limits: { memory: '160Mi' } } })] }),
  pod('writer', {
    containers: [container('web', `require("fs").writeFileSync("/cache/big", Buffer.alloc(4 << 20, 1)); ${stay}`, { volumeMounts: [{ name: 'cache', mountPath: '/cache' }] })],
    volumes: [{ name: 'cache', emptyDir: { sizeLimit: '1Mi' } }],
  }),
  pod('memory', {
    containers: [
      container('one', `try { require("fs").writeFileSync("/shared/big", Buffer.alloc(16 << 20, 1)) } catch (error) { console.log(error.code) }; require("fs").writeFileSync("/shared/big", "from one"); ${stay}`, { volumeMounts: [{ name: 'shared', mountPath: '/shared' }] }),
      container('two', stay, { volumeMounts: [{ name: 'shared', mountPath: '/shared' }] }),
    ],
    volumes: [{ name: 'shared', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } }],
  }),
  pod('forker', {
    containers: [container('web', `const all = []; const { spawn } = require("child_process"); for (let i = 0; i < 120; i++) all.push(new Promise((done) => { const one = spawn("sleep", ["60"]); one.on("error", () => done(1)); one.on("spawn", () => done(0)) }));
      Promise.all(all).then((failed) => console.log("refused " + failed.reduce((a, b) => a + b, 0)))`)],
  }),
];

beforeAll(async () => {
  platform = new Platform();
  const settings = path.join(platform.home, 'nodes/node-1/kubelet.json');
  mkdirSync(platform.home);
  // A disk of its own, small enough to be filled.
  if (isRoot) execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=320m,mode=0700', 'tmpfs', platform.home]);
  mkdirSync(path.dirname(settings), { recursive: true, mode: 0o700 });
  writeFileSync(settings, JSON.stringify({ podPidsLimit: 80, ...(isRoot && { evictionHard: { 'nodefs.available': '200Mi' }, evictionPressureTransitionPeriod: '1s', imageMinimumGCAge: '0s' }) }));
  platform.user.own(platform.home);
  await platform.up(['--runtime', 'sandbox']);
  const applied = await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(...objects) });
  if (applied.code !== 0) throw new Error(applied.stderr);
});
afterAll(async () => {
  await platform?.down();
  if (isRoot) execFileSync('umount', ['-l', platform.home]);
  await platform?.dispose();
});

const read = (name: string) => platform.json<Pod>('get', 'pod', name);
const until = (name: string, test: (pod: Pod) => boolean) => eventually(`${name} to get there`, async () => {
  const found = await read(name);
  return test(found) ? found : undefined;
});
const ready = (name: string) => platform.kube('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s');
const inside = async (name: string, ...command: string[]) => (await platform.kube('exec', name, ...(name === 'memory' ? ['-c', 'two'] : []), '--', ...command)).trimEnd();

describe('a pod that runs', () => {
  beforeAll(() => ready('live'));

  test('writes below the part it was given, and nowhere it may only read', async () => {
    await inside('live', 'sh', '-c', 'echo mine > /scratch/file');
    expect(await inside('live', 'cat', '/closed/of/live/file')).toBe('mine');
    const refused = await platform.kubectl(['exec', 'live', '--', 'sh', '-c', 'echo > /closed/of/live/file']);
    expect(refused.stderr).toContain('Read-only file system');
  });
});

describe('a pod that takes too much', () => {
  test('of memory, again and again: why it ended and what it said last are still told', async () => {
    const { status } = await until('returning', (found) => (found.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0);
    expect(status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
    expect(await platform.kube('logs', 'returning', '--previous')).toBe('hungry\n');
    await platform.kube('delete', 'pod', 'returning', '--wait=false');
  });

  test('of the processors is slowed down to its limit, and ends as asked all the same', async () => {
    const spin = 'sh -c "while :; do :; done" & while :; do :; done';
    const spinner = (name: string, cpu: string) => pod(name, { terminationGracePeriodSeconds: 60, containers: [{ name: 'web', image: toolsImage, imagePullPolicy: 'IfNotPresent', command: ['sh', '-c', `trap 'exit 0' TERM; ${spin}`], resources: { limits: { cpu } } }] });
    await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(spinner('slow', '100m'), spinner('fast', '1200m')) });
    // Whoever starts is left alone for a moment.
    await eventually('one to have many times what the other has', async () => {
      const used = Object.fromEntries((await platform.kube('top', 'pod', '--no-headers')).split('\n').map((line) => line.split(/\s+/)).map(([name = '', cores = '']) => [name, Number.parseInt(cores, 10)]));
      return used['slow'] && used['fast'] && used['fast'] > 3 * used['slow'] ? true : undefined;
    });
    await platform.kube('delete', 'pod', 'slow', 'fast', '--wait=false');
    const ends = async (name: string) => (await platform.kube('get', 'events', '--field-selector', `involvedObject.name=${name},reason=Killing`, '-o', 'name')).trim();
    await eventually('their ends', async () => ((await platform.kube('get', 'pods', '--ignore-not-found', 'slow', 'fast')) === '' && (await ends('slow')) ? true : undefined));
  });

  test('of scratch space is evicted', async () => {
    const evicted = await until('writer', ({ status }) => status?.phase === 'Failed');
    expect(evicted.status).toMatchObject({ reason: 'Evicted', message: 'Usage of EmptyDir volume "cache" exceeds the limit "1Mi". ' });
    expect(await platform.kube('get', 'events', '--field-selector', 'involvedObject.name=writer,reason=Evicted', '-o', 'name')).toContain('event/writer');
  });

  test('of a volume in memory finds it full; its containers share it', async () => {
    await ready('memory');
    expect(await platform.kube('logs', 'memory', '-c', 'one')).toBe('ENOSPC\n');
    expect(await inside('memory', 'cat', '/shared/big')).toBe('from one');
    expect(await inside('memory', 'stat', '-fc', '%T', '/shared')).toBe('tmpfs');
  });

  test('of processes gets no more', async () => {
    const text = await eventually('the count', async () => /refused (\d+)/.exec(await platform.kube('logs', 'forker'))?.[1]);
    expect(Number(text)).toBeGreaterThan(20);
    await platform.kube('delete', 'pod', 'forker', '--wait=false');
  });
});

describe.runIf(isRoot)('a disk that is nearly full', () => {
  const registryOf = 'docker-registry.default.svc:5000/default';
  const writer = (name: string, spec: object, more: object = {}) => pod(name, { containers: [container('web', stay, { volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }], ...more })], volumes: [{ name: 'scratch', emptyDir: {} }], ...spec });
  const shell = (name: string) => pod(name, { containers: [{ name: 'web', image: `${registryOf}/${name}:latest`, command: ['sleep', '1000'] }] });
  const write = (name: string, megabytes: number, folder = '/scratch') => platform.kube('exec', name, '--', 'sh', '-c', `head -c ${megabytes}M /dev/zero > ${folder}/big`);
  const node = () => platform.json<Node>('get', 'node', 'node-1');
  const images = async () => ((await node()).status?.images ?? []).flatMap(({ names }) => names ?? []).flatMap((name) => /default\/(\w+)/.exec(name)?.[1] ?? []).sort();
  const apply = async (...documents: object[]) => {
    const applied = await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(...documents) });
    if (applied.code !== 0) throw new Error(applied.stderr);
  };

  beforeAll(async () => {
    const scratch = mkdtempSync(path.join(tmpdir(), 'pressure-'));
    const { registry = '' } = await platform.status();
    const password = (await platform.kube('create', 'token', 'builder')).trim();
    const client = registryClient({ baseUrl: `https://${registry}`, ca: readFileSync(path.join(platform.home, 'pki/ca.crt'), 'utf8'), auth: { username: 'x', password } });
    for (const name of ['used', 'unused']) await pushImage(client, `default/${name}`, 'latest', scratch, [{ 'app/name': name }], { labels: { [imageMarks.base]: 'host', [imageMarks.hostPaths]: '[]' } });
    client.close();
    rmSync(scratch, { recursive: true });
    await apply(
      { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'important' }, value: 1000 },
      writer('important', { priorityClassName: 'important' }), writer('honest', {}, { resources: { requests: { 'ephemeral-storage': '50Mi' } } }), writer('greedy', {}), writer('modest', {}), shell('used'), shell('unused'),
    );
    for (const name of ['important', 'honest', 'greedy', 'modest', 'used', 'unused']) await ready(name);
    await platform.kube('delete', 'pod', 'unused');
  });

  test('costs unused images first, then pods by what they took beyond their request and by priority; then it is as before', async () => {
    await write('important', 30);
    await write('honest', 30);
    await write('greedy', 100);
    await write('modest', 80, '/tmp');
    await eventually('the pressure', async () => ((await node()).spec?.taints?.some(({ key, effect }) => key === 'node.kubernetes.io/disk-pressure' && effect === 'NoSchedule') ? true : undefined));
    await apply(shell('unused'));
    const evicted = [];
    for (const name of ['greedy', 'modest']) evicted.push(await until(name, ({ status }) => status?.phase === 'Failed'));
    const message = (of: string) => ({ reason: 'Evicted', message: expect.stringMatching(`^The node was low on resource: ephemeral-storage\\. Threshold quantity: 200Mi, available: \\d+[KM]i\\. ${of}$`) as string });
    // What lies in volumes is the pod's, not a container's.
    expect(evicted.map(({ status }) => status)).toMatchObject([message(''), message('Container web was using \\d+[KM]i, request is 0, has larger consumption of ephemeral-storage\\. ')]);
    const [first, second] = evicted.map(({ status }) => Date.parse(status?.conditions?.find(({ type }) => type === 'DisruptionTarget')?.lastTransitionTime ?? ''));
    expect(first).toBeLessThan(second ?? 0);
    await eventually('the end of it', async () => ((await node()).status?.conditions?.find(({ type }) => type === 'DiskPressure')?.status === 'False' ? true : undefined));
    expect(await images()).toEqual(['used']);
    // Who waited for it starts, with its image fetched anew; the others were left alone.
    for (const name of ['unused', 'important', 'honest', 'used']) await ready(name);
    expect(await platform.kube('get', 'events', '--field-selector', 'involvedObject.name=unused,reason=FailedScheduling', '-o', 'name')).toContain('event/unused');
  });
});

describe('a machine that is short of memory', () => {
  const eating = (name: string, megabytes: number, more: object = {}) => pod(name, { containers: [container('web', `globalThis.kept = Buffer.alloc(${megabytes} << 20, 1); ${stay}`, more)] });
  const condition = async () => (await platform.json<Node>('get', 'node', 'node-1')).status?.conditions?.find(({ type }) => type === 'MemoryPressure')?.status;
  const settings = path.join('nodes/node-1', 'kubelet.json');
  /** The node's agent reads them when it starts; pods do not notice. */
  const set = (document: object) => {
    writeFileSync(path.join(platform.home, settings), JSON.stringify(document));
    for (const { pid } of processesNaming(path.join(platform.home, 'versions')).filter(({ command }) => command.includes('agent.js') && !command.startsWith('nsenter'))) endProcess(pid);
  };

  test('ends who uses most beyond what was asked for, takes in only who asked for some, and is as before when there is enough', async () => {
    const asked = { resources: { requests: { memory: '400Mi' } } };
    const applied = await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(eating('gluttonous', 150), eating('frugal', 100, asked)) });
    expect(applied.code, applied.stderr).toBe(0);
    for (const name of ['gluttonous', 'frugal']) await ready(name);
    // Nothing of this machine's own need to tell them apart: all of its memory would have to be free.
    set({ evictionHard: { 'memory.available': '100%' }, evictionPressureTransitionPeriod: '1s' });
    const { status } = await until('gluttonous', ({ status: now }) => now?.phase === 'Failed');
    expect(status).toMatchObject({ reason: 'Evicted', message: expect.stringMatching(/^The node was low on resource: memory\. Threshold quantity: \d+[KM]i, available: \d+[KM]i\. Container web was using \d+[KM]i, request is 0, has larger consumption of memory\. $/) as string });
    expect(await condition()).toBe('True');
    expect((await read('frugal')).status?.phase).toBe('Running');
    await eventually('the taint', async () => ((await platform.json<Node>('get', 'node', 'node-1')).spec?.taints?.some(({ key, effect }) => key === 'node.kubernetes.io/memory-pressure' && effect === 'NoSchedule') ? true : undefined));
    await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(eating('late', 1)) });
    await eventually('it to be kept out', async () => ((await platform.kube('get', 'events', '--field-selector', 'involvedObject.name=late,reason=FailedScheduling', '-o', 'jsonpath={.items[*].message}')).includes('node.kubernetes.io/memory-pressure') ? true : undefined));
    set({});
    await eventually('the end of it', async () => ((await condition()) === 'False' ? true : undefined));
    await ready('late');
    await platform.kube('delete', 'pod', '--all', '--wait=false');
  });
});
