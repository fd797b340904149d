/** Pushes against a project's limit ranges and quotas. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { imageStreams } from '../../../src/api/kinds/image.ts';
import { limitRanges, resourceQuotas } from '../../../src/api/kinds/quota.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { registryClient, type RegistryClient } from '../../../src/oci/registry-client.ts';
import { eventually } from '../../support/eventually.ts';
import { startImagePlatform, type ImagePlatform } from '../../support/image-platform.ts';
import { pushSmall, smallImage } from '../../support/registry-images.ts';

let directory: string;
let platform: ImagePlatform;
let client: RegistryClient;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'slipway-limits-'));
  platform = await startImagePlatform(directory);
  client = registryClient({ baseUrl: platform.registry, auth: { username: 'x', password: 'admin' } });
});
afterAll(async () => {
  client.close();
  await platform.close();
  rmSync(directory, { recursive: true });
});

const limit = (namespace: string, type: string, max: Record<string, string>) => platform.client.create(limitRanges, { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'limits', namespace }, spec: { limits: [{ type, max }] } } as never, { namespace });
const quota = (namespace: string, hard: Record<string, string>) => platform.client.create(resourceQuotas, { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'objects', namespace }, spec: { hard } } as never, { namespace });
const newStream = (namespace: string, name: string) => platform.client.create(imageStreams, { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name, namespace }, spec: {} } as never, { namespace });

it('refuses a blob larger than an image may be, before it is sent and while it comes', async () => {
  await limit('small', 'openshift.io/Image', { storage: '1Mi' });
  await expect(pushSmall(client, 'small/app', 'v1', smallImage('large', [randomBytes(2 << 20)]))).rejects.toThrow(/403 DENIED: an image of project small may have at most 1048576 bytes/);
  const { port } = new URL(platform.registry);
  const headers = { authorization: 'Bearer admin' };
  const at = (await fetch(`${platform.registry}/v2/small/app/blobs/uploads/`, { method: 'POST', headers })).headers.get('location') ?? '';
  const status = await new Promise((resolve, reject) => {
    const patch = request({ port, host: '127.0.0.1', path: at, method: 'PATCH', headers: { ...headers, 'transfer-encoding': 'chunked' } }, (response) => resolve(response.resume().statusCode));
    // It may be refused, and the connection closed, before all of it was sent.
    patch.on('error', (error: NodeJS.ErrnoException) => void (['EPIPE', 'ECONNRESET'].includes(error.code ?? '') || reject(error)));
    patch.end(randomBytes(3 << 20));
  });
  expect(status).toBe(403);
  expect(readdirSync(join(directory, 'registry/uploads')).filter((name) => at.includes(name))).toEqual([]);
  await pushSmall(client, 'small/app', 'v1', smallImage('fits', [randomBytes(500_000)]));
  await expect(pushSmall(client, 'small/app', 'v2', smallImage('sum', [randomBytes(600_000), randomBytes(600_000)]))).rejects.toThrow(/403 DENIED: small\/app: requested usage of storage exceeds the maximum limit per openshift.io\/Image/);
});

it('holds a stream to its number of images', async () => {
  await limit('few', 'openshift.io/ImageStream', { 'openshift.io/images': '2' });
  const images = ['a', 'b', 'c'].map((name) => smallImage(`few ${name}`, [name]));
  for (const image of images.slice(0, 2)) await pushSmall(client, 'few/app', 'latest', image);
  await pushSmall(client, 'few/app', 'again', images[0] as (typeof images)[0]);
  await expect(pushSmall(client, 'few/app', 'latest', images[2] as (typeof images)[0])).rejects.toThrow(/403 DENIED: few\/app: requested usage of openshift.io\/images exceeds the maximum limit per openshift.io\/ImageStream \(3 > 2\)/);
});

it('holds a project to its quota, warns at the last that fits, and counts in the status', async () => {
  await quota('counted', { 'openshift.io/imagestreams': '2', 'openshift.io/images': '2' });
  await newStream('counted', 'one');
  const first = smallImage('first', ['first']);
  await pushSmall(client, 'counted/one', 'v1', first);
  const second = smallImage('second', ['second']);
  for (const blob of second.blobs) await client.pushBlob('counted/two', blob);
  const put = await fetch(`${platform.registry}/v2/counted/two/manifests/v1`, { method: 'PUT', headers: { authorization: 'Bearer admin', 'content-type': mediaTypes.manifest }, body: new Uint8Array(second.bytes) });
  expect([put.status, put.headers.get('warning')]).toEqual([201, expect.stringMatching(/^299 - "this was the last image that project counted may have/)]);
  await expect(pushSmall(client, 'counted/one', 'v2', smallImage('third', ['third']))).rejects.toThrow(/403 DENIED: counted\/one: exceeded quota: objects, requested: openshift.io\/images=1, used: openshift.io\/images=2, limited: openshift.io\/images=2/);
  await expect(newStream('counted', 'three')).rejects.toThrow('imagestreams.image.openshift.io "three" is forbidden: exceeded quota: objects, requested: openshift.io/imagestreams=1, used: openshift.io/imagestreams=2, limited: openshift.io/imagestreams=2');
  await expect(pushSmall(client, 'counted/three', 'v1', first)).rejects.toThrow(/403 DENIED: counted\/three: exceeded quota/);
  await eventually(async () => (await platform.client.get(resourceQuotas, { namespace: 'counted', name: 'objects' })).status?.used).toEqual({ 'openshift.io/imagestreams': '2', 'openshift.io/images': '2' });
});
