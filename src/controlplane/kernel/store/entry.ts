import { deepFreeze } from '../../../api/json.ts';
import type { KubeObject } from '../../../api/meta.ts';
import type { Entry } from './store.ts';

/**
 * One version of one object, as frozen object and as bytes. Whichever was not there at first is made when asked for:
 * what is loaded from disk is parsed on first use, what a deletion leaves is serialised only if somebody watches.
 */
export class StoredEntry<T extends KubeObject = KubeObject> implements Entry<T> {
  readonly key: string;
  readonly revision: number;
  /** Where a back-end keeps the versions of this object, from its creation to its removal. */
  readonly row: number;
  #object: T | undefined;
  #bytes: Buffer | undefined;

  private constructor(key: string, revision: number, row: number, object: T | undefined, bytes: Buffer | undefined) {
    this.key = key;
    this.revision = revision;
    this.row = row;
    this.#object = object;
    this.#bytes = bytes;
  }

  /** A new version: `object` with its revision stamped, frozen with everything in it, serialised once. */
  static written(key: string, revision: number, row: number, object: KubeObject): StoredEntry {
    const stamped = stamp(object, revision);
    const bytes = serialise(stamped);
    return new StoredEntry(key, revision, row, deepFreeze(stamped), bytes);
  }

  static loaded(key: string, revision: number, row: number, bytes: Buffer): StoredEntry {
    return new StoredEntry(key, revision, row, undefined, bytes);
  }

  /** What is left of `last` once removed at `revision`. */
  static removed(last: StoredEntry, revision: number): StoredEntry {
    return new StoredEntry(last.key, revision, last.row, deepFreeze(stamp(last.object, revision)), undefined);
  }

  get object(): T {
    return (this.#object ??= deepFreeze(JSON.parse(this.bytes.toString()) as T));
  }

  get bytes(): Buffer {
    return (this.#bytes ??= serialise(this.#object));
  }

  /** Gives up the parsed form of a version that only history still holds. */
  shrink(): void {
    if (this.#bytes) this.#object = undefined;
  }
}

function stamp(object: KubeObject, revision: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

/** Not from the shared pool of small buffers: an entry lives long and would keep its neighbours alive. */
function serialise(object: unknown): Buffer {
  const json = JSON.stringify(object);
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(json));
  bytes.write(json);
  return bytes;
}
