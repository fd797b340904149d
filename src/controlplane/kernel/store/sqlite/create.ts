import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { createSchema, openDatabase } from './database.ts';

/** Made under another name and put in place whole, so that an empty or half-made file is never taken for a new store. */
export function createStore(file: string, revision: number, fill?: (database: DatabaseSync) => void): void {
  const making = `${file}.new`;
  for (const one of [making, `${making}-wal`]) rmSync(one, { force: true });
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(making, 'wx', 0o600));
  const database = openDatabase(making);
  try {
    createSchema(database, revision);
    fill?.(database);
  } finally {
    database.close();
  }
  sync(making);
  renameSync(making, file);
  if (process.platform !== 'win32') sync(path.dirname(file));
}

function sync(name: string): void {
  const handle = openSync(name, 'r');
  try {
    fsyncSync(handle);
  } catch (error) {
    // Windows syncs only handles opened for writing; SQLite has synced the file itself.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
  } finally {
    closeSync(handle);
  }
}
