/** Puts archive entries on disk inside one folder: replaces what is there, keeps modes and times, never follows a link out. */
import { constants } from 'node:fs';
import { chmod, copyFile, lchown, link, lutimes, mkdir, open, readlink, symlink, utimes } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { LayerError } from './layer-error.ts';
import { ScopedFolder } from './scoped-folder.ts';
import type { TarEntry } from './tar-reader.ts';

export interface TreeWriterOptions {
  /** Layers below, topmost first; looked at, never changed. */
  lowers?: readonly string[];
  /** Set owners as the archive says, and setuid and setgid with them; needs the power to. Ids from this number on cannot be given to anything here: who unpacks has those. Default: 0. */
  ownersBelow?: number;
}

/** Small files are written beside each other; larger ones, one at a time, are streamed. */
const smallFile = 128 * 1024;
const filesInFlight = 16;
/** An owner that stays (chown(2)). */
const unchanged = -1;

export class TreeWriter {
  readonly folder: ScopedFolder;
  readonly #ownersBelow: number;
  readonly #inFlight = new Map<string, Promise<void>>();
  /** Set last: writing into a directory changes its time, and its mode may forbid writing. */
  readonly #directories = new Map<string, TarEntry>();
  #failure: { error: unknown } | undefined;

  constructor(root: string, options: TreeWriterOptions = {}) {
    this.#ownersBelow = options.ownersBelow ?? 0;
    this.folder = new ScopedFolder(root, options.lowers, this.#ownersBelow > 0);
  }

  /** Writes one file, directory, symlink or hard link; answers with its path. */
  async write(entry: TarEntry): Promise<string> {
    if (this.#belowUnwritten(entry.name)) await this.settle();
    const path = await this.folder.place(entry.name);
    if (entry.type === 'file') await this.#file(path, entry);
    else if (entry.type === 'directory') await this.#directory(path, entry);
    else {
      await this.settle();
      await this.#replace(path, () => (entry.type === 'symlink' ? this.#symlink(path, entry) : this.#link(path, entry)));
    }
    return path;
  }

  /** A file that is not on the disk yet would be taken for a folder that is missing. */
  #belowUnwritten(name: string): boolean {
    if (this.#inFlight.size === 0) return false;
    const at = normalize(join(this.folder.root, name));
    for (let parent = dirname(at); parent.length > this.folder.root.length; parent = dirname(parent)) if (this.#inFlight.has(parent)) return true;
    return false;
  }

  async remove(path: string): Promise<void> {
    await this.settle();
    for (const known of this.#directories.keys()) if (known === path || known.startsWith(`${path}/`)) this.#directories.delete(known);
    await this.folder.remove(path);
  }

  /** Waits for files still being written. */
  async settle(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight.values());
    if (this.#failure) throw this.#failure.error;
  }

  /** Waits, then gives directories their modes and times. */
  async finish(): Promise<void> {
    await this.settle();
    for (const [path, entry] of [...this.#directories].reverse()) {
      if (this.#ownersBelow > 0) await lchown(path, this.#given(entry.uid), this.#given(entry.gid));
      // Whoever unpacked must be able to enter and to delete again; where owners are kept it has the power to.
      await chmod(path, this.#keeps(entry) ? entry.mode & 0o7777 : (entry.mode & 0o1777) | 0o700);
      await utimes(path, entry.mtime, entry.mtime);
    }
  }

  async #file(path: string, entry: TarEntry): Promise<void> {
    if (this.#inFlight.has(path)) await this.settle();
    if (entry.size > smallFile) return this.#replace(path, () => this.#store(path, entry, entry.content));
    const chunks: Buffer[] = [];
    for await (const chunk of entry.content) chunks.push(chunk);
    if (this.#inFlight.size >= filesInFlight) await Promise.race(this.#inFlight.values());
    const written = this.#replace(path, () => this.#store(path, entry, chunks))
      .catch((error: unknown) => void (this.#failure ??= { error }))
      .finally(() => this.#inFlight.delete(path));
    this.#inFlight.set(path, written);
    if (this.#failure) throw this.#failure.error;
  }

  /** Makes with `make`, which fails if something is there; then that is removed first. */
  async #replace(path: string, make: () => Promise<void>): Promise<void> {
    try {
      await make();
    } catch (error) {
      if (!['EEXIST', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '') || path === this.folder.root) throw error;
      for (const known of this.#directories.keys()) if (known === path || known.startsWith(`${path}/`)) this.#directories.delete(known);
      await this.folder.remove(path);
      await make();
    }
  }

  async #store(path: string, entry: TarEntry, content: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<void> {
    const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      for await (const chunk of content) {
        // One call may write less than asked (a nearly full disk).
        for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
      }
      if (this.#ownersBelow > 0) await file.chown(this.#given(entry.uid), this.#given(entry.gid));
      // setuid and setgid would lend the powers of whoever unpacked.
      await file.chmod(this.#keeps(entry) ? entry.mode & 0o7777 : (entry.mode & 0o777) | 0o400);
      await file.utimes(entry.mtime, entry.mtime);
    } finally {
      await file.close();
    }
  }

  async #directory(path: string, entry: TarEntry): Promise<void> {
    if (path !== this.folder.root) {
      try {
        await mkdir(path, { mode: 0o700 });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        await this.settle();
        const there = await this.folder.find(entry.name);
        if (!there?.own || !there.stat.isDirectory()) {
          await this.folder.remove(path);
          await mkdir(path, { mode: 0o700 });
        }
      }
    }
    this.#directories.delete(path);
    this.#directories.set(path, entry);
  }

  #given(id: number): number {
    return id < this.#ownersBelow ? id : unchanged;
  }

  #keeps({ uid, gid }: TarEntry): boolean {
    return uid < this.#ownersBelow && gid < this.#ownersBelow;
  }

  async #symlink(path: string, entry: TarEntry): Promise<void> {
    if (entry.target === '' || entry.target.includes('\0')) throw new LayerError('Corrupt', `link "${entry.name}" has no target`);
    await symlink(entry.target, path);
    if (this.#ownersBelow > 0) await lchown(path, this.#given(entry.uid), this.#given(entry.gid));
    await lutimes(path, entry.mtime, entry.mtime);
  }

  async #link(path: string, entry: TarEntry): Promise<void> {
    const target = await this.folder.find(entry.target);
    if (!target) throw new LayerError('UnsafePath', `hard link "${entry.name}" points to "${entry.target}", which is not in the archive`);
    if (target.path === path) return;
    if (target.stat.isSymbolicLink()) await symlink(await readlink(target.path), path);
    else if (!target.stat.isFile()) throw new LayerError('UnsafePath', `hard link "${entry.name}" points to "${entry.target}", which is not a file`);
    else if (target.own) await link(target.path, path);
    // Linking across layers would let a write here change the lower one.
    else {
      await copyFile(target.path, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      if (this.#ownersBelow > 0) await lchown(path, target.stat.uid, target.stat.gid);
    }
  }
}
