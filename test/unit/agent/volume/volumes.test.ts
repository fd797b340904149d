import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeAtomically } from '../../../../src/agent/volume/atomic-writer.ts';
import { prepareHostPath } from '../../../../src/agent/volume/host-path.ts';
import { resolveSubPath } from '../../../../src/agent/volume/sub-path.ts';
import { memoryVolumeSize } from '../../../../src/agent/volume/volume-manager.ts';
import { volumeFiles, type VolumeFiles, type VolumeSources } from '../../../../src/agent/volume/volume-files.ts';
import type { Pod } from '../../../../src/api/kinds/core.ts';
import { pod } from '../../../support/agent/pod-documents.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'slipway-volume-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const base64 = (text: string) => Buffer.from(text).toString('base64');
const sources: VolumeSources = {
  configMap: (name) => Promise.resolve(name === 'settings' ? { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: '1', b: '2' }, binaryData: { c: base64('3') } } : undefined),
  secret: (name) => Promise.resolve(name === 'keys' ? { apiVersion: 'v1', kind: 'Secret', metadata: { name }, data: { token: base64('s3cret') } } : undefined),
  token: ({ audience, expirationSeconds }) => Promise.resolve(`token for ${audience ?? 'the API'}, ${expirationSeconds} s`),
  facts: { podIp: '10.128.0.5', hostIp: '100.64.0.2', allocatable: { milliCpu: 4000, memory: 2 ** 33, disk: 2 ** 36 } },
};
const owner = (): Pod => pod({ containers: [{ name: 'web', image: 'a' }] }, { labels: { app: 'web' } });

async function files(volume: object): Promise<Record<string, string>> {
  const made = await volumeFiles(owner(), { name: 'v', ...volume }, sources);
  return Object.fromEntries([...(made ?? [])].map(([name, { data, mode }]) => [name, `${data.toString()} ${mode.toString(8)}`]));
}

describe('the files of a volume', () => {
  test('come from config maps and secrets, whole or by item', async () => {
    expect(await files({ configMap: { name: 'settings', defaultMode: 0o400 } })).toEqual({ a: '1 400', b: '2 400', c: '3 400' });
    expect(await files({ configMap: { name: 'settings', items: [{ key: 'b', path: 'deep/b.txt', mode: 0o600 }] } })).toEqual({ 'deep/b.txt': '2 600' });
    expect(await files({ secret: { secretName: 'keys' } })).toEqual({ token: 's3cret 644' });
    expect(await files({ secret: { secretName: 'gone', optional: true } })).toEqual({});
  });

  test('of a projection lie side by side', async () => {
    const projected = {
      sources: [
        { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }, { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
        { configMap: { name: 'settings', items: [{ key: 'a', path: 'ca.crt' }] } },
      ],
    };
    expect(await files({ projected })).toEqual({ token: 'token for the API, 3607 s 644', namespace: 'demo 644', labels: 'app="web" 644', 'ca.crt': '1 644' });
  });

  test('are refused with the kubelet\'s words', async () => {
    await expect(files({ configMap: { name: 'gone' } })).rejects.toThrow('configmap "gone" not found');
    await expect(files({ secret: { secretName: 'keys', items: [{ key: 'x', path: 'x' }] } })).rejects.toThrow('references non-existent secret key: x');
    for (const evil of ['../x', '/x', 'a/../../x', '..data']) await expect(files({ configMap: { name: 'settings', items: [{ key: 'a', path: evil }] } })).rejects.toThrow('invalid path');
  });
});

describe('the atomic writer', () => {
  const make = (all: Record<string, string>): VolumeFiles => new Map(Object.entries(all).map(([name, data]) => [name, { data: Buffer.from(data), mode: 0o640 }]));

  test('writes, replaces and removes in one step', async () => {
    expect(writeAtomically(folder, make({ a: '1', 'deep/b': '2' }))).toBe(true);
    const first = readlinkSync(path.join(folder, '..data'));
    expect(readFileSync(path.join(folder, 'deep/b'), 'utf8')).toBe('2');
    expect(statSync(path.join(folder, 'a')).mode & 0o777).toBe(0o640);
    expect(writeAtomically(folder, make({ a: '1', 'deep/b': '2' }))).toBe(false);
    expect(readlinkSync(path.join(folder, '..data'))).toBe(first);
    expect(writeAtomically(folder, make({ a: 'new', c: '3' }))).toBe(true);
    expect(readFileSync(path.join(folder, 'a'), 'utf8')).toBe('new');
    expect(existsSync(path.join(folder, 'deep'))).toBe(false);
    expect(readdirSync(folder).sort()).toEqual(['..data', readlinkSync(path.join(folder, '..data')), 'a', 'c'].sort());
  });

  test('shows old or new, never a mixture, to who reads meanwhile', async () => {
    writeAtomically(folder, make({ a: '0', b: '0' }));
    const over = new Int32Array(new SharedArrayBuffer(4));
    const reader = new Worker(`
      const { workerData: { folder, over }, parentPort } = require('node:worker_threads');
      const { readFileSync, readlinkSync } = require('node:fs');
      let pairs = 0, mixed = 0;
      parentPort.postMessage('reads');
      while (Atomics.load(over, 0) === 0) {
        const data = folder + '/' + readlinkSync(folder + '/..data');
        try {
          const [a, b] = [readFileSync(data + '/a', 'utf8'), readFileSync(data + '/b', 'utf8')];
          pairs += 1;
          if (a !== b) mixed += 1;
        } catch (error) {
          // What it was led to has been replaced since.
          if (error.code !== 'ENOENT') throw error;
        }
      }
      parentPort.postMessage({ pairs, mixed });
    `, { eval: true, workerData: { folder, over } });
    await once(reader, 'message');
    for (let round = 1; round <= 200; round++) writeAtomically(folder, make({ a: String(round), b: String(round) }));
    Atomics.store(over, 0, 1);
    const [seen] = (await once(reader, 'message')) as [{ pairs: number; mixed: number }];
    expect(seen.mixed).toBe(0);
    expect(seen.pairs).toBeGreaterThan(0);
  });
});

describe('a volume in memory', () => {
  test.each([
    ['its own limit', '64Mi', ['128Mi', '128Mi'], 64 << 20],
    ['what all containers may use together', undefined, ['32Mi', '32Mi'], 64 << 20],
    ['the smaller of both', '1Gi', ['32Mi', '32Mi'], 64 << 20],
    ['what the node has, if a container is not limited', undefined, ['32Mi', undefined], 2 ** 30],
  ])('is as large as %s', (_, sizeLimit, limits, expected) => {
    const owner = pod({ containers: limits.map((memory, index) => ({ name: `c${index}`, image: 'a', ...(memory && { resources: { limits: { memory } } }) })) });
    expect(memoryVolumeSize(owner, sizeLimit, 2 ** 30)).toBe(expected);
  });
});

describe('paths of this machine', () => {
  test('are checked or made by their type', async () => {
    await prepareHostPath(path.join(folder, 'made'), 'DirectoryOrCreate');
    expect(statSync(path.join(folder, 'made')).isDirectory()).toBe(true);
    await expect(prepareHostPath(path.join(folder, 'made'), 'File')).rejects.toThrow('is not a file');
    await expect(prepareHostPath(path.join(folder, 'nowhere'), undefined)).rejects.toThrow('does not exist');
  });

  test('under a volume never lead out of it', async () => {
    mkdirSync(path.join(folder, 'volume/inside'), { recursive: true });
    writeFileSync(path.join(folder, 'outside'), '');
    symlinkSync('../outside', path.join(folder, 'volume/link'));
    symlinkSync('..', path.join(folder, 'volume/up'));
    const volume = path.join(folder, 'volume');
    expect(await resolveSubPath(volume, 'inside')).toBe(path.join(volume, 'inside'));
    chmodSync(volume, 0o777);
    expect(await resolveSubPath(volume, 'new/deep')).toBe(path.join(volume, 'new/deep'));
    // As open as the volume: a container's user may be any.
    expect(['new', 'new/deep', 'inside'].map((name) => (statSync(path.join(volume, name)).mode & 0o777).toString(8))).toEqual(['777', '777', '755']);
    for (const evil of ['link', 'up', 'up/made', '../outside', '/etc']) await expect(resolveSubPath(volume, evil)).rejects.toThrow(/outside its volume|stay inside/);
    expect(existsSync(path.join(folder, 'made'))).toBe(false);
    chmodSync(volume, 0o700);
  });
});
