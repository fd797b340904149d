/**
 * Builds alone, from the upload of a small source to the image in its stream: with a builder of this machine, and with a builder image that brings a root of its own
 * (100 MB in 4000 files), whose layers are unpacked once. `node test/bench/rebuild.ts [times, default 5]`
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { buildConfigs, builds, type Build, type BuildConfig } from '../../src/api/kinds/build.ts';
import { imageStreams, imageStreamTags, type ImageStream } from '../../src/api/kinds/image.ts';
import { startBinaryBuild } from '../../src/client/apps/create-app.ts';
import { registryClient } from '../../src/oci/registry-client.ts';
import { zipOf } from '../support/build/package-index.ts';
import { pushShaped } from '../support/build/shaped-image.ts';
import { eventually } from '../support/platform/platform.ts';
import { withPlatform, type MeasuredPlatform } from './platform.ts';
import { median, printTable, type Row } from './table.ts';

const namespace = 'default';
const files = 4000;
const fileBytes = 25_000;

export async function benchRebuild(platform: MeasuredPlatform, times = 5): Promise<Row[]> {
  const { client, dispose } = await platform.connection();
  const { registry: address = '' } = await platform.status();
  const registry = registryClient({ baseUrl: `https://${address}`, ca: readFileSync(path.join(platform.home, 'pki/ca.crt'), 'utf8'), auth: { username: 'builder', password: (await platform.kube('create', 'token', 'builder', '-n', namespace)).trim() } });
  const build = async (name: string, page: string): Promise<number> => {
    const began = performance.now();
    const { metadata } = await startBinaryBuild((to, body) => client.raw('POST', to, body), namespace, name, Readable.from(zipOf({ 'index.html': page })));
    for (;;) {
      const { status } = await client.get<Build>(builds, { namespace, name: metadata.name });
      if (['Failed', 'Error', 'Cancelled'].includes(status.phase)) throw new Error(JSON.stringify(status));
      if (status.phase === 'Complete') break;
      await sleep(10);
    }
    return performance.now() - began;
  };
  const measure = async (name: string, from: BuildConfig['spec']['strategy']): Promise<{ first: number; warm: number }> => {
    await client.create(imageStreams, { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name, namespace }, spec: {} } as ImageStream, { namespace });
    await client.create(buildConfigs, { apiVersion: 'build.openshift.io/v1', kind: 'BuildConfig', metadata: { name, namespace }, spec: { source: { binary: {} }, strategy: from, output: { to: { kind: 'ImageStreamTag', name: `${name}:latest` } } } } as BuildConfig, { namespace });
    const first = await build(name, 'first');
    const warm: number[] = [];
    for (let round = 0; round < times; round += 1) warm.push(await build(name, `round ${round}`));
    return { first, warm: median(warm) };
  };
  try {
    await eventually('builders are there', async () => client.get(imageStreamTags, { namespace: 'openshift', name: 'static:latest' }), 60_000);
    const host = await measure('bench-host', { sourceStrategy: { from: { kind: 'ImageStreamTag', namespace: 'openshift', name: 'static:latest' } } });
    await pushShaped(registry, `${namespace}/bench-shaped`, { files: Object.fromEntries(Array.from({ length: files }, (_, at) => [`usr/share/bench/${at % 100}/${at}`, randomBytes(fileBytes / 2).toString('hex')])) });
    const own = await measure('bench-root', { sourceStrategy: { from: { kind: 'ImageStreamTag', name: 'bench-shaped:latest' } } });
    return [
      { what: 'build alone, builder of this machine: warm', value: host.warm, unit: 'ms', better: 'less' },
      { what: 'build alone, builder image of 100 MB: first', value: own.first, unit: 'ms', better: 'less' },
      { what: 'build alone, builder image of 100 MB: warm', value: own.warm, unit: 'ms', better: 'less' },
    ];
  } finally {
    registry.close();
    await dispose();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printTable(await withPlatform((platform) => benchRebuild(platform, Number(process.argv[2] ?? 5))));
