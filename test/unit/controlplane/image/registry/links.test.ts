import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { digestOf } from '../../../../../src/oci/digest.ts';
import { Links } from '../../../../../src/controlplane/image/registry/links.ts';

let directory: string;
let links: Links;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'slipway-links-'));
  links = new Links(directory);
});
afterEach(() => rmSync(directory, { recursive: true }));

const repository = { namespace: 'demo', name: 'app' };
const folder = () => join(directory, 'repositories/demo');

test('links are written while empty folders are removed without a pause', async () => {
  let writing = true;
  let tidied = 0;
  const tidying = (async () => {
    while (writing) {
      await links.tidy(repository);
      tidied += 1;
    }
  })();
  for (let index = 0; index < 40; index += 1) {
    const digest = digestOf(Buffer.from(String(index)));
    await links.addBlob(repository, digest);
    expect(await links.blob(repository, digest)).toEqual({});
    await links.removeBlob(repository, digest);
  }
  writing = false;
  await tidying;
  expect(tidied).toBeGreaterThan(0);
  await links.tidy(repository);
  expect(existsSync(folder())).toBe(false);
});

test('what is empty goes, what holds a link stays', async () => {
  const digest = digestOf(Buffer.from('kept'));
  await Promise.all([links.addBlob(repository, digest), links.addBlob({ ...repository, name: 'other' }, digest)]);
  await links.removeBlob(repository, digest);
  await links.tidy(repository);
  expect(existsSync(join(folder(), 'app'))).toBe(false);
  expect(await links.blob({ ...repository, name: 'other' }, digest)).toEqual({});
});
