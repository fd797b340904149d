import { mkdtemp, readdir, rm, writeFile, mkdir, chmod, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Build } from '../../../../src/api/kinds/build.ts';
import { dependencyCacheLimits, openDependencyCache, type DependencyCache } from '../../../../src/controlplane/build/tools/build/dependency-cache.ts';

let folder: string;
const held: DependencyCache[] = [];
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'slipway-dependencies-'))));
afterEach(async () => {
  await Promise.all(held.splice(0).map((one) => one.close()));
  await rm(folder, { recursive: true, force: true });
});

/** A service account's token names its uid. */
async function account(uid: string): Promise<string> {
  const at = join(folder, 'accounts', uid);
  await mkdir(at, { recursive: true });
  await writeFile(join(at, 'token'), `x.${Buffer.from(JSON.stringify({ 'kubernetes.io': { serviceaccount: { uid } } })).toString('base64url')}.x`);
  return at;
}

async function open(uid: string, limits = {}): Promise<DependencyCache | undefined> {
  const build = { metadata: { name: 'b', namespace: 'demo' } } as Build;
  const opened = await openDependencyCache({ cache: join(folder, 'cache'), plain: false, serviceAccount: await account(uid), build }, { ...dependencyCacheLimits, ...limits });
  if (opened) held.push(opened);
  return opened;
}
const placeOf = (cache: DependencyCache | undefined) => cache?.volumes[0]?.source.slice(join(folder, 'cache/dependencies/').length);
const release = async (cache: DependencyCache | undefined) => {
  held.splice(held.indexOf(cache as DependencyCache), 1);
  await cache?.close();
};

test('a build has a slot for itself, the next one the same again; other accounts have others', async () => {
  const first = await open('one');
  expect(first).toMatchObject({ volumes: [{ path: '/run/dependency-cache', writable: true }], env: { S2I_DEPENDENCY_CACHE: '/run/dependency-cache' } });
  expect([placeOf(first), placeOf(await open('one')), placeOf(await open('two'))]).toEqual(['one/0', 'one/1', 'two/0']);
  await release(first);
  expect(placeOf(await open('one'))).toBe('one/0');
});

test('when every slot is taken the build goes without', async () => {
  await open('one', { slots: 1 });
  expect(await open('one', { slots: 1 })).toBeUndefined();
});

test('the bound is met by deleting the largest part, even one that nobody may write', async () => {
  const limits = { measuredEvery: 1, maxBytes: 100_000 };
  const cache = await open('one', limits);
  const slot = cache?.volumes[0]?.source ?? '';
  await mkdir(join(slot, 'go-mod/deep'), { recursive: true });
  await mkdir(join(slot, 'npm'));
  await writeFile(join(slot, 'go-mod/deep/file'), Buffer.alloc(300_000, 1));
  await writeFile(join(slot, 'npm/file'), Buffer.alloc(20_000, 1));
  await chmod(join(slot, 'go-mod/deep'), 0o500);
  await release(cache);
  expect(await readdir(slot)).toEqual(['npm']);
});

test('projects that built longest ago make room, those that build at the moment do not', async () => {
  for (const [index, uid] of ['a', 'b', 'c'].entries()) {
    await release(await open(uid));
    await utimes(join(folder, 'cache/dependencies', uid), index, index);
  }
  const busy = await open('a');
  await utimes(join(folder, 'cache/dependencies/a'), 0, 0);
  await open('d', { projects: 2 });
  expect((await readdir(join(folder, 'cache/dependencies'))).sort()).toEqual(['a', 'c', 'd']);
  expect(placeOf(busy)).toBe('a/0');
});

test('without a place nothing is kept; without namespaces the folder is named as it is', async () => {
  const build = { metadata: { name: 'b', namespace: 'demo' } } as Build;
  expect(await openDependencyCache({ cache: undefined, plain: true, serviceAccount: '/none', build })).toBeUndefined();
  const plain = await openDependencyCache({ cache: join(folder, 'cache'), plain: true, serviceAccount: '/none', build });
  if (plain) held.push(plain);
  expect(plain).toMatchObject({ volumes: [], env: { S2I_DEPENDENCY_CACHE: join(folder, 'cache/dependencies/project-demo/0') } });
});
