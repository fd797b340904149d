/**
 * The file: one row an object in `objects`, found by the row number that memory knows, and one row in `state` that says what must be there.
 *
 *   objects  row → key, revision, checksum, value (JSON)
 *   state    revision, number of objects, digest (sum of all checksums), whether a process has it open
 *
 * `state` changes with every commit, so that a file that lost rows does not pass for a smaller store. There is no history on disk and
 * nothing to compact: a row is replaced in place and free pages are used again.
 */
import { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';

export const storeSchemaVersion = 1;

const schema = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
  CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL, objects INTEGER NOT NULL, digest INTEGER NOT NULL, open INTEGER NOT NULL);
  CREATE TABLE objects (row INTEGER PRIMARY KEY, key TEXT NOT NULL, revision INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB NOT NULL);
  INSERT INTO meta VALUES ('schema', ${storeSchemaVersion});
`;

export interface State {
  revision: number;
  objects: number;
  digest: number;
  open: number;
}

export interface Row {
  row: number;
  key: string;
  revision: number;
  sum: number;
  value: Uint8Array;
}

/**
 * Opens for one process alone (the lock is held until it is closed, and no shared-memory file is needed). A commit returns after its fsync.
 * Checkpoints are the writer's to choose, see `writer-thread.ts`.
 */
export function openDatabase(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 1_000 });
  try {
    database.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = ${16 << 20};`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

export function createSchema(database: DatabaseSync, revision: number): void {
  database.exec(`BEGIN IMMEDIATE; ${schema} INSERT INTO state VALUES (1, ${revision}, 0, 0, 0); COMMIT;`);
}

export function schemaOf(database: DatabaseSync): number {
  return (database.prepare("SELECT value FROM meta WHERE name = 'schema'").get() as { value: number } | undefined)?.value ?? 0;
}

export function readState(database: DatabaseSync): State | undefined {
  return database.prepare('SELECT revision, objects, digest, open FROM state').get() as State | undefined;
}

export function checksum(key: string, revision: number, value: Uint8Array): number {
  return crc32(value, crc32(`${revision} ${key}`));
}

const digestSize = 2 ** 48;
/** Sums of checksums, kept small enough to be exact. */
export const digestAdd = (digest: number, sum: number): number => (digest + sum) % digestSize;
export const digestRemove = (digest: number, sum: number): number => (digest - sum + digestSize) % digestSize;

/** SQLite's primary result code (https://sqlite.org/rescode.html) of an error of `node:sqlite`. */
export function resultCode(error: unknown): number | undefined {
  const { errcode } = error as { errcode?: unknown };
  return typeof errcode === 'number' ? errcode & 0xff : undefined;
}

export const result = { busy: 5, io: 10, corrupt: 11, full: 13, notADatabase: 26 } as const;
