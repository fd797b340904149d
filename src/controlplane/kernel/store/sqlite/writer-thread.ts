/**
 * The thread that owns the open database.
 *
 * Why a thread: an fsync takes 1 to 3 ms on a good disk and far more on a bad one, and `node:sqlite` is synchronous. Measured with batches of
 * 16 objects of 1.5 kB, the main thread is held for 0.06 ms a batch instead of 1.7 to 2.5 ms, with the same CPU time in all; reads and watches go on
 * meanwhile, and the writes that arrive make the next batch. The price is the memory of one small thread.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { parentPort } from 'node:worker_threads';
import type { Batch } from './batch-writer.ts';
import { checksum, digestAdd, digestRemove, openDatabase, readState, resultCode, type State } from './database.ts';
import type { WriterAnswer, WriterRequest } from './writer-protocol.ts';

/** Pages in the log after which it is copied into the database: 4 MB. Done after the answer, so that no write waits for it but the next. */
const checkpointPages = 1000;
/** A log that cannot be copied (the disk fails) may grow to this, then writes are refused: 256 MB. */
const mostPages = 64_000;

interface Open {
  database: DatabaseSync;
  state: State;
  put: StatementSync;
  remove: StatementSync;
  sumOf: StatementSync;
  note: StatementSync;
  /** Pages written to the log since it was last copied. */
  pages: number;
  /** After a failed checkpoint the log keeps everything and is copied at the next start: a failed fsync must not be asked twice. */
  checkpoints: boolean;
}

let open: Open | undefined;

function opened(file: string): Open {
  const database = openDatabase(file);
  const state = readState(database);
  if (!state) throw new Error('the state is missing');
  database.exec('UPDATE state SET open = 1');
  // From here on a database without its log is known to have lost something.
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  return {
    database,
    state,
    put: database.prepare('INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)'),
    remove: database.prepare('DELETE FROM objects WHERE row = ?'),
    sumOf: database.prepare('SELECT sum FROM objects WHERE row = ?'),
    note: database.prepare('UPDATE state SET revision = ?, objects = ?, digest = ?'),
    pages: 0,
    checkpoints: true,
  };
}

function commit(at: Open, batch: Batch): void {
  if (at.pages > mostPages) throw new Error('its log could not be copied back for too long');
  let { objects, digest } = at.state;
  at.database.exec('BEGIN IMMEDIATE');
  try {
    for (const change of batch.changes) {
      const old = at.sumOf.get(change.row) as { sum: number } | undefined;
      if (old) {
        objects--;
        digest = digestRemove(digest, old.sum);
      }
      if ('removed' in change) {
        at.remove.run(change.row);
        continue;
      }
      const sum = checksum(change.key, change.revision, change.value);
      at.put.run(change.row, change.key, change.revision, sum, change.value);
      objects++;
      digest = digestAdd(digest, sum);
      at.pages += 2 + Math.ceil(change.value.length / 4096);
    }
    at.note.run(batch.revision, objects, digest);
    at.database.exec('COMMIT');
  } catch (error) {
    rollBack(at.database);
    throw error;
  }
  at.state = { ...at.state, revision: batch.revision, objects, digest };
}

/** Some failures (a full disk) have ended the transaction already; asking again is refused and means the same. */
function rollBack(database: DatabaseSync): void {
  try {
    database.exec('ROLLBACK');
  } catch {
    // There was none left.
  }
}

function checkpoint(at: Open): void {
  if (!at.checkpoints || at.pages < checkpointPages) return;
  try {
    at.database.exec('PRAGMA wal_checkpoint(PASSIVE)');
    at.pages = 0;
  } catch {
    at.checkpoints = false;
  }
}

function close(at: Open): void {
  at.database.exec('UPDATE state SET open = 0');
  // Closing copies the log into the database and removes it.
  at.database.close();
}

function answer(request: WriterRequest): WriterAnswer {
  try {
    if (request.type === 'open') open = opened(request.file);
    else if (!open) throw new Error('no database is open');
    else if (request.type === 'commit') commit(open, request.batch);
    else close(open);
    return { ok: true, revision: open.state.revision };
  } catch (error) {
    return { ok: false, code: resultCode(error), text: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.on('message', (request: WriterRequest) => {
  parentPort?.postMessage(answer(request));
  if (request.type === 'close') parentPort?.close();
  else if (open) checkpoint(open);
});
