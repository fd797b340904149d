/** Reads a container's log as `kubectl logs` asks for it. */
import { watch } from 'node:fs';
import path from 'node:path';
import { entryAt } from './log-entry.ts';
import { openLog, openLogs, tailPosition, type OpenLog } from './log-files.ts';

export interface LogOptions {
  follow: boolean;
  tailLines?: number;
  /** ms; entries before are left out. */
  since?: number;
  timestamps: boolean;
  limitBytes?: number;
}

const block = 64 * 1024;
/** Longest wait for a notice of the file system before looking by oneself: some file systems give none. */
const lookMs = 1_000;

/**
 * The text of the log in chunks. Following ends once `ended` is aborted (the container is over) and everything is read, or at once when `signal` is.
 * A log that is rotated meanwhile is read on without a gap.
 */
export async function* readLog(logPath: string, options: LogOptions, ended: AbortSignal, signal: AbortSignal): AsyncGenerator<Buffer> {
  const files = await openLogs(logPath);
  const format = new Formatter(options);
  let left = options.limitBytes ?? Infinity;
  try {
    const start = options.tailLines === undefined ? { file: 0, offset: 0 } : await tailPosition(files, options.tailLines);
    let current: { file: OpenLog; offset: number } | undefined;
    for (const [index, file] of files.entries()) {
      if (index < start.file) continue;
      const offset = index === start.file ? start.offset : 0;
      current = { file, offset };
      if (options.since !== undefined && file.modifiedMs < options.since && index < files.length - 1) continue;
      for await (const text of textOf(current, format, signal)) {
        yield text.subarray(0, left);
        if ((left -= text.length) <= 0) return;
      }
    }
    if (!options.follow || signal.aborted) return;
    for await (const text of follow(logPath, files, current, format, ended, signal)) {
      yield text.subarray(0, left);
      if ((left -= text.length) <= 0) return;
    }
  } finally {
    for (const { handle } of files) await handle.close().catch(() => undefined);
  }
}

type Current = { file: OpenLog; offset: number };

async function* follow(logPath: string, files: OpenLog[], from: Current | undefined, format: Formatter, ended: AbortSignal, signal: AbortSignal): AsyncGenerator<Buffer> {
  let current = from;
  const bell = new Bell(path.dirname(logPath), [ended, signal]);
  try {
    while (!signal.aborted) {
      // Asked before reading: what was written before the end is then surely read after it.
      const over = ended.aborted;
      const ring = bell.next();
      if (current) yield* textOf(current, format, signal);
      const next: OpenLog | undefined = await newerThan(logPath, current?.file);
      if (next) {
        if (current) yield* textOf(current, format, signal);
        files.push(next);
        current = { file: next, offset: 0 };
        continue;
      }
      if (over) return;
      await ring;
    }
  } finally {
    bell.close();
  }
}

/** The file that follows `file` in the log, if the log was rotated since. */
async function newerThan(logPath: string, file: OpenLog | undefined): Promise<OpenLog | undefined> {
  const newest = await openLog(logPath);
  if (!newest) return undefined;
  if (newest.inode === file?.inode) {
    await newest.handle.close();
    return undefined;
  }
  if (!file) return newest;
  await newest.handle.close();
  // It may have been rotated more than once: go on with the one after ours.
  const all = await openLogs(logPath);
  const index = all.findIndex(({ inode }) => inode === file.inode);
  const next = all[index + 1];
  for (const other of all) if (other !== next) await other.handle.close();
  return next;
}

/** Everything from the offset to the present end, entry by entry; moves the offset behind the last whole one. */
async function* textOf(current: Current, format: Formatter, signal: AbortSignal): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  let position = current.offset;
  while (!signal.aborted) {
    const { buffer, bytesRead } = await current.file.handle.read({ buffer: Buffer.alloc(block), position });
    if (bytesRead === 0) return;
    position += bytesRead;
    const bytes = rest.length > 0 ? Buffer.concat([rest, buffer.subarray(0, bytesRead)]) : buffer.subarray(0, bytesRead);
    const whole = bytes.lastIndexOf(10) + 1;
    rest = bytes.subarray(whole);
    current.offset = position - rest.length;
    const text = format.text(bytes.subarray(0, whole));
    if (text.length > 0) yield text;
  }
}

class Formatter {
  readonly #timestamps: boolean;
  readonly #since: number | undefined;
  /** The entry before ended its line. */
  #fresh = true;

  constructor({ timestamps, since }: LogOptions) {
    this.#timestamps = timestamps;
    this.#since = since;
  }

  /** `bytes` are whole entries. */
  text(bytes: Buffer): Buffer {
    const parts: Buffer[] = [];
    for (let from = 0; from < bytes.length; ) {
      const to = bytes.indexOf(10, from);
      const entry = entryAt(bytes, from, to);
      if (entry && this.#wanted(bytes, from, entry.stampEnd)) {
        if (this.#timestamps && this.#fresh) parts.push(bytes.subarray(from, entry.stampEnd + 1));
        parts.push(bytes.subarray(entry.text, entry.full ? to + 1 : to));
        this.#fresh = entry.full;
      }
      from = to + 1;
    }
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }

  #wanted(bytes: Buffer, from: number, end: number): boolean {
    return this.#since === undefined || Date.parse(bytes.toString('latin1', from, end)) >= this.#since;
  }
}

/** Rings when something in the folder changes, when a signal aborts, and once in a while. */
class Bell {
  readonly #close: () => void;
  #wake: () => void = () => undefined;
  #rung = false;

  constructor(folder: string, signals: readonly AbortSignal[]) {
    const ring = () => {
      this.#rung = true;
      this.#wake();
    };
    const watcher = watch(folder, ring);
    watcher.on('error', () => watcher.close());
    const timer = setInterval(ring, lookMs);
    for (const signal of signals) signal.addEventListener('abort', ring, { once: true });
    this.#close = () => {
      watcher.close();
      clearInterval(timer);
      for (const signal of signals) signal.removeEventListener('abort', ring);
    };
  }

  /** Resolves at the first ring after this call. */
  next(): Promise<void> {
    this.#rung = false;
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#rung) resolve();
    });
  }

  close(): void {
    this.#close();
  }
}
