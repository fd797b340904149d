/** An append-only log that is rotated by renaming: `<log>`, then `<log>.1` (newest) to `<log>.4`. */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export interface LogFileOptions {
  /** Bytes after which the file is renamed. Default 10 MiB. */
  limit?: number;
  /** Files in all. Default 5; the oldest is lost at the next rotation. */
  files?: number;
}

export class LogFile {
  readonly #path: string;
  readonly #limit: number;
  readonly #files: number;
  #file: number;
  #size: number;
  /** Set by `onLoss` of the last failed write. */
  #lost = 0;

  constructor(path: string, options: LogFileOptions = {}) {
    this.#path = path;
    this.#limit = options.limit ?? 10 * 1024 * 1024;
    this.#files = options.files ?? 5;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#file = openSync(path, 'a', 0o600);
    this.#size = fstatSync(this.#file).size;
  }

  /** Bytes that a full disk refused so far: an application must not stop because its log cannot grow. */
  get lost(): number {
    return this.#lost;
  }

  write(entries: Buffer): void {
    if (entries.length === 0) return;
    let written = 0;
    try {
      while (written < entries.length) written += writeSync(this.#file, entries, written);
    } catch {
      this.#lost += entries.length - written;
    }
    this.#size += written;
    if (this.#size >= this.#limit) this.#rotate();
  }

  close(): void {
    closeSync(this.#file);
  }

  #rotate(): void {
    try {
      for (let at = this.#files - 2; at >= 1; at -= 1) rename(`${this.#path}.${at}`, `${this.#path}.${at + 1}`);
      if (this.#files > 1) renameSync(this.#path, `${this.#path}.1`);
      const fresh = openSync(this.#path, this.#files > 1 ? 'a' : 'w', 0o600);
      closeSync(this.#file);
      this.#file = fresh;
      this.#size = 0;
    } catch {
      // Without room for a new file the present one grows on; the next write tries again.
    }
  }
}

function rename(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
