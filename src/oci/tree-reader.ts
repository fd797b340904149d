/** Turns folders on disk into layer entries: a whole tree, what an overlay changed, or what differs from a snapshot. */
import { createHash } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { LayerEntry } from './layer-writer.ts';
import { inParallel } from './parallel.ts';
import { lookupMerged, mergedNames } from './scoped-folder.ts';
import { isOverlayWhiteout, whiteoutPrefix } from './whiteout.ts';

export interface Ownership {
  uid: number;
  gid: number;
  /** Permission bits; those on disk if absent. */
  mode?: number;
}

export interface TreeOptions {
  /** Path in the image under which the entries lie; its own directories are not emitted. */
  prefix?: string;
  /** With a single-uid map everything on disk belongs to one user, so owners are chosen here. Default 0:0 and the mode on disk. */
  owner?(name: string, stat: Stats): Ownership;
  /** Names (in the image) to leave out with everything below. */
  exclude?(name: string): boolean;
  /** Keep modification times (seconds) instead of 0. */
  keepTimes?: boolean;
}

/** Every file below `root`. Sockets, pipes and devices are left out. */
export async function treeEntries(root: string, options: TreeOptions = {}): Promise<LayerEntry[]> {
  const entries: LayerEntry[] = [];
  const inodes = new Map<string, string>();
  const visit = async (path: string, name: string): Promise<void> => {
    for (const { leaf, stat } of await statsIn(path)) {
      const at = join(path, leaf);
      const inside = name === '' ? leaf : `${name}/${leaf}`;
      if (options.exclude?.(inside)) continue;
      const entry = await toEntry(at, inside, stat, inodes, options);
      if (entry) entries.push(entry);
      if (stat.isDirectory()) await visit(at, inside);
    }
  };
  await visit(root, options.prefix ?? '');
  return entries;
}

export interface UpperDiff {
  /** The overlay's upperdir. */
  upper: string;
  /** Its lowerdirs, topmost first. */
  lowers: readonly string[];
  /** The mounted overlay. Needed to see opaque directories, whose attribute Node cannot read; without it they are taken for plain ones. */
  merged?: string;
}

/**
 * What an overlay changed. A directory of the upper that shows less than the lower layers had is answered with one whiteout
 * for each lost name, which readers of images must understand whether or not they know opaque markers.
 */
export async function diffUpper(diff: UpperDiff, options: TreeOptions = {}): Promise<LayerEntry[]> {
  const entries: LayerEntry[] = [];
  const inodes = new Map<string, string>();
  const visit = async (path: string): Promise<void> => {
    const lost = new Set<string>();
    for (const { leaf, stat } of await statsIn(join(diff.upper, path))) {
      const at = path === '' ? leaf : `${path}/${leaf}`;
      const name = options.prefix ? `${options.prefix}/${at}` : at;
      if (options.exclude?.(name)) continue;
      if (isOverlayWhiteout(stat)) {
        if (lookupMerged(diff.lowers, at)) lost.add(leaf);
        continue;
      }
      if (!stat.isDirectory() || !(await isUntouched(diff.lowers, at, stat))) {
        const entry = await toEntry(join(diff.upper, at), name, stat, inodes, options);
        if (entry) entries.push(entry);
      }
      if (stat.isDirectory()) await visit(at);
    }
    if (diff.merged !== undefined) {
      const shown = new Set(await readdir(join(diff.merged, path)));
      for (const leaf of await mergedNames(diff.lowers, path)) if (!shown.has(leaf)) lost.add(leaf);
    }
    for (const leaf of lost) {
      const at = path === '' ? leaf : `${path}/${leaf}`;
      const name = options.prefix ? `${options.prefix}/${at}` : at;
      if (!options.exclude?.(name)) entries.push({ type: 'whiteout', name });
    }
  };
  await visit('');
  return entries;
}

/** A directory that only holds changes keeps the owner it has in the layers below, which may not be the one on disk: without an entry readers leave it alone. */
async function isUntouched(lowers: readonly string[], path: string, stat: Stats): Promise<boolean> {
  const below = lookupMerged(lowers, path);
  return below?.stat.isDirectory() === true && (below.stat.mode & 0o7777) === (stat.mode & 0o7777) && below.stat.uid === stat.uid && below.stat.gid === stat.gid;
}

/** State of a tree, for machines that cannot mount overlays. */
export type Snapshot = ReadonlyMap<string, string>;

export async function takeSnapshot(root: string, options: Pick<TreeOptions, 'exclude'> = {}): Promise<Snapshot> {
  const seen = new Map<string, string>();
  const visit = async (path: string): Promise<void> => {
    const found = (await statsIn(join(root, path))).map(({ leaf, stat }) => ({ at: path === '' ? leaf : `${path}/${leaf}`, stat })).filter(({ at }) => !options.exclude?.(at));
    const states = await inParallel(found, filesAtOnce, ({ at, stat }) => fingerprint(join(root, at), stat));
    for (const [index, { at, stat }] of found.entries()) {
      seen.set(at, states[index] ?? '');
      if (stat.isDirectory()) await visit(at);
    }
  };
  await visit('');
  return seen;
}

/** What changed below `root` since `before`. Content is compared, not times, which programs reset at will. */
export async function snapshotDiff(root: string, before: Snapshot, options: TreeOptions = {}): Promise<LayerEntry[]> {
  const prefix = options.prefix ? `${options.prefix}/` : '';
  const after = await takeSnapshot(root, { exclude: (name) => options.exclude?.(prefix + name) ?? false });
  const entries: LayerEntry[] = [];
  const inodes = new Map<string, string>();
  for (const [path, state] of after) {
    if (before.get(path) === state) continue;
    const stat = await lstat(join(root, path));
    const entry = await toEntry(join(root, path), prefix + path, stat, inodes, options);
    if (entry) entries.push(entry);
  }
  for (const path of before.keys()) {
    const slash = path.lastIndexOf('/');
    const parent = slash < 0 ? '' : path.slice(0, slash);
    // One mark hides a whole tree; below something that is no longer a directory none is needed.
    const parentStays = parent === '' || after.get(parent)?.startsWith('d') === true;
    if (!after.has(path) && parentStays && !options.exclude?.(prefix + path)) entries.push({ type: 'whiteout', name: prefix + path });
  }
  return entries;
}

const filesAtOnce = 16;
/** Read in one go; larger ones are streamed. */
const smallFile = 256 * 1024;

/** The names in a folder, sorted, with what they are. */
async function statsIn(folder: string): Promise<{ leaf: string; stat: Stats }[]> {
  const names = (await readdir(folder)).sort();
  const stats = await inParallel(names, filesAtOnce, (leaf) => lstat(join(folder, leaf)));
  return names.map((leaf, index) => ({ leaf, stat: stats[index] as Stats }));
}

async function fingerprint(path: string, stat: Stats): Promise<string> {
  const mode = `${(stat.mode & 0o7777).toString(8)} ${stat.uid}:${stat.gid}`;
  if (stat.isDirectory()) return `d ${mode}`;
  if (stat.isSymbolicLink()) return `l ${stat.uid}:${stat.gid} ${await readlink(path)}`;
  if (!stat.isFile()) return 'other';
  const hash = createHash('sha256');
  if (stat.size <= smallFile) hash.update(await readFile(path));
  else for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return `f ${mode} ${stat.size} ${hash.digest('base64')}`;
}

async function toEntry(path: string, name: string, stat: Stats, inodes: Map<string, string>, options: TreeOptions): Promise<LayerEntry | undefined> {
  const leaf = name.slice(name.lastIndexOf('/') + 1);
  if (leaf.startsWith(whiteoutPrefix)) throw new Error(`a file named "${name}" cannot be put into an image: names that start with "${whiteoutPrefix}" mean deletion there; rename it`);
  const chosen = options.owner?.(name, stat) ?? { uid: 0, gid: 0 };
  const base = {
    name,
    mode: chosen.mode ?? stat.mode & 0o7777,
    uid: chosen.uid,
    gid: chosen.gid,
    ...(options.keepTimes && { mtime: Math.floor(stat.mtimeMs / 1000) }),
  };
  if (stat.isDirectory()) return { ...base, type: 'directory' };
  if (stat.isSymbolicLink()) return { ...base, mode: 0o777, type: 'symlink', target: await readlink(path) };
  if (!stat.isFile()) return undefined;
  if (stat.nlink > 1) {
    const inode = `${stat.dev}:${stat.ino}`;
    const first = inodes.get(inode);
    if (first !== undefined) return { ...base, type: 'link', target: first };
    inodes.set(inode, name);
  }
  return { ...base, type: 'file', size: stat.size, content: path };
}
