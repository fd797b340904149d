/** Paths inside one folder, resolved as a chroot would: no link, absolute or climbing, leads out of it. */
import { lstatSync, type Stats } from 'node:fs';
import { chmod, lchown, lstat, mkdir, readdir, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LayerError } from './layer-error.ts';
import { isOverlayWhiteout } from './whiteout.ts';

export interface Found {
  /** Absolute path on this machine. */
  path: string;
  stat: Stats;
  /** In the folder itself, or in one of the layers below it. */
  own: boolean;
}

const linkLimit = 255;
const cacheLimit = 20_000;

/**
 * A folder to unpack into, optionally seen merged over lower layers (topmost first), which are only looked at.
 * Nothing else may change the folder meanwhile.
 */
export class ScopedFolder {
  readonly root: string;
  readonly #lowers: readonly string[];
  readonly #keepOwners: boolean;
  /** Entry directories already resolved and present; bounded, then started anew. */
  readonly #resolved = new Map<string, string>();

  /** `keepOwners`: folders that are made because lower layers have them belong to whom they belong to there. */
  constructor(root: string, lowers: readonly string[] = [], keepOwners = false) {
    this.root = root;
    this.#lowers = lowers;
    this.#keepOwners = keepOwners;
  }

  /** Where an entry of this name goes: its directory resolved (and made, if missing), its last component untouched. */
  async place(name: string): Promise<string> {
    const slash = name.lastIndexOf('/');
    const directory = await this.#directory(slash < 0 ? '' : name.slice(0, slash));
    return join(this.root, directory, name.slice(slash + 1));
  }

  /** What the name stands for, links in its directories followed, its last component not. */
  async find(name: string): Promise<Found | undefined> {
    const parts = await this.#walk(name, false, false);
    return parts === undefined ? undefined : this.#lookup(parts.join('/'));
  }

  /** Names the lower layers show in a directory (a path inside this folder). */
  async lowerNames(directory: string): Promise<Set<string>> {
    return mergedNames(this.#lowers, directory);
  }

  /** Removes whatever is there, links themselves and not what they point to. */
  async remove(path: string): Promise<void> {
    this.#resolved.clear();
    await rm(path, { recursive: true, force: true });
  }

  async #directory(name: string): Promise<string> {
    const known = this.#resolved.get(name);
    if (known !== undefined) return known;
    const parts = await this.#walk(name, true, true);
    const resolved = (parts ?? []).join('/');
    if (this.#resolved.size >= cacheLimit) this.#resolved.clear();
    this.#resolved.set(name, resolved);
    return resolved;
  }

  /** Resolves component by component; `undefined` if something is missing and not to be made. */
  async #walk(name: string, make: boolean, followLast: boolean): Promise<string[] | undefined> {
    const todo = name.split('/').reverse();
    const done: string[] = [];
    let links = 0;
    while (todo.length > 0) {
      const part = todo.pop() ?? '';
      if (part === '' || part === '.') continue;
      if (part === '..') {
        done.pop();
        continue;
      }
      const last = todo.every((one) => one === '' || one === '.');
      if (last && !followLast) return [...done, part];
      const at = [...done, part].join('/');
      const found = this.#lookup(at);
      if (found?.stat.isSymbolicLink()) {
        if (++links > linkLimit) throw new LayerError('UnsafePath', `"${name}" goes through more than ${linkLimit} links`);
        const target = await readlink(found.path);
        if (target.startsWith('/')) done.length = 0;
        todo.push(...target.split('/').reverse());
        continue;
      }
      if (!found && !make) return undefined;
      if (found?.own && !found.stat.isDirectory()) {
        if (!make) return undefined;
        throw new LayerError('Corrupt', `entry "${name}" lies below "${at}", which is a file`);
      }
      if (make && !found?.own) await this.#make(join(this.root, at), found?.stat.isDirectory() ? found.stat : undefined);
      done.push(part);
    }
    return done;
  }

  async #make(path: string, like: Stats | undefined): Promise<void> {
    await mkdir(path, { mode: like ? (like.mode & 0o1777) | 0o700 : 0o755 });
    if (!like || !this.#keepOwners) return;
    await lchown(path, like.uid, like.gid);
    await chmod(path, like.mode & 0o7777);
  }

  #lookup(path: string): Found | undefined {
    return lookupMerged([this.root, ...this.#lowers], path);
  }
}

/** What layers (topmost first) together show at `path`, whose directories are real ones in the merged view. Synchronous: a look costs less than to wait for it, and a path takes many. */
export function lookupMerged(layers: readonly string[], path: string): Found | undefined {
  for (const [index, layer] of layers.entries()) {
    const at = join(layer, path);
    const stat = lstatOr(at);
    if (stat === 'hidden') return undefined;
    if (!stat) continue;
    return isOverlayWhiteout(stat) ? undefined : { path: at, stat, own: index === 0 };
  }
  return undefined;
}

/** Names that layers (topmost first) together show in a directory. */
export async function mergedNames(layers: readonly string[], directory: string): Promise<Set<string>> {
  const shown = new Set<string>();
  const hidden = new Set<string>();
  for (const layer of layers) {
    const at = join(layer, directory);
    const stat = lstatOr(at);
    if (!stat) continue;
    if (stat === 'hidden' || !stat.isDirectory()) break;
    for (const entry of await readdir(at, { withFileTypes: true })) {
      if (shown.has(entry.name) || hidden.has(entry.name)) continue;
      const gone = entry.isCharacterDevice() && isOverlayWhiteout(await lstat(join(at, entry.name)));
      (gone ? hidden : shown).add(entry.name);
    }
  }
  return shown;
}

/** `hidden`: a component above is no directory in this layer, which hides everything further down. */
function lstatOr(path: string): Stats | 'hidden' | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ENOTDIR') return 'hidden';
    throw error;
  }
}
