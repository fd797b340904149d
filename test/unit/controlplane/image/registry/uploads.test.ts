import { mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BlobStore } from '../../../../../src/controlplane/image/registry/blob-store.ts';
import { RegistryFailure } from '../../../../../src/controlplane/image/registry/failure.ts';
import { idleMs, Uploads } from '../../../../../src/controlplane/image/registry/uploads.ts';
import { digestOf } from '../../../../../src/oci/digest.ts';
import { eventually } from '../../../../support/eventually.ts';
import { manualClock } from '../../../../support/manual-clock.ts';

let directory: string;
let blobs: BlobStore;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'slipway-uploads-'));
  blobs = new BlobStore(directory);
  await blobs.open();
});
afterEach(() => rmSync(directory, { recursive: true }));

const bytes = async function* (...texts: string[]) {
  for (const text of texts) yield Buffer.from(text);
};
const most = { bytes: 20, refusal: () => new RegistryFailure(403, 'DENIED', 'too large') };
const files = () => readdirSync(join(directory, 'uploads'));

it('drops an upload that nobody continues, and no other', async () => {
  const clock = manualClock(new Date().toISOString());
  const uploads = new Uploads(directory, blobs, clock);
  await uploads.open();
  const [idle, used] = [await uploads.begin('demo/a'), await uploads.begin('demo/a')];
  await clock.advance(idleMs - 1);
  expect(uploads.find(used.id, 'demo/a')).toBe(used);
  await clock.advance(1);
  expect(() => uploads.find(idle.id, 'demo/a')).toThrow(/there is no such upload/);
  expect(() => uploads.find(used.id, 'demo/b')).toThrow(/there is no such upload/);
  await eventually(() => files().sort()).toEqual([used.id, `${used.id}.json`]);
  uploads.dispose();
});

it('takes up what another life left, if it is not too old', async () => {
  const first = new Uploads(directory, blobs, manualClock());
  await first.open();
  const [young, old] = [await first.begin('demo/a'), await first.begin('demo/a')];
  await young.append(bytes('one ', 'two '), most);
  first.dispose();
  const then = (Date.now() - idleMs) / 1000 - 1;
  utimesSync(join(directory, 'uploads', old.id), then, then);
  const second = new Uploads(directory, blobs, manualClock(new Date().toISOString()));
  await second.open();
  expect(() => second.find(old.id, 'demo/a')).toThrow();
  const again = second.find(young.id, 'demo/a');
  expect(again.size).toBe(8);
  await again.append(bytes('three'), most);
  await second.commit(again, digestOf('one two three'));
  expect(await blobs.read(digestOf('one two three'))).toEqual(Buffer.from('one two three'));
  expect(files()).toEqual([]);
});

it('keeps what came before a source breaks or a limit is reached', async () => {
  const uploads = new Uploads(directory, blobs, manualClock());
  await uploads.open();
  const upload = await uploads.begin('demo/a', { algorithm: 'sha512' });
  await expect(upload.append((async function* () {
    yield Buffer.from('first ');
    throw new Error('broken');
  })(), most)).rejects.toThrow('broken');
  expect(upload.size).toBe(6);
  await expect(upload.append(bytes('second ', 'this is too much'), most)).rejects.toThrow('too large');
  expect(upload.size).toBe(13);
  await upload.append(bytes('third'), most);
  await expect(uploads.commit(upload, digestOf('else', 'sha512'))).rejects.toThrow(/the content has digest sha512:/);
  expect(files()).toEqual([]);
  const exact = await uploads.begin('demo/a', { algorithm: 'sha512' });
  await exact.append(bytes('first second third'), most);
  await uploads.commit(exact, digestOf('first second third', 'sha512'));
  expect(await blobs.size(digestOf('first second third', 'sha512'))).toBe(18);
});
