/**
 * The embedded store: current state in memory, every write in a SQLite file before it counts.
 *
 *   put/remove → checked against pending state → queue → batch → writer thread (one transaction, fsync) → memory → history → watchers → acknowledged
 *
 * Bounds: `mostWaiting` writes in the queue (further ones are refused with `busy`), `batchSize` writes and `batchBytes` in a transaction
 * (the rest goes into the next one), history as in `history.ts`.
 */
import path from 'node:path';
import { mkdirSync } from 'node:fs';
import type { KubeObject } from '../../../../api/meta.ts';
import type { Disposable } from '../../../../base/disposable.ts';
import { silentLog, type Log } from '../../../../base/log.ts';
import { StoredEntry } from '../entry.ts';
import { storeClosed, StoreFailure, tooManyWrites } from '../failure.ts';
import { History, shrinkSuperseded, type HistoryBounds } from '../history.ts';
import { KeyIndex, afterPrefix } from '../key-index.ts';
import { RevisionMismatch, type Entry, type Page, type Store, type StoreEvent, type StoreListener } from '../store.ts';
import { Watchers } from '../watchers.ts';
import type { BatchWriter, RowChange } from './batch-writer.ts';
import { loadStore, type Loaded } from './load.ts';
import { requireLocalDisk } from './local-disk.ts';
import { threadWriter } from './thread-writer.ts';

export interface SqliteStoreOptions {
  /** Made with its folder if it is not there. */
  file: string;
  log?: Log;
  history?: HistoryBounds;
  /** Stands between the store and its writer, e.g. to make commits fail in a test. */
  through?: (writer: BatchWriter) => BatchWriter;
  /** Program of the writer thread, if it does not lie beside the bundle. */
  writerScript?: string;
}

/** Rejects with a `StoreFailure`; with `StoreDamaged` if the file is not what was written. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  const { file, log = silentLog } = options;
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  requireLocalDisk(path.dirname(file));
  const writer = threadWriter(file, options.writerScript);
  try {
    const loaded = loadStore(file);
    const revision = await writer.open();
    if (revision !== loaded.revision) throw new StoreFailure('in-use', `the store ${file} was changed by another process while it was being opened: try again`);
    return new SqliteStore(loaded, options.through?.(writer) ?? writer, log.child('store'), options.history);
  } catch (error) {
    await writer.dispose();
    throw error;
  }
}

const mostWaiting = 20_000;
const batchSize = 1024;
const batchBytes = 8 * 1024 * 1024;

interface Write {
  key: string;
  event: StoreEvent & { entry: StoredEntry };
  resolve(): void;
  reject(error: unknown): void;
  /** Called when it is committed or rejected. */
  settled: (() => void)[];
}

interface Request {
  key: string;
  expected: number | undefined;
  /** Undefined: remove. */
  object: KubeObject | undefined;
  resolve(entry: Entry): void;
  reject(error: unknown): void;
}

export class SqliteStore implements Store {
  readonly backend = 'embedded';
  readonly #writer: BatchWriter;
  readonly #log: Log;
  readonly #index = new KeyIndex<StoredEntry>();
  readonly #history: History;
  readonly #watchers: Watchers;
  /** What the pending writes will leave under their keys; null: nothing. `by` is the last of them. */
  readonly #pending = new Map<string, { entry: StoredEntry | undefined; by: Write }>();
  #queue: Write[] = [];
  #revision: number;
  #nextRevision: number;
  #nextRow: number;
  #flushing: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #failure: Error | undefined;

  constructor(loaded: Loaded, writer: BatchWriter, log: Log, history?: HistoryBounds) {
    this.#writer = writer;
    this.#log = log;
    this.#revision = loaded.revision;
    this.#nextRevision = loaded.revision + 1;
    this.#nextRow = loaded.nextRow;
    this.#history = new History(loaded.revision, history);
    this.#watchers = new Watchers((error) => log.error('a listener failed', { error }));
    for (const entry of loaded.entries.sort((one, other) => (one.key < other.key ? -1 : 1))) this.#index.put(entry);
  }

  get revision(): number {
    return this.#revision;
  }

  /** Why the last commit failed; undefined once one succeeded. */
  get failure(): Error | undefined {
    return this.#writer.gone ?? this.#failure;
  }

  get(key: string): Entry | undefined {
    return this.#index.get(key);
  }

  count(prefix: string): number {
    return this.#index.count(prefix);
  }

  list(prefix: string, { limit = Infinity, after, at }: { limit?: number; after?: string; at?: number } = {}): Page {
    const past = at !== undefined && at < this.#revision;
    const then = past ? this.#history.before(at, prefix) : undefined;
    const entries: Entry[] = [];
    const revision = past ? at : this.#revision;
    for (const entry of then?.size ? asOf(this.#index.from(prefix, after, true), then, after) : this.#index.from(prefix, after, true)) {
      if (entries.length < limit) {
        entries.push(entry);
        continue;
      }
      const last = entries.at(-1)?.key ?? after ?? prefix;
      return { entries, revision, next: last, remaining: this.#remaining(prefix, last, then) };
    }
    return { entries, revision };
  }

  pending(key: string): Entry | undefined {
    const pending = this.#pending.get(key);
    return pending ? pending.entry : this.#index.get(key);
  }

  put(key: string, object: KubeObject, expected: number | undefined): Promise<Entry> {
    return new Promise((resolve, reject) => this.#submit({ key, expected, object, resolve, reject }));
  }

  remove(key: string, expected: number | undefined): Promise<Entry> {
    return new Promise((resolve, reject) => this.#submit({ key, expected, object: undefined, resolve, reject }));
  }

  watch(prefix: string, since: number | undefined, listener: StoreListener): Disposable {
    if (since) {
      const missed = this.#history.since(since).filter((event) => event.entry.key.startsWith(prefix));
      if (missed.length > 0) listener(missed, this.#revision);
    }
    return this.#watchers.add(prefix, listener);
  }

  /** Refuses further writes, waits for those that were taken, and closes the file. */
  dispose(): Promise<void> {
    return (this.#closed ??= (async () => {
      await this.#flushing;
      await this.#writer.dispose();
    })());
  }

  #submit(request: Request): void {
    const { key, expected, object } = request;
    const refusal = this.#closed ? storeClosed() : this.#writer.gone ?? (this.#queue.length >= mostWaiting ? tooManyWrites(this.#queue.length) : undefined);
    if (refusal) return request.reject(refusal);
    const pending = this.#pending.get(key);
    const before = pending ? pending.entry : this.#index.get(key);
    if (!fits(expected, before) || (!object && !before)) {
      // Told once the other write is committed; if that fails, this one gets its chance.
      if (pending) pending.by.settled.push(() => this.#submit(request));
      else request.reject(new RevisionMismatch(key, before));
      return;
    }
    let write: Write;
    try {
      write = this.#prepare(request, before);
    } catch (error) {
      return request.reject(error);
    }
    this.#pending.set(key, { entry: object ? write.event.entry : undefined, by: write });
    this.#queue.push(write);
    this.#flushing ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.#flush());
  }

  #prepare({ key, object, resolve, reject }: Request, before: StoredEntry | undefined): Write {
    const revision = this.#nextRevision;
    if (!object) {
      const last = before as StoredEntry;
      const entry = StoredEntry.removed(last, revision);
      this.#nextRevision++;
      return { key, event: { type: 'remove', entry, previous: last }, resolve: () => resolve(last), reject, settled: [] };
    }
    const entry = StoredEntry.written(key, revision, before?.row ?? this.#nextRow, object);
    this.#nextRevision++;
    if (!before) this.#nextRow++;
    return { key, event: { type: 'put', entry, previous: before }, resolve: () => resolve(entry), reject, settled: [] };
  }

  /** One batch after the other until nothing waits; what arrives during a commit makes the next batch. */
  async #flush(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#takeBatch();
      try {
        await this.#writer.commit({ changes: batch.map(changeOf), revision: batch.at(-1)?.event.entry.revision ?? this.#revision });
      } catch (error) {
        this.#reject(batch, error);
        continue;
      }
      this.#accept(batch);
    }
    this.#flushing = undefined;
  }

  #takeBatch(): Write[] {
    let bytes = 0;
    let size = 0;
    for (const { event } of this.#queue) {
      if (size >= batchSize || (size > 0 && bytes >= batchBytes)) break;
      if (event.type === 'put') bytes += event.entry.bytes.length;
      size++;
    }
    return this.#queue.splice(0, size);
  }

  #accept(batch: readonly Write[]): void {
    const events = batch.map((write) => write.event);
    for (const { type, entry } of events) {
      if (type === 'put') this.#index.put(entry);
      else this.#index.remove(entry.key);
    }
    for (const write of batch) if (this.#pending.get(write.key)?.by === write) this.#pending.delete(write.key);
    this.#revision = events.at(-1)?.entry.revision ?? this.#revision;
    this.#history.append(events);
    this.#failure = undefined;
    this.#watchers.tell(events, this.#revision);
    shrinkSuperseded(events);
    for (const write of batch) write.resolve();
    for (const write of batch) for (const settled of write.settled) settled();
  }

  /** Memory is as before: only what builds on the rejected writes goes with them. */
  #reject(batch: readonly Write[], error: unknown): void {
    this.#failure = error instanceof Error ? error : new Error(String(error));
    this.#log.error('a commit failed', { writes: batch.length, error });
    const keys = new Set(batch.map((write) => write.key));
    const dependent = this.#queue.filter((write) => keys.has(write.key));
    if (dependent.length > 0) this.#queue = this.#queue.filter((write) => !keys.has(write.key));
    for (const key of keys) this.#pending.delete(key);
    const rejected = [...batch, ...dependent];
    for (const write of rejected) write.reject(error);
    for (const write of rejected) for (const settled of write.settled) settled();
  }

  #remaining(prefix: string, last: string, then: Map<string, Entry | undefined> | undefined): number {
    let remaining = this.#index.countBelow(afterPrefix(prefix)) - this.#index.countBelow(last) - (this.#index.get(last) ? 1 : 0);
    for (const [key, entry] of then ?? []) if (key > last) remaining += (entry ? 1 : 0) - (this.#index.get(key) ? 1 : 0);
    return remaining;
  }
}

function fits(expected: number | undefined, before: Entry | undefined): boolean {
  return expected === undefined ? before !== undefined : expected === (before?.revision ?? 0);
}

function changeOf({ event: { type, entry } }: Write): RowChange {
  return type === 'put' ? { row: entry.row, key: entry.key, revision: entry.revision, value: entry.bytes } : { row: entry.row, removed: true };
}

/** `now` with the keys of `then` as they were. Both in key order. */
function* asOf(now: Iterable<Entry>, then: ReadonlyMap<string, Entry | undefined>, after = ''): Generator<Entry> {
  const gone = [...then.values()].filter((entry) => entry !== undefined && entry.key > after) as Entry[];
  gone.sort((one, other) => (one.key < other.key ? -1 : 1));
  let next = 0;
  for (const entry of now) {
    for (let old = gone[next]; old && old.key < entry.key; old = gone[++next]) yield old;
    if (!then.has(entry.key)) yield entry;
    else if (gone[next]?.key === entry.key) yield gone[next++] as Entry;
  }
  yield* gone.slice(next);
}
