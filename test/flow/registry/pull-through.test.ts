/** Images of another registry, pulled through ours by the streams that import them. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { secrets } from '../../../src/api/kinds/core.ts';
import { imageStreams } from '../../../src/api/kinds/image.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { registryClient, type RegistryClient } from '../../../src/oci/registry-client.ts';
import { eventually } from '../../support/eventually.ts';
import { startImagePlatform, type ImagePlatform } from '../../support/image-platform.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { pullWhole, pushSmall, smallImage } from '../../support/registry-images.ts';

let directory: string;
let origin: TestRegistry;
let platform: ImagePlatform;
let there: RegistryClient;
let here: RegistryClient;
/** Blobs that the origin was asked for. */
const asked: string[] = [];
/** What the origin sends instead of a blob. */
const forged = new Map<string, Buffer>();
let hold: Promise<void> | undefined;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'slipway-through-'));
  origin = await startRegistry({
    directory: join(directory, 'origin'),
    before(request, response) {
      const digest = /\/blobs\/(sha256:.*)$/.exec(request.url ?? '')?.[1];
      if (request.method !== 'GET' || digest === undefined || !request.headers.authorization) return false;
      asked.push(digest);
      const bytes = forged.get(digest);
      if (!bytes) return false;
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, bytes.length / 2));
      void Promise.resolve(hold).then(() => response.end(bytes.subarray(bytes.length / 2)));
      return true;
    },
  });
  platform = await startImagePlatform(join(directory, 'platform'));
  there = registryClient({ baseUrl: origin.url, auth: { username: 'x', password: 'admin' } });
  here = registryClient({ baseUrl: platform.registry, auth: { username: 'x', password: 'reader' } });
  await pullSecret('demo', 'reader');
});
afterAll(async () => {
  there.close();
  here.close();
  await platform.close();
  await origin.close();
  rmSync(directory, { recursive: true });
});

async function pullSecret(namespace: string, password: string): Promise<void> {
  const config = JSON.stringify({ auths: { [`127.0.0.1:${origin.port}`]: { auth: Buffer.from(`x:${password}`).toString('base64') } } });
  await platform.client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'origin', namespace }, type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': Buffer.from(config).toString('base64') } } as never, { namespace });
}

/** A stream whose tag `v1` imports `path` of the origin. */
async function importStream(name: string, path: string, importMode: 'Legacy' | 'PreserveOriginal' = 'Legacy'): Promise<void> {
  const from = { kind: 'DockerImage', name: `127.0.0.1:${origin.port}/${path}` };
  await platform.client.create(imageStreams, { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name, namespace: 'demo' }, spec: { tags: [{ name: 'v1', from, importPolicy: { importMode }, referencePolicy: { type: 'Local' } }] } } as never, { namespace: 'demo' });
  await eventually(async () => (await platform.client.get(imageStreams, { namespace: 'demo', name })).status?.tags?.[0]?.items?.[0]?.image).toBeTruthy();
}

const blobCount = (digest: string) => asked.filter((one) => one === digest).length;

it('comes whole, is fetched once for many clients, and stays when the origin is gone', async () => {
  const layer = randomBytes(3 << 20);
  const image = smallImage('through', [layer, 'small']);
  await pushSmall(there, 'apps/through', 'v1', image);
  await importStream('through', 'apps/through:v1');
  const big = image.blobs[1]?.digest ?? '';
  asked.length = 0;
  const pulled = await Promise.all(Array.from({ length: 8 }, () => pullWhole(here, 'demo/through', 'v1')));
  expect(new Set(pulled)).toEqual(new Set([image.digest]));
  expect(blobCount(big)).toBe(1);
  await there.close();
  origin.streams.remove('apps/through');
  asked.length = 0;
  expect(await pullWhole(here, 'demo/through', image.digest)).toBe(image.digest);
  expect(asked).toEqual([]);
  expect(readdirSync(join(directory, 'platform/registry/fetches'))).toEqual([]);
});

it('answers size, ranges and existence before anything was fetched', async () => {
  const image = smallImage('ranges', ['0123456789']);
  await pushSmall(there, 'apps/ranges', 'v1', image);
  await importStream('ranges', 'apps/ranges:v1');
  await here.manifest('demo/ranges', 'v1');
  const url = `${platform.registry}/v2/demo/ranges/blobs/${image.blobs[1]?.digest}`;
  const headers = { authorization: 'Bearer reader' };
  const before = asked.length;
  const head = await fetch(url, { method: 'HEAD', headers });
  expect([head.status, head.headers.get('content-length'), asked.length]).toEqual([200, '10', before]);
  const range = await fetch(url, { headers: { ...headers, range: 'bytes=3-5' } });
  expect([range.status, await range.text(), range.headers.get('content-range')]).toEqual([206, '345', 'bytes 3-5/10']);
});

it('keeps an index as it is, with every image of it', async () => {
  const children = ['amd64', 'arm64'].map((architecture) => ({ architecture, image: smallImage(architecture, [`layer for ${architecture}`]) }));
  for (const { image } of children) await pushSmall(there, 'apps/index', image.digest, image);
  const manifests = children.map(({ architecture, image }) => ({ mediaType: mediaTypes.manifest, digest: image.digest, size: image.bytes.length, platform: { os: 'linux', architecture } }));
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests }));
  await there.pushManifest('apps/index', 'v1', { mediaType: mediaTypes.index, bytes: index });
  await importStream('index', 'apps/index:v1', 'PreserveOriginal');
  expect(await pullWhole(here, 'demo/index', 'v1')).toBe(digestOf(index));
});

it('never gives the whole of content that is not what its digest says', async () => {
  const image = smallImage('forged', [randomBytes(100_000)]);
  const { digest = '', size = 0 } = image.blobs[1] ?? {};
  await pushSmall(there, 'apps/forged', 'v1', image);
  await importStream('forged', 'apps/forged:v1');
  forged.set(digest, randomBytes(size));
  let free = (): void => undefined;
  hold = new Promise((resolve) => (free = resolve));
  await here.manifest('demo/forged', 'v1');
  const response = await fetch(`${platform.registry}/v2/demo/forged/blobs/${digest}`, { headers: { authorization: 'Bearer reader' } });
  expect(response.status).toBe(200);
  free();
  await expect(response.arrayBuffer()).rejects.toThrow();
  expect(readdirSync(join(directory, 'platform/registry/blobs/sha256'))).not.toContain(digest.slice(7));
  forged.delete(digest);
  expect(await pullWhole(here, 'demo/forged', 'v1')).toBe(image.digest);
});

it('says who refuses', async () => {
  const image = smallImage('refused', ['refused']);
  await pushSmall(there, 'apps/refused', 'v1', image);
  await importStream('refused', 'apps/refused:v1');
  await platform.client.delete(secrets, { namespace: 'demo', name: 'origin' });
  const response = await fetch(`${platform.registry}/v2/demo/refused/manifests/v1`, { headers: { authorization: 'Bearer reader' } });
  expect([response.status, await response.json()]).toEqual([403, { errors: [{ code: 'DENIED', message: expect.stringContaining('put its credentials into a pull secret of the project') as string }] }]);
});
