/** Small JSON documents on disk that survive kill -9: written aside, synced, renamed. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

/** Synchronous on purpose: a few hundred bytes, and what follows must not happen before it is on disk. */
export function writeState(path: string, value: unknown): void {
  writeText(path, `${JSON.stringify(value)}\n`);
}

/** Of what runs and ends with the machine at the latest: it survives every kill of a process. A loss of power may take it, so nobody waits for the disk. */
export function writeRunState(path: string, value: unknown): void {
  writeText(path, `${JSON.stringify(value)}\n`, false);
}

export function writeText(path: string, text: string, synced = true): void {
  const aside = `${path}.${process.pid}.tmp`;
  const file = openSync(aside, 'w', 0o600);
  try {
    writeFileSync(file, text);
    if (synced) fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(aside, path);
}

/** undefined if it is not there or was damaged. */
export function readState<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch {
    return undefined;
  }
}
