/** The files of one container's log, oldest first: `<log>.4` … `<log>.1`, `<log>`. */
import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { entryAt } from './log-entry.ts';

export interface OpenLog {
  handle: FileHandle;
  inode: number;
  size: number;
  modifiedMs: number;
}

const block = 64 * 1024;

/** A rotation between listing and opening shows other files than were listed: then all is done again, at most so often. */
const tries = 10;

/** Opens all of them at once, so that a later rotation takes none away. The caller closes. */
export async function openLogs(logPath: string): Promise<OpenLog[]> {
  for (let attempt = 1; ; attempt++) {
    const names = await listLogs(logPath);
    const opened = await Promise.all(names.map(openLog));
    const files = opened.filter((file) => file !== undefined);
    const after = await listLogs(logPath);
    const inodes = await Promise.all(after.map(async (name) => (await stat(name).catch(() => undefined))?.ino));
    const same = files.length === after.length && files.every(({ inode }, index) => inode === inodes[index]);
    if (same || attempt >= tries) return files.filter(({ inode }, index) => files.findIndex((file) => file.inode === inode) === index);
    for (const { handle } of files) await handle.close();
  }
}

/** Paths, oldest first. */
async function listLogs(logPath: string): Promise<string[]> {
  const folder = path.dirname(logPath);
  const base = path.basename(logPath);
  const names = (await readdir(folder).catch(() => [])).filter((name) => name === base || (name.startsWith(`${base}.`) && /^\d+$/.test(name.slice(base.length + 1))));
  const age = (name: string) => (name === base ? 0 : Number(name.slice(base.length + 1)));
  return names.sort((a, b) => age(b) - age(a)).map((name) => path.join(folder, name));
}

export async function openLog(file: string): Promise<OpenLog | undefined> {
  const handle = await open(file, 'r').catch(() => undefined);
  if (!handle) return undefined;
  const { ino, size, mtimeMs } = await handle.stat();
  return { handle, inode: ino, size, modifiedMs: mtimeMs };
}

export interface Position {
  /** Index into the files. */
  file: number;
  offset: number;
}

/** Where the last `lines` lines start; blocks are read from the end, so the length of a log does not matter. */
export async function tailPosition(files: readonly OpenLog[], lines: number): Promise<Position> {
  let left = lines;
  for (let index = files.length - 1; index >= 0; index--) {
    const file = files[index] as OpenLog;
    const found = await tailOffset(file, left, index === files.length - 1);
    if (found.offset !== undefined) return { file: index, offset: found.offset };
    left -= found.lines;
  }
  return { file: 0, offset: 0 };
}

/** Offset after the entry that ends the line before the wanted ones, or how many whole lines the file has. */
async function tailOffset({ handle, size }: OpenLog, wanted: number, last: boolean): Promise<{ offset?: number; lines: number }> {
  if (wanted <= 0) return { offset: size, lines: 0 };
  let lines = 0;
  let end = size;
  let carry: Buffer = Buffer.alloc(0);
  // A last entry without its newline is still being written: it counts as none and is read when complete.
  let first = last;
  while (end > 0 || carry.length > 0) {
    const start = Math.max(0, end - block);
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(end - start), position: start });
    const bytes = Buffer.concat([buffer.subarray(0, bytesRead), carry]);
    let to = bytes.length;
    if (bytes[to - 1] === 10) to--;
    else if (first && carry.length === 0) to = bytes.lastIndexOf(10);
    first = false;
    while (to > 0) {
      const from = bytes.lastIndexOf(10, to - 1) + 1;
      if (from === 0 && start > 0) break;
      const entry = entryAt(bytes, from, to);
      if (entry?.full && ++lines > wanted) return { offset: start + to + 1, lines };
      if (from === 0) return { lines };
      to = from - 1;
    }
    if (start === 0) return { lines };
    // The part before the first newline belongs to an entry that starts in the block before.
    carry = Buffer.from(bytes.subarray(0, Math.max(to, 0) + 1));
    end = start;
  }
  return { lines };
}
