/** The files of a source folder with their digests: what a build of it would be sent, less what `.s2iignore` names. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { listSource, type SourceEntry } from '../../client/apps/source-archive.ts';
import { ignoredPaths } from '../../detect/s2i-ignore.ts';
import type { Tree, TreeFile } from './change-plan.ts';

/** Files read at a time. */
const together = 16;

/** `before`: what was read last; only what looks different is read again. */
export async function readTree(folder: string, before: Tree | undefined, limit: number): Promise<Tree> {
  const entries = await withoutIgnored(folder, await listSource(folder, limit));
  const tree = new Map<string, TreeFile>();
  for (let from = 0; from < entries.length; from += together) {
    const some = entries.slice(from, from + together);
    const files = await Promise.all(some.map((entry) => readFileOf(folder, entry, before?.get(entry.path))));
    files.forEach((file, index) => file && tree.set(some[index]?.path ?? '', file));
  }
  return tree;
}

async function withoutIgnored(folder: string, entries: readonly SourceEntry[]): Promise<readonly SourceEntry[]> {
  const text = await readFile(path.join(folder, '.s2iignore'), 'utf8').catch(() => undefined);
  if (text === undefined) return entries;
  const names = new Map<string, Set<string>>();
  for (const entry of entries) {
    const parts = entry.path.split('/');
    parts.forEach((part, index) => {
      const inside = parts.slice(0, index).join('/');
      names.set(inside, (names.get(inside) ?? new Set()).add(part));
    });
  }
  const ignored = await ignoredPaths(text, (inside) => Promise.resolve([...(names.get(inside) ?? [])]));
  return entries.filter((entry) => !ignored.some((one) => entry.path === one || entry.path.startsWith(`${one}/`)));
}

/** `undefined` for what has gone meanwhile. */
async function readFileOf(folder: string, { path: name, mode, link }: SourceEntry, before: TreeFile | undefined): Promise<TreeFile | undefined> {
  const file = path.join(folder, name);
  const stats = await lstat(file).catch(() => undefined);
  if (!stats) return undefined;
  const { size, mtimeMs: modified } = stats;
  if (link !== undefined) return { size: 0, mode, modified, digest: '', link };
  if (before && before.size === size && before.modified === modified && before.link === undefined) return { ...before, mode };
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file), hash);
  } catch {
    return undefined;
  }
  return { size, mode, modified, digest: hash.digest('hex') };
}
