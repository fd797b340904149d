/**
 * The store's contract: `Reader → Writer → Watchable`, one power added at a time.
 *
 * One global revision counts writes: every put and every remove has its own. A compare-and-swap runs against the state that the pending batch will leave;
 * readers and watchers see only what is committed, in order. A failed commit rejects its whole batch and restores memory.
 * A write is acknowledged (its promise resolves) only after its fsync.
 *
 * Keys read `<group>/<plural>/<namespace>/<name>` (`core/pods/demo/web-1`, `core/nodes//node-1`): a prefix is a collection.
 */
import type { KubeObject } from '../../../api/meta.ts';
import type { Disposable } from '../../../base/disposable.ts';

export interface Entry<T extends KubeObject = KubeObject> {
  readonly key: string;
  /** Revision of the last write; also in `object.metadata.resourceVersion`. */
  readonly revision: number;
  /** Deeply frozen. */
  readonly object: T;
  /** `object` as JSON in UTF-8, made once. */
  readonly bytes: Buffer;
}

export interface Page {
  entries: Entry[];
  /** The revision this page shows. */
  revision: number;
  /** Key after which the next page starts. */
  next?: string;
  /** How many entries follow this page; only known without a filter. */
  remaining?: number;
}

export interface Reader {
  /** The newest committed revision. */
  readonly revision: number;
  get(key: string): Entry | undefined;
  /** Entries whose key starts with `prefix`, in key order. Throws `Expired` when `at` names a revision no longer kept. */
  list(prefix: string, options?: { limit?: number; after?: string; at?: number }): Page;
  count(prefix: string): number;
}

/** `expected` 0: must not exist; a number: must be at that revision; undefined: must exist, at whatever revision. */
export interface Writer extends Reader {
  /**
   * Writes `object`, whose resourceVersion the store sets and which it takes over: everything in it is frozen.
   * Rejects with `RevisionMismatch`, or with the failure of the commit.
   * A mismatch with a write that is still pending is told once that write is committed, so that whoever then reads sees why.
   */
  put(key: string, object: KubeObject, expected: number | undefined): Promise<Entry>;
  /** Removes; resolves to the last entry. Its deletion has a revision of its own, which is stamped on the object of the event. */
  remove(key: string, expected: number | undefined): Promise<Entry>;
  /** What the pending batch will leave under `key`: the state to base a compare-and-swap on. */
  pending(key: string): Entry | undefined;
}

export type StoreEvent =
  | { readonly type: 'put'; readonly entry: Entry; readonly previous: Entry | undefined }
  | { readonly type: 'remove'; /** The object as it was, with the deletion's revision. */ readonly entry: Entry; readonly previous: Entry };

/** Called synchronously, once a committed batch, with the events of that batch under the prefix, in order. */
export type StoreListener = (events: readonly StoreEvent[], revision: number) => void;

export interface Watchable extends Writer {
  /**
   * Reports everything committed after `since` (0 or undefined: from now on). Events between `since` and now are reported before the call returns.
   * Throws `Expired` when history no longer reaches back to `since`.
   */
  watch(prefix: string, since: number | undefined, listener: StoreListener): Disposable;
}

export interface Store extends Watchable, Disposable {
  /** `embedded` or `etcd`. */
  readonly backend: string;
}

/** The entry under the key is not at the expected revision. */
export class RevisionMismatch extends Error {
  readonly current: Entry | undefined;
  constructor(key: string, current: Entry | undefined) {
    super(`"${key}" is at revision ${current?.revision ?? 0}`);
    this.name = 'RevisionMismatch';
    this.current = current;
  }
}

/** History no longer reaches back to the revision asked for. */
export class Expired extends Error {
  constructor(asked: number, oldest: number) {
    super(`revision ${asked} is no longer kept; the oldest is ${oldest}`);
    this.name = 'Expired';
  }
}
