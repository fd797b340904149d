/** Garbage collection of the registry: what goes, what stays, beside pushes, and killed on the way. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { registryClient, type RegistryClient } from '../../../src/oci/registry-client.ts';
import { memoryStreams, startRegistry, type TestRegistry } from '../../support/registry.ts';
import { age, contentOf, pullWhole, pushSmall, smallImage } from '../../support/registry-images.ts';

let directory: string;
let registry: TestRegistry;
let client: RegistryClient;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'slipway-sweep-'));
  registry = await startRegistry({ directory });
  client = registryClient({ baseUrl: registry.url, auth: { username: 'x', password: 'admin' } });
});
afterEach(async () => {
  client.close();
  await registry.close();
  rmSync(directory, { recursive: true });
});

it('removes the content of deleted images and keeps what others share', async () => {
  const [one, two] = [smallImage('one', ['shared', 'only one']), smallImage('two', ['shared', 'only two'])];
  await pushSmall(client, 'demo/one', 'v1', one);
  await pushSmall(client, 'demo/two', 'v1', two);
  registry.streams.known.delete(one.digest);
  expect(await registry.sweep()).toMatchObject({ blobs: 0, young: true });
  age(directory);
  expect(await registry.sweep()).toMatchObject({ manifests: 1, links: 3, blobs: 3, young: false });
  expect(contentOf(directory)).toEqual(new Set([two.digest, ...two.blobs.map(({ digest }) => digest)]));
  expect(readdirSync(join(directory, 'repositories/demo'))).toEqual(['two']);
  expect(await pullWhole(client, 'demo/two', 'v1')).toBe(two.digest);
  expect(await registry.sweep()).toMatchObject({ manifests: 0, links: 0, blobs: 0 });
});

it('keeps the images of an index and what refers to an image, until that goes', async () => {
  const child = smallImage('child', ['child layer']);
  await pushSmall(client, 'demo/index', child.digest, child);
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [{ mediaType: mediaTypes.manifest, digest: child.digest, size: child.bytes.length }] }));
  await client.pushManifest('demo/index', 'v1', { mediaType: mediaTypes.index, bytes: index });
  const signature = smallImage('signature', ['signed'], { subject: { mediaType: mediaTypes.index, digest: digestOf(index), size: index.length } });
  await pushSmall(client, 'demo/index', signature.digest, signature);
  for (const digest of [child.digest, signature.digest]) registry.streams.known.delete(digest);
  age(directory);
  expect(await registry.sweep()).toMatchObject({ manifests: 0, blobs: 0 });
  expect(await pullWhole(client, 'demo/index', 'v1')).toBe(digestOf(index));
  expect(await pullWhole(client, 'demo/index', signature.digest)).toBe(signature.digest);
  registry.streams.known.delete(digestOf(index));
  age(directory);
  // The pulls a moment ago are leases.
  expect(await registry.sweep()).toMatchObject({ manifests: 0 });
  await registry.close();
  registry = await startRegistry({ directory });
  await registry.sweep();
  expect(contentOf(directory)).toEqual(new Set());
});

it('keeps what a deleted stream had as long as its images are known, for pods that run them and streams that were tagged from it', async () => {
  const image = smallImage('tagged', ['tagged layer']);
  await pushSmall(client, 'demo/first', 'v1', image);
  registry.streams.remove('demo/first');
  age(directory);
  expect(await registry.sweep()).toMatchObject({ manifests: 0, links: 0, blobs: 0 });
  expect(await pullWhole(client, 'demo/first', image.digest)).toBe(image.digest);
  await registry.close();
  registry = await startRegistry({ directory, streams: memoryStreams({ 'demo/second': { prod: image.digest } }) });
  client.close();
  client = registryClient({ baseUrl: registry.url, auth: { username: 'x', password: 'admin' } });
  expect(await pullWhole(client, 'demo/second', 'prod')).toBe(image.digest);
});

it('takes nothing from under pushes and mounts that count on old content', async () => {
  for (let round = 0; round < 5; round++) {
    const old = smallImage(`old ${round}`, Array.from({ length: 12 }, (_, layer) => `layer ${round}.${layer}`));
    await pushSmall(client, 'demo/old', `v${round}`, old);
    registry.streams.known.delete(old.digest);
    age(directory);
    const next = Array.from({ length: 6 }, (_, index) => ({ repository: index % 2 === 0 ? 'demo/old' : `demo/new-${round}-${index}`, image: smallImage(`new ${round}.${index}`, old.blobs.slice(1).map(({ content }) => content)) }));
    const [, ...pushed] = await Promise.all([
      registry.sweep(),
      ...next.map(async ({ repository, image }) => {
        await pushSmall(client, repository, `r${round}`, image, 'demo/old');
        return { repository, digest: image.digest };
      }),
    ]);
    await registry.sweep();
    for (const { repository, digest } of pushed) expect(await pullWhole(client, repository, digest)).toBe(digest);
  }
});

it('goes on after a kill, and never leaves an image in part', async () => {
  const program = fileURLToPath(new URL('../../support/registry-program.ts', import.meta.url));
  const home = join(directory, 'killed');
  const known = join(directory, 'known.json');
  let child: ChildProcess | undefined;
  const start = async () => {
    child = fork(program, [home, known], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: ['--no-warnings'] });
    const [url] = (await once(child, 'message')) as [string];
    return registryClient({ baseUrl: url, auth: { username: 'x', password: 'admin' } });
  };
  try {
    writeFileSync(known, '{}');
    const kept = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`v${index}`, smallImage(`kept ${index}`, ['common', `kept layer ${index}`])]));
    let other = await start();
    for (const [tag, image] of Object.entries(kept)) await pushSmall(other, 'demo/app', tag, image);
    for (let index = 0; index < 60; index++) await pushSmall(other, `demo/gone-${index % 7}`, `v${index}`, smallImage(`gone ${index}`, ['common', `gone layer ${index}`]));
    writeFileSync(known, JSON.stringify({ 'demo/app': Object.fromEntries(Object.entries(kept).map(([tag, { digest }]) => [tag, digest])) }));
    const wanted = new Set(Object.values(kept).flatMap(({ digest, blobs }) => [digest, ...blobs.map((blob) => blob.digest)]));
    for (let round = 0; round < 30 && contentOf(home).size > wanted.size; round++) {
      other.close();
      child?.kill('SIGKILL');
      await once(child as ChildProcess, 'exit');
      age(home);
      other = await start();
      child?.send('sweep');
      // Another point each time; the last rounds let it finish.
      await Promise.race([once(child as ChildProcess, 'message'), new Promise((resolve) => setTimeout(resolve, 5 + round * round * 2))]);
      for (const tag of Object.keys(kept)) expect(await pullWhole(other, 'demo/app', tag)).toBe(kept[tag]?.digest);
    }
    expect(contentOf(home)).toEqual(wanted);
    other.close();
  } finally {
    child?.kill('SIGKILL');
  }
});
