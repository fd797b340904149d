import { keyOf, type KubeObject } from '../api/meta.ts';

export type IndexFunction<T> = (object: T) => readonly string[];

/** Name of the index by namespace that every cache has. */
const byNamespace = 'namespace';

/**
 * Objects by key, filed under the values of any number of indexes.
 * `byIndex('owner', 'u1')` costs what it answers, whatever else the cache holds.
 */
export class IndexedCache<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, { values: IndexFunction<T>; filed: Map<string, Map<string, T>> }>();

  constructor(indexes: Record<string, IndexFunction<T>> = {}) {
    this.addIndexes({ [byNamespace]: (object) => (object.metadata.namespace ? [object.metadata.namespace] : []), ...indexes });
  }

  get size(): number {
    return this.#objects.size;
  }

  /** Adds indexes over what is held already; a name that exists keeps its function. */
  addIndexes(indexes: Record<string, IndexFunction<T>>): void {
    for (const [name, values] of Object.entries(indexes)) {
      if (this.#indexes.has(name)) continue;
      const filed = new Map<string, Map<string, T>>();
      this.#indexes.set(name, { values, filed });
      for (const [key, object] of this.#objects) file(filed, values(object), key, object);
    }
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  list(namespace?: string): T[] {
    return namespace === undefined ? [...this.#objects.values()] : this.byIndex(byNamespace, namespace);
  }

  byIndex(index: string, value: string): T[] {
    const found = this.#indexes.get(index);
    if (!found) throw new Error(`there is no index "${index}"; indexes are named when the informer is made`);
    return [...(found.filed.get(value)?.values() ?? [])];
  }

  /** Holds `object`; answers what it replaces. */
  put(object: T): T | undefined {
    const key = keyOf(object);
    const previous = this.#objects.get(key);
    this.#objects.set(key, object);
    for (const { values, filed } of this.#indexes.values()) {
      if (previous) unfile(filed, values(previous), key);
      file(filed, values(object), key, object);
    }
    return previous;
  }

  remove(key: string): T | undefined {
    const previous = this.#objects.get(key);
    if (!previous) return undefined;
    this.#objects.delete(key);
    for (const { values, filed } of this.#indexes.values()) unfile(filed, values(previous), key);
    return previous;
  }
}

function file<T>(filed: Map<string, Map<string, T>>, values: readonly string[], key: string, object: T): void {
  for (const value of values) {
    const under = filed.get(value);
    if (under) under.set(key, object);
    else filed.set(value, new Map([[key, object]]));
  }
}

function unfile<T>(filed: Map<string, Map<string, T>>, values: readonly string[], key: string): void {
  for (const value of values) {
    const under = filed.get(value);
    if (under?.delete(key) && under.size === 0) filed.delete(value);
  }
}
