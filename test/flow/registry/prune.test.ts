/** `slipway prune` on a platform as a user has it: nothing that is needed goes, and what goes frees its content. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ImageStream } from '../../../src/api/kinds/image.ts';
import { registryHost } from '../../../src/api/kinds/image.ts';
import { registryClient, type RegistryClient } from '../../../src/oci/registry-client.ts';
import { eventually, Platform } from '../../support/platform/platform.ts';
import { age, contentOf, pullWhole, pushSmall, smallImage, type SmallImage } from '../../support/registry-images.ts';

const platform = new Platform();
const disk = () => join(platform.home, 'registry');
let client: RegistryClient;
/** Revisions of demo/app:latest, oldest first. */
const revisions: SmallImage[] = Array.from({ length: 6 }, (_, index) => smallImage(`revision ${index}`, ['base', `layer ${index}`]));

beforeAll(async () => {
  await platform.up(['--runtime', 'process']);
  await platform.kube('create', 'namespace', 'demo');
  const password = await eventually('a token', async () => (await platform.kube('create', 'token', 'builder', '-n', 'demo')).trim());
  client = registryClient({ baseUrl: `https://${(await platform.status()).registry}`, ca: readFileSync(join(platform.home, 'pki/ca.crt')), auth: { username: 'x', password } });
  for (const image of revisions) await pushSmall(client, 'demo/app', 'latest', image);
  const used = revisions[1]?.digest ?? '';
  const template = { metadata: { labels: { app: 'kept' } }, spec: { containers: [{ name: 'web', image: `${registryHost}/demo/app@${used}` }] } };
  const controller = { apiVersion: 'v1', kind: 'ReplicationController', metadata: { name: 'kept', namespace: 'demo' }, spec: { replicas: 0, selector: { app: 'kept' }, template } };
  await platform.kubectl(['create', '-f', '-'], { input: JSON.stringify(controller) });
});
afterAll(async () => {
  client?.close();
  await platform.dispose();
});

const history = async () => (await platform.json<ImageStream>('get', 'imagestream', 'app', '-n', 'demo')).status?.tags?.[0]?.items?.map(({ image }) => revisions.findIndex(({ digest }) => digest === image));
const has = (image: SmallImage) => contentOf(disk()).has(image.digest) && image.blobs.every(({ digest }) => contentOf(disk()).has(digest));

it('keeps what is young, and says what it would do before it does it', async () => {
  const young = await platform.run(['prune']);
  expect([young.code, young.stdout]).toEqual([0, 'Dry run: 0 images would be deleted.\n']);
  const dry = await platform.run(['prune', 'images', '--keep-younger-than', '0', '--keep-tag-revisions', '2']);
  for (const [index, image] of revisions.entries()) expect(dry.stdout.includes(`would delete image ${image.digest}`), `revision ${index}`).toBe([0, 2, 3].includes(index));
  expect(await history()).toEqual([5, 4, 3, 2, 1, 0]);
});

it('deletes images beyond the revisions that nobody uses, and the registry frees what only they had', async () => {
  const result = await platform.run(['prune', 'images', '--keep-younger-than=0', '--keep-tag-revisions=2', '--confirm']);
  expect([result.code, result.stderr]).toEqual([0, '']);
  expect(result.stdout).toContain('Deleted 3 images');
  expect(await history()).toEqual([5, 4, 1]);
  age(disk());
  // Deletions are followed by a sweep.
  await pushSmall(client, 'demo/extra', 'v1', smallImage('extra', ['extra']));
  await platform.kube('delete', 'imagestream', 'extra', '-n', 'demo');
  await eventually('the sweep after a deletion', async () => (contentOf(disk()).has(revisions[0]?.digest ?? '') ? undefined : true));
  expect(revisions.map(has)).toEqual([false, true, false, false, true, true]);
  for (const index of [1, 4, 5]) expect(await pullWhole(client, 'demo/app', revisions[index]?.digest ?? '')).toBe(revisions[index]?.digest);
});

it('refuses what it does not know', async () => {
  for (const [args, text] of [[['nodes'], 'slipway prune knows images, builds and deployments'], [['images', '--keep-younger-than', 'soon'], '--keep-younger-than takes a time'], [['--keep-tag-revisions', 'x'], '--keep-tag-revisions takes a whole number from 0']] as const) {
    const result = await platform.run(['prune', ...args]);
    expect([result.code, result.stderr]).toEqual([2, expect.stringContaining(text)]);
  }
});
