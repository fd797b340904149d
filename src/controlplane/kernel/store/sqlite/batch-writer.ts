/** Who makes a batch durable. The store's memory follows only after `commit` has resolved. */
import type { Disposable } from '../../../../base/disposable.ts';

export type RowChange = { row: number; key: string; revision: number; value: Uint8Array } | { row: number; removed: true };

export interface Batch {
  changes: readonly RowChange[];
  /** The revision the store is at afterwards. */
  revision: number;
}

export interface BatchWriter extends Disposable {
  /** Resolves after the fsync; rejects with a `StoreFailure` if nothing of the batch will be there. One at a time. */
  commit(batch: Batch): Promise<void>;
  /** Set when nothing can be written any more. */
  readonly gone: Error | undefined;
}
