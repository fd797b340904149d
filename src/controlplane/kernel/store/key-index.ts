/**
 * Entries by key in key order: a two-level tree, leaves of at most `leafSize` entries in one sorted array of leaves.
 *
 * With `leafSize` 4 and the keys a … g put in that order:
 *
 *   a b c d            one leaf, full
 *   a b │ c d e        `e` splits it
 *   a b │ c d │ e f g  `g` splits the second
 *
 * `get c` and the start of `list from c` are two binary searches (leaves by their first key, then inside); a page reads on from there,
 * so its cost is that of what it answers and never of what other collections hold. `countBelow` adds whole leaves.
 * A leaf that runs empty goes away; leaves are not merged, which costs nothing but a few half-empty arrays.
 */
import type { Entry } from './store.ts';

export class KeyIndex<E extends Pick<Entry, 'key'> = Entry> {
  readonly #leafSize: number;
  #leaves: E[][] = [];
  #size = 0;

  constructor(leafSize = 256) {
    this.#leafSize = leafSize;
  }

  get size(): number {
    return this.#size;
  }

  /** Keys leaf by leaf, for tests and the picture above. */
  shape(): string[][] {
    return this.#leaves.map((leaf) => leaf.map((entry) => entry.key));
  }

  get(key: string): E | undefined {
    const leaf = this.#leaves[this.#leafOf(key)];
    const found = leaf?.[lowerBound(leaf, key)];
    return found?.key === key ? found : undefined;
  }

  put(entry: E): void {
    const at = this.#leafOf(entry.key);
    const leaf = this.#leaves[at];
    if (!leaf) {
      this.#leaves.push([entry]);
      this.#size++;
      return;
    }
    const position = lowerBound(leaf, entry.key);
    if (leaf[position]?.key === entry.key) {
      leaf[position] = entry;
      return;
    }
    leaf.splice(position, 0, entry);
    this.#size++;
    if (leaf.length > this.#leafSize) this.#leaves.splice(at + 1, 0, leaf.splice(leaf.length >> 1));
  }

  remove(key: string): void {
    const at = this.#leafOf(key);
    const leaf = this.#leaves[at];
    if (!leaf) return;
    const position = lowerBound(leaf, key);
    if (leaf[position]?.key !== key) return;
    leaf.splice(position, 1);
    this.#size--;
    if (leaf.length === 0) this.#leaves.splice(at, 1);
  }

  /** Entries from the first key at or after `start` (after it, if `exclusive`) while they begin with `prefix`. */
  *from(prefix: string, start: string = prefix, exclusive = false): Generator<E, void> {
    const begin = start > prefix ? start : prefix;
    let at = this.#leafOf(begin);
    let position = lowerBound(this.#leaves[at] ?? [], begin);
    for (let leaf = this.#leaves[at]; leaf; leaf = this.#leaves[++at], position = 0) {
      for (; position < leaf.length; position++) {
        const entry = leaf[position] as E;
        if (exclusive && entry.key === start) continue;
        if (!entry.key.startsWith(prefix)) return;
        yield entry;
      }
    }
  }

  count(prefix: string): number {
    return this.countBelow(afterPrefix(prefix)) - this.countBelow(prefix);
  }

  /** How many keys sort before `key`; `undefined` sorts after all. */
  countBelow(key: string | undefined): number {
    if (key === undefined) return this.#size;
    const at = this.#leafOf(key);
    let count = lowerBound(this.#leaves[at] ?? [], key);
    for (let leaf = 0; leaf < at; leaf++) count += this.#leaves[leaf]?.length ?? 0;
    return count;
  }

  /** The leaf that holds `key` or would: the last one whose first key is not after it. */
  #leafOf(key: string): number {
    let low = 0;
    let high = this.#leaves.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#leaves[middle]?.[0]?.key ?? '') <= key) low = middle + 1;
      else high = middle;
    }
    return Math.max(low - 1, 0);
  }
}

function lowerBound(leaf: readonly { key: string }[], key: string): number {
  let low = 0;
  let high = leaf.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((leaf[middle]?.key ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The least string that sorts after everything that begins with `prefix`; undefined if there is none. */
export function afterPrefix(prefix: string): string | undefined {
  if (prefix === '') return undefined;
  const last = prefix.charCodeAt(prefix.length - 1);
  return last === 0xffff ? afterPrefix(prefix.slice(0, -1)) : prefix.slice(0, -1) + String.fromCharCode(last + 1);
}
