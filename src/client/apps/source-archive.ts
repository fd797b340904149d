/** Packs a folder for a binary build: what git would track if it is a work tree, else everything but what builds make anew. */
import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';

const run = promisify(execFile);

/** Larger sources are refused unless asked for: nearly always a data folder that was meant to be ignored. */
export const defaultSourceLimit = 256 * 1024 * 1024;

/** Folders that a builder makes itself; sending them costs time and can break a build made for another system. */
const neverSent = new Set(['.git', 'node_modules', '.venv', '__pycache__', '.slipway']);

export interface SourceEntry {
  /** Relative, with `/`. */
  path: string;
  size: number;
  mode: number;
  link?: string;
}

export class SourceTooLarge extends Error {
  readonly folder: string;
  /** `512 MB`. */
  readonly total: string;
  readonly limit: string;
  /** `data/ (480 MB), …` */
  readonly largest: string;
  constructor(folder: string, total: number, limit: number, largest: readonly { path: string; size: number }[]) {
    const list = largest.map((one) => `${one.path} (${megabytes(one.size)})`).join(', ');
    super(`The source in "${folder}" holds ${megabytes(total)}, more than the ${megabytes(limit)} that are sent. Largest: ${list}. Name what the build does not need in .gitignore, or raise the limit.`);
    this.name = 'SourceTooLarge';
    this.folder = folder;
    this.total = megabytes(total);
    this.limit = megabytes(limit);
    this.largest = list;
  }
}

const missing = { NoFolder: 'it is no folder', NotThere: 'there is no such folder', Empty: 'it is empty' } as const;

export class SourceMissing extends Error {
  readonly folder: string;
  readonly problem: keyof typeof missing;
  constructor(folder: string, problem: keyof typeof missing) {
    super(`"${folder}" cannot be used as a source: ${missing[problem]}.`);
    this.name = 'SourceMissing';
    this.folder = folder;
    this.problem = problem;
  }
}

/** The files that would be sent. Rejects with `SourceTooLarge` or `SourceMissing`. */
export async function listSource(folder: string, limit = defaultSourceLimit): Promise<SourceEntry[]> {
  const info = await lstat(folder).catch(() => undefined);
  if (!info?.isDirectory()) throw new SourceMissing(folder, info ? 'NoFolder' : 'NotThere');
  const names = (await tracked(folder)) ?? (await walk(folder, ''));
  const entries: SourceEntry[] = [];
  for (const name of names.sort()) {
    const stats = await lstat(path.join(folder, name)).catch(() => undefined);
    if (!stats) continue;
    if (stats.isSymbolicLink()) entries.push({ path: name, size: 0, mode: 0o777, link: await readlink(path.join(folder, name)) });
    // Windows knows no execute bit: scripts would arrive unusable, so everything may be run.
    else if (stats.isFile()) entries.push({ path: name, size: stats.size, mode: process.platform === 'win32' ? 0o755 : stats.mode & 0o777 });
  }
  const total = entries.reduce((sum, entry) => sum + entry.size, 0);
  if (total > limit) throw new SourceTooLarge(folder, total, limit, largestParts(entries));
  if (entries.length === 0) throw new SourceMissing(folder, 'Empty');
  return entries;
}

/** A gzip tar of `entries`; read errors end the stream with that error. */
export function archiveSource(folder: string, entries: readonly SourceEntry[]): Readable {
  const tar = pack();
  const zipped = createGzip({ level: 1 });
  void (async () => {
    try {
      for (const entry of entries) {
        const header = { name: entry.path, mode: entry.mode, mtime: new Date(0) };
        if (entry.link !== undefined) {
          tar.entry({ ...header, type: 'symlink', linkname: entry.link });
          continue;
        }
        if (entry.size === 0) {
          tar.entry(header, '');
          continue;
        }
        // A file that grows meanwhile is cut to the announced size; one that shrinks fails the archive.
        await pipeline(createReadStream(path.join(folder, entry.path), { end: entry.size - 1 }), tar.entry({ ...header, size: entry.size }));
      }
      tar.finalize();
    } catch (error) {
      tar.destroy(error as Error);
    }
  })();
  pipeline(tar, zipped).catch((error: Error) => zipped.destroy(error));
  return zipped;
}

async function tracked(folder: string): Promise<string[] | undefined> {
  try {
    const { stdout } = await run('git', ['-C', folder, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], { maxBuffer: 64 * 1024 * 1024 });
    const names = stdout.split('\0').filter(Boolean);
    return names.length > 0 ? [...new Set(names)] : undefined;
  } catch {
    return undefined;
  }
}

async function walk(folder: string, inside: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(path.join(folder, inside), { withFileTypes: true })) {
    if (neverSent.has(entry.name)) continue;
    const name = inside ? `${inside}/${entry.name}` : entry.name;
    if (entry.isDirectory()) found.push(...(await walk(folder, name)));
    else found.push(name);
  }
  return found;
}

function largestParts(entries: readonly SourceEntry[]): { path: string; size: number }[] {
  const parts = new Map<string, number>();
  for (const entry of entries) {
    const slash = entry.path.indexOf('/');
    const top = slash < 0 ? entry.path : `${entry.path.slice(0, slash)}/`;
    parts.set(top, (parts.get(top) ?? 0) + entry.size);
  }
  return [...parts].map(([name, size]) => ({ path: name, size })).sort((a, b) => b.size - a.size).slice(0, 3);
}

function megabytes(bytes: number): string {
  return `${Math.max(1, Math.round(bytes / (1024 * 1024)))} MB`;
}
