/** The control plane's own log: JSON lines in a file of bounded size, with the one before it. */
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import type { Disposable } from '../../../base/disposable.ts';

const largest = 10 * 1024 * 1024;

export interface LogFile extends Disposable {
  write(line: string): void;
}

/** Lines that cannot be written, e.g. on a full disk, are dropped: a log must not end what it tells about. */
export function openLogFile(path: string): LogFile {
  let file = openSync(path, 'a', 0o600);
  let size = fstatSync(file).size;
  let closed = false;
  return {
    write(line) {
      if (closed) return;
      try {
        size += writeSync(file, `${line}\n`);
        if (size < largest) return;
        closeSync(file);
        renameSync(path, `${path}.1`);
        file = openSync(path, 'a', 0o600);
        size = 0;
      } catch {
        // See above.
      }
    },
    dispose() {
      if (!closed) closeSync(file);
      closed = true;
    },
  };
}
