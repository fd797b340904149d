/** Single objects that pods refer to (config maps, secrets): fetched on first use, then watched for as long as a pod uses them. */
import { keyOf, splitKey, type KubeObject } from '../api/meta.ts';
import type { Resource } from '../api/resource.ts';
import { isStatusError } from '../api/status.ts';
import type { Clock } from '../base/clock.ts';
import type { Disposable } from '../base/disposable.ts';
import { Emitter } from '../base/emitter.ts';
import type { Log } from '../base/log.ts';
import type { Client } from '../client/client.ts';
import type { Informer } from '../client/informer.ts';
import { informer } from '../client/informers.ts';

interface Entry<T extends KubeObject> {
  cache: Informer<T>;
  synced: boolean;
  /** Uids of the pods that use it. */
  users: Set<string>;
}

/** At most one watch an object, however many pods use it; it ends with the last of them. */
export class ObjectCache<T extends KubeObject> implements Disposable {
  readonly #client: Client;
  readonly #of: Resource<T>;
  readonly #around: { clock: Clock; log: Log };
  readonly #entries = new Map<string, Entry<T>>();
  readonly #changes = new Emitter<ReadonlySet<string>>();

  constructor(client: Client, of: Resource<T>, around: { clock: Clock; log: Log }) {
    this.#client = client;
    this.#of = of;
    this.#around = around;
  }

  /** The object for the pod `uid`, or `undefined` if it does not exist. Rejects when the API cannot be asked. */
  async get(uid: string, namespace: string, name: string): Promise<T | undefined> {
    const key = keyOf({ metadata: { namespace, name } });
    const entry = this.#entries.get(key) ?? this.#watch(key);
    entry.users.add(uid);
    if (entry.synced) return entry.cache.get(key);
    // The first list and watch take two round trips; a plain GET takes one.
    try {
      return await this.#client.get(this.#of, { namespace, name });
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** Called with the uids of the pods that use an object that changed. */
  onChange(listener: (users: ReadonlySet<string>) => void): Disposable {
    return this.#changes.on(listener);
  }

  /** The pod `uid` ended. */
  release(uid: string): void {
    for (const [key, entry] of this.#entries) {
      if (!entry.users.delete(uid) || entry.users.size > 0) continue;
      this.#entries.delete(key);
      void entry.cache.dispose();
    }
  }

  async dispose(): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(entries.map(({ cache }) => cache.dispose()));
  }

  #watch(key: string): Entry<T> {
    const { namespace, name } = splitKey(key);
    const cache = informer(this.#client, this.#of, { namespace, fieldSelector: `metadata.name=${name}` }, this.#around);
    const entry: Entry<T> = { cache, synced: false, users: new Set() };
    this.#entries.set(key, entry);
    void cache.synced.then(() => (entry.synced = true));
    cache.onChange(() => entry.synced && this.#changes.fire(entry.users));
    return entry;
  }
}
