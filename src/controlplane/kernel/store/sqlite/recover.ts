/** Makes a new store of what can still be read of a damaged one. */
import { copyFileSync, existsSync, renameSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { Salvage } from '../failure.ts';
import { createStore } from './create.ts';
import { checksum, digestAdd, readState, type Row, type State } from './database.ts';

/** Revisions skipped: the lost part may have held newer ones, and no revision may ever mean two things. */
const revisionGap = 1_000_000;
/** Rows tried one by one where the table cannot be read through. */
const mostRows = 10_000_000;

export async function recoverStore(file: string, now = new Date()): Promise<Salvage> {
  const kept = `${file}.damaged-${now.toISOString().replace(/[:.]/g, '-')}`;
  const work = `${file}.salvage`;
  const parts = ['', '-wal'].filter((part) => existsSync(file + part));
  // Read from a copy: opening a damaged database may change it.
  for (const part of ['', '-wal', '-shm']) rmSync(work + part, { force: true });
  for (const part of parts) copyFileSync(file + part, work + part);
  const { rows, state } = salvage(work);
  const newest = rows.reduce((most, row) => Math.max(most, row.revision), state?.revision ?? 0);
  const revision = newest + revisionGap;
  const made = `${file}.recovered`;
  createStore(made, revision, (database) => {
    const put = database.prepare('INSERT INTO objects VALUES (?, ?, ?, ?, ?)');
    let digest = 0;
    database.exec('BEGIN IMMEDIATE');
    for (const { row, key, revision: written, sum, value } of rows) {
      put.run(row, key, written, sum, value);
      digest = digestAdd(digest, sum);
    }
    database.prepare('UPDATE state SET objects = ?, digest = ?').run(rows.length, digest);
    database.exec('COMMIT');
  });
  for (const part of parts) renameSync(file + part, kept + part);
  renameSync(made, file);
  for (const part of ['', '-wal', '-shm']) rmSync(work + part, { force: true });
  return { file, kept, objects: rows.length, expected: state?.objects };
}

function salvage(file: string): { rows: Row[]; state: State | undefined } {
  if (!existsSync(file)) return { rows: [], state: undefined };
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { defensive: false });
    // Without this SQLite refuses a file that is shorter than its header says before reading anything.
    database.exec('PRAGMA writable_schema = ON; PRAGMA cell_size_check = ON');
    const state = attempt(() => readState(database as DatabaseSync));
    return { rows: readable(database), state };
  } catch {
    return { rows: [], state: undefined };
  } finally {
    try {
      database?.close();
    } catch {
      // The copy is thrown away anyway.
    }
  }
}

/** Every row whose checksum holds; of two rows of one key (a log that was lost half-way) the newer one. */
function readable(database: DatabaseSync): Row[] {
  const rows = new Map<number, Row>();
  const keep = (row: Row | undefined) => {
    if (row && row.value instanceof Uint8Array && checksum(row.key, row.revision, row.value) === row.sum) rows.set(row.row, { ...row, value: new Uint8Array(row.value) });
  };
  const walk = (order: 'ASC' | 'DESC'): boolean =>
    attempt(() => {
      for (const row of database.prepare(`SELECT row, key, revision, sum, value FROM objects ORDER BY row ${order}`).iterate()) keep(row as unknown as Row);
      return true;
    }) ?? false;
  if (!walk('ASC')) {
    walk('DESC');
    const highest = attempt(() => database.prepare('SELECT max(row) AS row FROM objects').get() as { row: number }, { row: 0 }).row;
    const most = Math.min(Math.max(highest, ...rows.keys(), 0), mostRows);
    const one = attempt(() => database.prepare('SELECT row, key, revision, sum, value FROM objects WHERE row = ?'));
    // Between the two ends lies what neither walk reached: each row has its own way down from the root.
    for (let row = 1; one && row <= most; row++) if (!rows.has(row)) keep(attempt(() => one.get(row) as unknown as Row));
  }
  const byKey = new Map<string, Row>();
  for (const row of rows.values()) if ((byKey.get(row.key)?.revision ?? -1) < row.revision) byKey.set(row.key, row);
  return [...byKey.values()].sort((one, other) => one.row - other.row);
}

function attempt<T>(read: () => T): T | undefined;
function attempt<T>(read: () => T, otherwise: T): T;
function attempt<T>(read: () => T, otherwise?: T): T | undefined {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
