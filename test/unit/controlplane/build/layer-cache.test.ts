import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LayerCache } from '../../../../src/controlplane/build/tools/build/root/layer-cache.ts';

let folder = '';
let scratch = '';
const id = (letter: string) => `sha256:${letter.repeat(64)}`;
const name = (letter: string) => letter.repeat(20);
const put = (text: string, bytes = 10) => async (root: string) => {
  writeFileSync(join(root, 'file'), text);
  return Promise.resolve(bytes);
};
const open = async (maxBytes = 1000) => {
  const cache = await LayerCache.open(folder, scratch, { maxBytes, maxLayers: 10 });
  if (!cache) throw new Error('no cache');
  return cache;
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'layers-'));
  scratch = mkdtempSync(join(tmpdir(), 'scratch-'));
});
afterEach(() => {
  expect(readdirSync(scratch)).toEqual([]);
  for (const path of [folder, scratch]) rmSync(path, { recursive: true });
});

describe.runIf(process.platform === 'linux')('the layer cache', () => {
  test('unpacks a layer once', async () => {
    const first = await open();
    const path = await first.layer(id('a'), put('one'));
    expect(path).toBe(join(folder, name('a')));
    await first.close();
    const second = await open();
    expect(await second.layer(id('a'), () => Promise.reject(new Error('unpacked again')))).toBe(path);
    expect(readFileSync(join(path ?? '', 'file'), 'utf8')).toBe('one');
    await second.close();
  });

  test('two builds that unpack the same layer at once agree on one', async () => {
    const [one, other] = await Promise.all([open(), open()]);
    const paths = await Promise.all([one.layer(id('a'), put('same')), other.layer(id('a'), put('same'))]);
    expect(new Set(paths).size).toBe(1);
    expect(readdirSync(folder).sort()).toEqual([name('a'), `${name('a')}.size`, 'lock']);
    await Promise.all([one.close(), other.close()]);
  });

  test('what cannot be unpacked leaves nothing', async () => {
    const cache = await open();
    await expect(cache.layer(id('a'), async (root) => (await put('half')(root), Promise.reject(new Error('damaged'))))).rejects.toThrow('damaged');
    expect(readdirSync(folder)).toEqual(['lock']);
    await cache.close();
  });

  test('over its bound, the layers unused longest go, but not while anybody uses the cache', async () => {
    const cache = await open();
    for (const letter of ['a', 'b', 'c', 'd']) await cache.layer(id(letter), put(letter, 200));
    for (const [index, letter] of ['a', 'b', 'c', 'd'].entries()) utimesSync(join(folder, `${name(letter)}.size`), index + 1, index + 1);
    const crowded = await open(500);
    expect(existsSync(join(folder, name('a')))).toBe(true);
    expect(await crowded.layer(id('e'), put('e'))).toBeUndefined();
    expect(await crowded.layer(id('a'), put('a'))).toBe(join(folder, name('a')));
    await Promise.all([cache.close(), crowded.close()]);
    const alone = await open(500);
    // "a" was used a moment ago.
    expect(readdirSync(folder).filter((one) => !one.includes('.')).sort()).toEqual([name('a'), 'lock']);
    expect(await alone.layer(id('e'), put('e'))).toBe(join(folder, name('e')));
    await alone.close();
  });

  test('what is not whole is swept by the next that is alone', async () => {
    mkdirSync(join(folder, 'new-1'));
    mkdirSync(join(folder, name('a')));
    const cache = await open();
    expect(readdirSync(folder)).toEqual(['lock']);
    await cache.close();
  });

  test('there is none where its folder cannot be', async () => {
    writeFileSync(join(folder, 'file'), '');
    expect(await LayerCache.open(join(folder, 'file/layers'), scratch)).toBeUndefined();
  });
});
