/** A read-only view of layers over each other, or of one folder: links are resolved as a chroot would, nothing leads out. */
import { open, readlink, type FileHandle } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { lookupMerged, mergedNames } from '../../../../../oci/scoped-folder.ts';
import { matcher } from '../../../../../detect/s2i-ignore.ts';

export interface TreeFile {
  /** Inside the tree, no link in it but perhaps the last part; without a leading slash, `''` is the root. */
  name: string;
  /** Where it lies on this machine. */
  path: string;
  stat: Stats;
}

const linkLimit = 255;
const pieces = /[*?[]/;

export class Tree {
  /** Topmost first. */
  readonly layers: readonly string[];

  constructor(layers: readonly string[]) {
    this.layers = layers;
  }

  /** Names in a folder, sorted; the folder's name must come from this tree. */
  async names(folder: string): Promise<string[]> {
    return [...(await mergedNames(this.layers, folder))].sort();
  }

  /** What is at exactly this name, whose folders are real ones. */
  async at(name: string): Promise<TreeFile | undefined> {
    const found = lookupMerged(this.layers, name);
    return found && { name, path: found.path, stat: found.stat };
  }

  /** Follows links in the folders of a path, and (unless told otherwise) the last part. */
  async find(path: string, followLast = true): Promise<TreeFile | undefined> {
    const { name, found } = await this.resolve(path, followLast);
    return found && { name, ...found };
  }

  /** The same, and where it would be if it is not there: what exists of it resolved, the rest as written. */
  async resolve(path: string, followLast = true): Promise<{ name: string; found: { path: string; stat: Stats } | undefined }> {
    const todo = path.split('/').reverse();
    let done: string[] = [];
    let found = lookupMerged(this.layers, '');
    let links = 0;
    while (todo.length > 0) {
      const part = todo.pop() ?? '';
      if (part === '' || part === '.') continue;
      if (part === '..') {
        done = done.slice(0, -1);
        found = lookupMerged(this.layers, done.join('/'));
        continue;
      }
      const name = [...done, part].join('/');
      found = lookupMerged(this.layers, name);
      const last = todo.every((one) => one === '' || one === '.');
      if (found?.stat.isSymbolicLink() && (!last || followLast)) {
        if (++links > linkLimit) throw new Error(`/${path} goes through more than ${linkLimit} links`);
        const target = await readlink(found.path);
        if (target.startsWith('/')) done = [];
        todo.push(...target.split('/').reverse());
        found = lookupMerged(this.layers, done.join('/'));
        continue;
      }
      done = [...done, part];
    }
    return { name: done.join('/'), found: found && { path: found.path, stat: found.stat } };
  }

  /** Files and folders that a path with `*`, `?` and `[…]` names, sorted; as Go's filepath.Glob. */
  async glob(path: string): Promise<TreeFile[]> {
    if (!pieces.test(path)) {
      const found = await this.find(path, false);
      return found ? [found] : [];
    }
    let folders: string[] = [''];
    const parts = path.split('/').filter((part) => part !== '' && part !== '.');
    for (const part of parts) {
      const next: string[] = [];
      for (const folder of folders) {
        const resolved = await this.find(folder);
        if (!resolved?.stat.isDirectory()) continue;
        if (part === '..') next.push(resolved.name.split('/').slice(0, -1).join('/'));
        else if (!pieces.test(part)) next.push(resolved.name === '' ? part : `${resolved.name}/${part}`);
        else {
          const matches = matcher(part);
          for (const name of await this.names(resolved.name)) if (matches(name)) next.push(resolved.name === '' ? name : `${resolved.name}/${name}`);
        }
      }
      folders = next;
    }
    const found = await Promise.all(folders.map((name) => this.find(name, false)));
    return found.filter((one) => one !== undefined);
  }

  /** Text of a small file; undefined if there is none. */
  async text(path: string, limit = 1 << 20): Promise<string | undefined> {
    const found = await this.find(path).catch(() => undefined);
    if (!found?.stat.isFile() || found.stat.size > limit) return undefined;
    let file: FileHandle | undefined;
    try {
      file = await open(found.path, 'r');
      return await file.readFile('utf8');
    } finally {
      await file?.close();
    }
  }
}
