import { toDisposable, type Disposable } from '../../../base/disposable.ts';
import type { StoreEvent, StoreListener } from './store.ts';

/**
 * Who is told of what. Listeners of one prefix share the work of picking the events; prefixes are found by their collection
 * (`<group>/<plural>/`), so that a commit costs what its own collections are watched by.
 */
export class Watchers {
  readonly #collections = new Map<string, Map<string, readonly StoreListener[]>>();
  readonly #failed: (error: unknown) => void;

  /** `failed` is told when a listener throws; the others are still called. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  add(prefix: string, listener: StoreListener): Disposable {
    const collection = collectionOf(prefix);
    const prefixes = this.#collections.get(collection) ?? new Map<string, readonly StoreListener[]>();
    this.#collections.set(collection, prefixes);
    let live = true;
    const own: StoreListener = (events, revision) => {
      if (live) listener(events, revision);
    };
    // Lists are replaced, never changed: one that is being walked stays as it was.
    prefixes.set(prefix, [...(prefixes.get(prefix) ?? []), own]);
    return toDisposable(() => {
      live = false;
      const left = (prefixes.get(prefix) ?? []).filter((one) => one !== own);
      if (left.length > 0) prefixes.set(prefix, left);
      else prefixes.delete(prefix);
      if (prefixes.size === 0) this.#collections.delete(collection);
    });
  }

  tell(events: readonly StoreEvent[], revision: number): void {
    const byCollection = new Map<string, StoreEvent[]>();
    for (const event of events) {
      const collection = collectionOf(event.entry.key);
      const some = byCollection.get(collection);
      if (some) some.push(event);
      else byCollection.set(collection, [event]);
    }
    for (const [collection, some] of byCollection) this.#tell(collection, some, revision);
    this.#tell('', events, revision);
  }

  #tell(collection: string, events: readonly StoreEvent[], revision: number): void {
    for (const [prefix, listeners] of [...(this.#collections.get(collection) ?? [])]) {
      const under = events.filter((event) => event.entry.key.startsWith(prefix));
      if (under.length === 0) continue;
      for (const listener of listeners) {
        try {
          listener(under, revision);
        } catch (error) {
          this.#failed(error);
        }
      }
    }
  }
}

/** `core/pods/` of `core/pods/demo/web-1`; empty for a prefix that spans collections. */
function collectionOf(key: string): string {
  const first = key.indexOf('/');
  const second = first < 0 ? -1 : key.indexOf('/', first + 1);
  return second < 0 ? '' : key.slice(0, second + 1);
}
