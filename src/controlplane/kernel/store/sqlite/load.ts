/** Reads a store file into memory, or says why it cannot be trusted. */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { StoredEntry } from '../entry.ts';
import { diskFailed, diskFull, newerSchema, StoreDamaged, storeInUse, StoreFailure } from '../failure.ts';
import { createStore } from './create.ts';
import { checksum, digestAdd, openDatabase, readState, result, resultCode, schemaOf, storeSchemaVersion, type Row, type State } from './database.ts';
import { recoverStore } from './recover.ts';

export interface Loaded {
  entries: StoredEntry[];
  revision: number;
  /** The next row number to give out. */
  nextRow: number;
}

/** Free pages above which a file is rewritten at start if they are most of it: 64 MB. */
const freePages = 16_384;

/** Creates the file if there is none. Throws a `StoreFailure`; `StoreDamaged` carries the way to recover. */
export function loadStore(file: string): Loaded {
  const log = `${file}-wal`;
  if (!existsSync(file)) {
    if (existsSync(log)) throw damaged(file, 'its log is there but the store itself is missing');
    createStore(file, 0);
  }
  requireHeader(file);
  const hasLog = existsSync(log);
  let database: DatabaseSync | undefined;
  try {
    database = openDatabase(file);
    const schema = schemaOf(database);
    if (schema > storeSchemaVersion) throw newerSchema(file, schema, storeSchemaVersion);
    const state = readState(database);
    if (!state) throw damaged(file, 'the record of its state is missing');
    if (state.open && !hasLog) throw damaged(file, `it was not closed properly and its log ${log} is missing`);
    if (hasLog) database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    checkLength(database, file);
    const loaded = readAll(database, file, state);
    shrink(database);
    return loaded;
  } catch (error) {
    throw asFailure(file, error);
  } finally {
    try {
      database?.close();
    } catch {
      // What kept it from closing has been told above, or will be told by the first write.
    }
  }
}

/** SQLite takes an empty file for a new database, and would write to it. */
function requireHeader(file: string): void {
  const handle = openSync(file, 'r');
  try {
    const header = Buffer.alloc(16);
    if (readSync(handle, header) < 16) throw damaged(file, 'it was cut short to nothing');
    if (header.toString('latin1') !== 'SQLite format 3\0') throw damaged(file, 'it does not begin as a store does');
  } finally {
    closeSync(handle);
  }
}

function checkLength(database: DatabaseSync, file: string): void {
  const { page_count: pages } = database.prepare('PRAGMA page_count').get() as { page_count: number };
  const { page_size: size } = database.prepare('PRAGMA page_size').get() as { page_size: number };
  const length = statSync(file).size;
  if (length < pages * size) throw damaged(file, `it was cut short (${length} bytes of ${pages * size})`);
}

function readAll(database: DatabaseSync, file: string, state: State): Loaded {
  const entries: StoredEntry[] = [];
  let digest = 0;
  let nextRow = 1;
  for (const each of database.prepare('SELECT row, key, revision, sum, value FROM objects').iterate()) {
    const { row, key, revision, sum, value } = each as unknown as Row;
    if (checksum(key, revision, value) !== sum) throw damaged(file, `the object "${key}" is not what was written`);
    digest = digestAdd(digest, sum);
    nextRow = row + 1;
    entries.push(StoredEntry.loaded(key, revision, row, Buffer.from(value.buffer, value.byteOffset, value.byteLength)));
  }
  if (entries.length !== state.objects) throw damaged(file, `it holds ${entries.length} objects where ${state.objects} were written`);
  if (digest !== state.digest) throw damaged(file, 'its objects are not those that were last written');
  return { entries, revision: state.revision, nextRow };
}

function shrink(database: DatabaseSync): void {
  const { freelist_count: free } = database.prepare('PRAGMA freelist_count').get() as { freelist_count: number };
  const { page_count: pages } = database.prepare('PRAGMA page_count').get() as { page_count: number };
  if (free > freePages && free * 2 > pages) database.exec('VACUUM');
}

function asFailure(file: string, error: unknown): unknown {
  if (error instanceof StoreFailure) return error;
  const code = resultCode(error);
  const text = error instanceof Error ? error.message : String(error);
  if (code === result.busy) return storeInUse(file, error);
  if (code === result.full) return diskFull(file, error);
  if (code === result.corrupt || code === result.notADatabase || /no such table/.test(text)) return damaged(file, text, error);
  return diskFailed(file, text, error);
}

function damaged(file: string, what: string, cause?: unknown): StoreDamaged {
  return new StoreDamaged(file, what, () => recoverStore(file), { cause });
}
