/** Everything that can be wrong with a store, with what to do about it. */

export type StoreFailureCode =
  /** The disk is full; writing works again once there is space. */
  | 'full'
  /** The disk refused to read or write. */
  | 'io'
  /** More writes wait than the store takes. */
  | 'busy'
  | 'closed'
  | 'damaged'
  | 'in-use'
  | 'network-disk'
  /** Written by a newer version. */
  | 'newer';

export class StoreFailure extends Error {
  readonly code: StoreFailureCode;
  constructor(code: StoreFailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreFailure';
    this.code = code;
  }
}

export interface Salvage {
  /** The store as it is now, ready to be opened. */
  file: string;
  /** Where the damaged file was put, with its log beside it. Nothing of it was changed. */
  kept: string;
  objects: number;
  /** How many objects the damaged store said it held; undefined if even that could not be read. */
  expected: number | undefined;
}

/** The file is not what was written. It is left as it is; `recover` makes a new store of what can still be read. */
export class StoreDamaged extends StoreFailure {
  readonly file: string;
  readonly recover: () => Promise<Salvage>;
  constructor(file: string, what: string, recover: () => Promise<Salvage>, options?: ErrorOptions) {
    super(
      'damaged',
      `the store ${file} is damaged: ${what}. Put back a copy of it, or let Slipway recover: it keeps the damaged file and goes on with what can still be read`,
      options,
    );
    this.name = 'StoreDamaged';
    this.file = file;
    this.recover = recover;
  }
}

export const diskFull = (file: string, cause?: unknown) =>
  new StoreFailure('full', `the disk that holds ${file} is full. Free some space and try again: what was acknowledged is safe`, { cause });
export const diskFailed = (file: string, why: string, cause?: unknown) => new StoreFailure('io', `writing to ${file} failed: ${why}. Check the disk; the write did not happen`, { cause });
export const writerGone = (file: string, cause?: unknown) =>
  new StoreFailure('io', `the process part that writes ${file} ended: nothing can be written until Slipway is restarted; what was acknowledged is safe`, { cause });
export const tooManyWrites = (waiting: number) => new StoreFailure('busy', `${waiting} writes are waiting for the disk already: try again later`);
export const storeClosed = () => new StoreFailure('closed', 'the store is closed: Slipway is stopping');
export const storeInUse = (file: string, cause?: unknown) => new StoreFailure('in-use', `the store ${file} is in use by another process: stop it first (slipway down)`, { cause });
export const newerSchema = (file: string, found: number, known: number) =>
  new StoreFailure('newer', `the store ${file} was written by a newer Slipway (schema ${found}, this one knows ${known}): use that version`);
export const networkDisk = (folder: string, kind: string) =>
  new StoreFailure('network-disk', `${folder} lies on a network file system (${kind}), where a write that was acknowledged can be lost: choose a folder on a local disk (--home)`);
