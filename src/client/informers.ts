/**
 * Informers over any client.
 *
 *   list (pages of 500) → watch from the list's revision → on its end: watch again from the last revision seen (bookmarks keep it fresh)
 *                              └ 410: the server no longer keeps that revision → list again and report the difference
 */
import { keyOf, type KubeObject, type WatchEvent } from '../api/meta.ts';
import { groupResource, type Resource } from '../api/resource.ts';
import { isStatusError, StatusError, type Status } from '../api/status.ts';
import { delay, type Clock } from '../base/clock.ts';
import type { Disposable } from '../base/disposable.ts';
import { Emitter } from '../base/emitter.ts';
import type { Log } from '../base/log.ts';
import type { Client } from './client.ts';
import { IndexedCache, type IndexFunction } from './indexed-cache.ts';
import type { Change, Informer, InformerOptions } from './informer.ts';

export interface InformerSurroundings {
  clock: Clock;
  log: Log;
  /** 0 to 1; spreads reconnects of many clients over time. */
  random?: () => number;
}

export interface GrowingInformer<T extends KubeObject> extends Informer<T> {
  addIndexes(indexes: Record<string, IndexFunction<T>>): void;
}

const pageSize = 500;
/** First and longest wait before the next try, before jitter. */
const backoff = { first: 500, most: 30_000 };
/** A watch that lived this long was healthy: its end is no reason to wait before the next one. */
const healthyMs = 5_000;
/** Asked of the server, plus up to as much again: long-lived watches are renewed, so that a connection that silently died is noticed. */
const watchSeconds = 300;

export function informer<T extends KubeObject>(client: Client, of: Resource<T>, options: InformerOptions<T>, around: InformerSurroundings): GrowingInformer<T> {
  return new ListWatch(client, of, options, around);
}

class ListWatch<T extends KubeObject> implements GrowingInformer<T> {
  readonly synced: Promise<void>;
  readonly #client: Client;
  readonly #of: Resource<T>;
  readonly #selection: { namespace?: string | undefined; labelSelector?: string; fieldSelector?: string };
  readonly #around: InformerSurroundings;
  readonly #log: Log;
  readonly #cache: IndexedCache<T>;
  readonly #changes = new Emitter<Change<T>>();
  readonly #failures = new Emitter<Error | undefined>();
  readonly #ended = new AbortController();
  readonly #running: Promise<void>;
  #resolveSynced: () => void = () => undefined;
  #failure: Error | undefined;
  /** Revision to watch from; undefined: list first. */
  #revision: string | undefined;
  #tries = 0;

  constructor(client: Client, of: Resource<T>, { indexes, ...selection }: InformerOptions<T>, around: InformerSurroundings) {
    this.#client = client;
    this.#of = of;
    this.#selection = selection;
    this.#around = around;
    this.#log = around.log.child('informer');
    this.#cache = new IndexedCache(indexes);
    this.synced = new Promise((resolve) => (this.#resolveSynced = resolve));
    this.#running = this.#run();
  }

  get(key: string): T | undefined {
    return this.#cache.get(key);
  }

  list(namespace?: string): T[] {
    return this.#cache.list(namespace);
  }

  byIndex(index: string, value: string): T[] {
    return this.#cache.byIndex(index, value);
  }

  addIndexes(indexes: Record<string, IndexFunction<T>>): void {
    this.#cache.addIndexes(indexes);
  }

  onChange(listener: (change: Change<T>) => void): Disposable {
    const safe = (change: Change<T>) => {
      try {
        listener(change);
      } catch (error) {
        this.#log.error('a listener failed', { resource: groupResource(this.#of), key: keyOf(change.object), error });
      }
    };
    for (const object of this.#cache.list()) safe({ type: 'added', object });
    return this.#changes.on(safe);
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  onFailure(listener: (failure: Error | undefined) => void): Disposable {
    return this.#failures.on(listener);
  }

  async dispose(): Promise<void> {
    this.#ended.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      let wait = 0;
      try {
        if (this.#revision === undefined) await this.#relist();
        wait = (await this.#watch()) ? 0 : this.#backoff();
      } catch (error) {
        if (this.#ended.signal.aborted) return;
        if (isGone(error)) {
          this.#revision = undefined;
          // The first time at once: it merely was away for long. Then with growing waits, or a server that forgets quickly is listed to death.
          wait = this.#tries++ === 0 ? 0 : this.#backoff();
        } else {
          this.#setFailure(error instanceof Error ? error : new Error(String(error)));
          wait = this.#backoff();
          this.#log.debug('connection lost', { resource: groupResource(this.#of), error, wait });
        }
      }
      if (wait > 0) await delay(this.#around.clock, wait, this.#ended.signal).catch(() => undefined);
    }
  }

  async #relist(): Promise<void> {
    const items: T[] = [];
    let revision: string | undefined;
    let next: string | undefined;
    do {
      const page = await this.#client.list(this.#of, { ...this.#selection, limit: pageSize, ...(next && { continue: next }), signal: this.#ended.signal });
      for (const item of page.items) items.push(item);
      revision = page.metadata.resourceVersion;
      next = page.metadata.continue;
    } while (next);
    this.#ended.signal.throwIfAborted();
    const gone = new Set(this.#cache.keys());
    for (const item of items) {
      gone.delete(keyOf(item));
      this.#put(item);
    }
    for (const key of gone) this.#remove(key, undefined);
    this.#revision = revision ?? '';
    this.#setFailure(undefined);
    this.#resolveSynced();
  }

  /** True if the watch ended in good health. */
  async #watch(): Promise<boolean> {
    const { clock, random = Math.random } = this.#around;
    const start = clock.now().getTime();
    const watch = this.#client.watch(this.#of, {
      ...this.#selection,
      resourceVersion: this.#revision ?? '',
      allowBookmarks: true,
      timeoutSeconds: Math.round(watchSeconds * (1 + random())),
      signal: this.#ended.signal,
    });
    try {
      await watch.opened;
      this.#setFailure(undefined);
      for await (const event of watch) {
        if (this.#ended.signal.aborted) return true;
        this.#tries = 0;
        this.#apply(event);
      }
    } finally {
      watch.dispose();
    }
    const healthy = clock.now().getTime() - start >= healthyMs;
    if (healthy) this.#tries = 0;
    return healthy;
  }

  #apply(event: WatchEvent<T>): void {
    if (event.type === 'ERROR') throw StatusError.from(event.object as unknown as Status);
    if (event.type === 'ADDED' || event.type === 'MODIFIED') this.#put(event.object);
    else if (event.type === 'DELETED') this.#remove(keyOf(event.object), event.object);
    this.#revision = event.object.metadata.resourceVersion ?? this.#revision;
  }

  #put(object: T): void {
    const previous = this.#cache.put(object);
    if (!previous) this.#changes.fire({ type: 'added', object });
    else if (previous.metadata.uid !== object.metadata.uid) {
      // Deleted and made anew while nobody watched: two objects, not one that changed.
      this.#changes.fire({ type: 'deleted', object: previous, previous });
      this.#changes.fire({ type: 'added', object });
    } else if (previous.metadata.resourceVersion !== object.metadata.resourceVersion) this.#changes.fire({ type: 'modified', object, previous });
  }

  /** `last`: the object as the deletion left it, if the server told. */
  #remove(key: string, last: T | undefined): void {
    const previous = this.#cache.remove(key);
    if (previous) this.#changes.fire({ type: 'deleted', object: last ?? previous, previous });
  }

  #setFailure(failure: Error | undefined): void {
    if (failure === undefined && this.#failure === undefined) return;
    this.#failure = failure;
    this.#failures.fire(failure);
  }

  #backoff(): number {
    const { random = Math.random } = this.#around;
    const base = Math.min(backoff.first * 2 ** Math.min(this.#tries++, 20), backoff.most);
    return base * (0.5 + random() / 2);
  }
}

function isGone(error: unknown): boolean {
  return isStatusError(error) && (error.code === 410 || error.reason === 'Expired' || error.reason === 'Gone');
}
