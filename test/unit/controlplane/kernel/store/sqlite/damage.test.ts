import { closeSync, copyFileSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StoreDamaged, type StoreFailure } from '../../../../../../src/controlplane/kernel/store/failure.ts';
import { openSqliteStore } from '../../../../../../src/controlplane/kernel/store/sqlite/sqlite-store.ts';
import { configMap } from '../contract.ts';

let folder: string;
let file: string;
const objects = 300;
const key = (n: number) => `core/configmaps/demo/n${String(n).padStart(4, '0')}`;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'damage-'));
  file = path.join(folder, 'store.db');
  const store = await openSqliteStore({ file });
  await Promise.all(Array.from({ length: objects }, (_, n) => store.put(key(n), configMap(`n${n}`, 'x'.repeat(1000)), 0)));
  await store.dispose();
});
afterEach(() => rmSync(folder, { recursive: true }));

const refused = async (): Promise<StoreDamaged> => {
  const failure = await openSqliteStore({ file }).then(() => undefined, (error: unknown) => error);
  expect(failure).toBeInstanceOf(StoreDamaged);
  return failure as StoreDamaged;
};
const overwrite = (at: number, bytes: Buffer) => {
  const handle = openSync(file, 'r+');
  writeSync(handle, bytes, 0, bytes.length, at);
  closeSync(handle);
};
const everywhere = (text: string, other: string) => writeFileSync(file, Buffer.from(readFileSync(file).toString('latin1').replaceAll(text, other), 'latin1'));
const query = (sql: string) => {
  const database = new DatabaseSync(file);
  database.exec(sql);
  database.close();
};

describe('a damaged store', () => {
  it.each([
    ['cut short by half', () => truncateSync(file, statSync(file).size >> 1), 100, 299],
    ['cut short by one page', () => truncateSync(file, statSync(file).size - 4096), 250, 299],
    ['empty', () => truncateSync(file, 0), 0, 0],
    ['no database', () => writeFileSync(file, 'hello '.repeat(5000)), 0, 0],
    ['with a changed byte in an object', () => everywhere('"name":"n7"', '"name":"n8"'), 299, 299],
    ['with a page of zeros', () => overwrite(4096 * 60, Buffer.alloc(4096)), 250, 299],
    ['with an object gone', () => query('DELETE FROM objects WHERE row = 7'), 299, 299],
    ['with an older object put back', () => query('DELETE FROM objects WHERE row = 7; UPDATE state SET objects = objects - 1'), 299, 299],
    ['without its state', () => query('DELETE FROM state'), 300, 300],
  ])('%s is refused, left as it is, and recovered as far as it can be read', async (_, damage, least, most) => {
    damage();
    const before = readFileSync(file);
    const failure = await refused();
    expect(failure.message).toMatch(/is damaged: .*let Slipway recover/);
    expect(readFileSync(file).equals(before)).toBe(true);
    const salvage = await failure.recover();
    expect(salvage.objects).toBeGreaterThanOrEqual(least);
    expect(salvage.objects).toBeLessThanOrEqual(most);
    expect(readFileSync(salvage.kept).equals(before)).toBe(true);
    const store = await openSqliteStore({ file });
    expect(store.count('')).toBe(salvage.objects);
    for (const entry of store.list('').entries) expect((entry.object as unknown as { data: { value: string } }).data.value).toBe('x'.repeat(1000));
    expect(store.revision).toBeGreaterThanOrEqual(1_000_000);
    await store.put('core/configmaps/demo/new', configMap('new'), 0);
    await store.dispose();
    expect(readdirSync(folder).filter((name) => /salvage|recovered|\.new/.test(name))).toEqual([]);
  });

  it('is told when the log of a store that was not closed is missing', async () => {
    const store = await openSqliteStore({ file });
    await store.put('core/configmaps/demo/late', configMap('late'), 0);
    // What kill -9 leaves.
    for (const part of ['', '-wal']) copyFileSync(file + part, path.join(folder, `crashed.db${part}`));
    await store.dispose();
    file = path.join(folder, 'crashed.db');
    const crashed = readFileSync(`${file}-wal`);
    rmSync(`${file}-wal`);
    expect((await refused()).message).toContain('was not closed properly and its log');
    writeFileSync(`${file}-wal`, crashed);
    const again = await openSqliteStore({ file });
    expect(again.get('core/configmaps/demo/late')).toBeDefined();
    await again.dispose();
    expect(existsSync(`${file}-wal`)).toBe(false);
  });

  it('is not confused with one that is newer or in use', async () => {
    const store = await openSqliteStore({ file });
    await expect(openSqliteStore({ file })).rejects.toMatchObject({ code: 'in-use', message: expect.stringContaining('slipway down') });
    await store.dispose();
    query("UPDATE meta SET value = 99 WHERE name = 'schema'");
    const failure = await openSqliteStore({ file }).catch((error: unknown) => error as StoreFailure);
    expect(failure).toMatchObject({ code: 'newer', message: expect.stringContaining('schema 99, this one knows 1') });
  });

  it('is private to the user', () => expect(statSync(file).mode & 0o777).toBe(0o600));
});
