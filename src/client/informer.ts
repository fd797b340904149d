/** A local, indexed copy of one resource, kept true by list and watch. */
import type { KubeObject } from '../api/meta.ts';
import type { Disposable } from '../base/disposable.ts';

export interface Change<T> {
  type: 'added' | 'modified' | 'deleted';
  object: T;
  /** What the cache held before; present for `modified` and `deleted`. */
  previous?: T;
}

export interface Informer<T extends KubeObject> extends Disposable {
  /** Resolves once the first list is in the cache. */
  readonly synced: Promise<void>;
  /** By `namespace/name`, or `name` for cluster-scoped resources. */
  get(key: string): T | undefined;
  list(namespace?: string): T[];
  /** Objects of the named index under `value`; see `InformerOptions.indexes`. */
  byIndex(index: string, value: string): T[];
  /** Called for each change after the cache holds it; existing objects are reported as `added` at once. */
  onChange(listener: (change: Change<T>) => void): Disposable;
  /** Connection state, for the UI: `undefined` while the watch is healthy. */
  readonly failure: Error | undefined;
  onFailure(listener: (failure: Error | undefined) => void): Disposable;
}

export interface InformerOptions<T extends KubeObject> {
  namespace?: string | undefined;
  labelSelector?: string;
  fieldSelector?: string;
  /** Name of index to the values an object is filed under. */
  indexes?: Record<string, (object: T) => readonly string[]>;
}
