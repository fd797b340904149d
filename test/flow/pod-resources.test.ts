/** What pods are given and held to on a real node: volumes that follow the API, memory, processes, scratch space. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Pod } from '../../src/api/kinds/core.ts';
import { toolsImage } from '../../src/api/well-known.ts';
import { eventually, Platform } from '../support/platform/platform.ts';
import { manifestOf } from '../support/platform/web-pod.ts';

let platform: Platform;

const stay = 'setInterval(() => {}, 1e6); process.on("SIGTERM", () => process.exit(0))';
const container = (name: string, program: string, more: object = {}) => ({ name, image: toolsImage, imagePullPolicy: 'IfNotPresent', command: ['node', '-e', program], ...more });
const pod = (name: string, spec: object, metadata: object = {}) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, ...metadata }, spec: { terminationGracePeriodSeconds: 1, restartPolicy: 'Never', ...spec } });

const objects = [
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { colour: 'blue' } },
  { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys' }, stringData: { key: 'one' } },
  pod('live', {
    containers: [container('web', stay, {
      env: [{ name: 'WHERE', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
      volumeMounts: [
        { name: 'all', mountPath: '/all' }, { name: 'all', mountPath: '/part/colour', subPath: 'colour' },
        { name: 'scratch', mountPath: '/scratch', subPathExpr: 'of/$(WHERE)' }, { name: 'scratch', mountPath: '/closed', readOnly: true, recursiveReadOnly: 'Enabled' },
      ],
    })],
    volumes: [
      { name: 'scratch', emptyDir: {} },
      {
        name: 'all',
        projected: {
          defaultMode: 0o440,
          sources: [
            { configMap: { name: 'settings' } }, { secret: { name: 'keys', items: [{ key: 'key', path: 'secret/key', mode: 0o400 }] } },
            { serviceAccountToken: { path: 'token', audience: 'vault', expirationSeconds: 900 } },
            { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }, { path: 'limit', resourceFieldRef: { containerName: 'web', resource: 'requests.memory', divisor: '1Mi' } }] } },
          ],
        },
      },
    ],
  }, { labels: { tier: 'front' } }),
  pod('eater', { containers: [container('web', 'const kept = []; setInterval(() => kept.push(Buffer.alloc(20 << 20, 1)), 20)', { resources: { limits: { memory: '160Mi' } } })] }),
  pod('killed', { containers: [container('web', 'process.exit(137)', { resources: { limits: { memory: '500Mi' } } })] }),
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
  mkdirSync(path.dirname(settings), { recursive: true, mode: 0o700 });
  writeFileSync(settings, JSON.stringify({ podPidsLimit: 80 }));
  platform.user.own(platform.home);
  await platform.up(['--runtime', 'sandbox']);
  const applied = await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(...objects) });
  if (applied.code !== 0) throw new Error(applied.stderr);
});
afterAll(() => platform?.dispose());

const read = (name: string) => platform.json<Pod>('get', 'pod', name);
const until = (name: string, test: (pod: Pod) => boolean) => eventually(`${name} to get there`, async () => {
  const found = await read(name);
  return test(found) ? found : undefined;
});
const ready = (name: string) => platform.kube('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s');
const inside = async (name: string, ...command: string[]) => (await platform.kube('exec', name, ...(name === 'memory' ? ['-c', 'two'] : []), '--', ...command)).trimEnd();
const shows = (file: string, text: string) => eventually(`${file} to show ${text}`, async () => ((await inside('live', 'cat', file)) === text ? true : undefined));

describe('a pod that runs', () => {
  beforeAll(() => ready('live'));

  test('sees config maps, labels and secrets change, but not in a part of a volume', async () => {
    expect(await inside('live', 'cat', '/all/colour')).toBe('blue');
    expect(await inside('live', 'cat', '/all/limit')).toBe('0');
    expect(await inside('live', 'stat', '-Lc', '%a', '/all/colour', '/all/secret/key')).toBe('440\n400');
    await platform.kube('patch', 'configmap', 'settings', '--type=merge', '-p', '{"data":{"colour":"green","size":"4"}}');
    await platform.kube('patch', 'secret', 'keys', '--type=merge', '-p', '{"stringData":{"key":"two"}}');
    await platform.kube('label', 'pod', 'live', 'tier=back', '--overwrite');
    await shows('/all/colour', 'green');
    await shows('/all/size', '4');
    await shows('/all/secret/key', 'two');
    await shows('/all/labels', 'tier="back"');
    expect(await inside('live', 'cat', '/part/colour')).toBe('blue');
  });

  test('has a token of its own for whom it is meant', async () => {
    const token = await inside('live', 'cat', '/all/token');
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { aud: string[]; exp: number; iat: number; 'kubernetes.io': { pod: { name: string } } };
    expect(claims).toMatchObject({ aud: ['vault'], 'kubernetes.io': { pod: { name: 'live' } } });
    expect(claims.exp - claims.iat).toBe(900);
  });

  test('writes below the part it was given, and nowhere it may only read', async () => {
    await inside('live', 'sh', '-c', 'echo mine > /scratch/file');
    expect(await inside('live', 'cat', '/closed/of/live/file')).toBe('mine');
    const refused = await platform.kubectl(['exec', 'live', '--', 'sh', '-c', 'echo > /closed/of/live/file']);
    expect(refused.stderr).toContain('Read-only file system');
  });
});

describe('a pod that takes too much', () => {
  test('of memory is killed for it, and told apart from one that merely was killed', async () => {
    const terminated = async (name: string) => (await until(name, ({ status }) => status?.phase === 'Failed')).status?.containerStatuses?.[0]?.state?.terminated;
    expect(await terminated('eater')).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
    expect(await terminated('killed')).toMatchObject({ exitCode: 137, reason: 'Error' });
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
