/**
 * Replaces all files of a volume at once, as the kubelet does, so that a reader never sees half of an update:
 *
 *   <volume>/key            → ..data/key
 *   <volume>/..data         → ..<serial>        swapped by one rename
 *   <volume>/..<serial>/key
 *
 * Synchronous: a few small files, thirty calls, none of which is worth being waited for at the start of a pod.
 */
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { VolumeFiles } from './volume-files.ts';

const dataLink = '..data';

/** True if anything changed. */
export function writeAtomically(folder: string, files: VolumeFiles): boolean {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const before = linkAt(path.join(folder, dataLink));
  if (before !== undefined && holds(path.join(folder, before), files)) return false;

  const next = mkdtempSync(`${folder}${path.sep}..`);
  chmodSync(next, 0o755);
  for (const [name, { data, mode }] of files) {
    const file = path.join(next, name);
    if (name.includes('/')) mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 });
    // Nobody else reads a secret between the two calls.
    writeFileSync(file, data, { mode: 0o600 });
    chmodSync(file, mode);
  }
  const temporary = path.join(folder, '..data_tmp');
  rmSync(temporary, { force: true });
  symlinkSync(path.basename(next), temporary);
  renameSync(temporary, path.join(folder, dataLink));

  const wanted = new Set([...files.keys()].map((name) => name.split('/')[0] as string));
  for (const entry of readdirSync(folder)) {
    if (!entry.startsWith('..') && !wanted.has(entry)) rmSync(path.join(folder, entry), { force: true });
    // Only what an earlier update left behind.
    if (entry.startsWith('..') && entry !== dataLink && entry !== path.basename(next)) rmSync(path.join(folder, entry), { recursive: true, force: true });
  }
  for (const name of wanted) {
    const link = path.join(folder, name);
    if (!lstatSync(link, { throwIfNoEntry: false })) symlinkSync(path.join(dataLink, name), link);
  }
  return true;
}

function linkAt(file: string): string | undefined {
  return lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(file) : undefined;
}

function holds(folder: string, files: VolumeFiles): boolean {
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return false;
  const present = readdirSync(folder, { recursive: true, withFileTypes: true });
  if (present.filter((entry) => !entry.isDirectory()).length !== files.size) return false;
  for (const [name, { data, mode }] of files) {
    const file = path.join(folder, name);
    const info = statSync(file, { throwIfNoEntry: false });
    if (!info?.isFile() || (info.mode & 0o777) !== (mode & 0o777) || !readFileSync(file).equals(data)) return false;
  }
  return true;
}
