/** Where a command runs: the layers below, what it changes in a folder above. Overlay where it can be mounted, else a copy that is compared afterwards. */
import { constants, type Stats } from 'node:fs';
import { chmod, copyFile, lchown, link, lstat, lutimes, mkdir, readdir, readlink, rm, symlink, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { mergedNames, lookupMerged, ScopedFolder } from '../../../../../oci/scoped-folder.ts';
import { snapshotDiff, takeSnapshot } from '../../../../../oci/tree-reader.ts';
import { isOverlayWhiteout, makeOverlayWhiteouts } from '../../../../../oci/whiteout.ts';
import { capture } from '../run.ts';

export interface RunRoot {
  /** The root, to be bound into the command's namespaces. */
  folder: string;
  /** Afterwards the upper folder holds what changed, in a form that overlays and lookups read alike. */
  finish(): Promise<void>;
  /** Nothing of it is wanted. */
  discard(): Promise<void>;
}

export interface RootRequest {
  /** Folders of layers, topmost first. */
  layers: readonly string[];
  /** What `layers` begin with, for short names in mount options. */
  shared: string;
  upper: string;
  scratch: string;
}

const never = new AbortController().signal;

export class RunRoots {
  readonly #copies = new Map<string, { folder: string; applied: string[] }>();
  readonly #say: (text: string) => void;
  readonly #keepOwners: boolean;
  #overlays = true;

  /** `keepOwners`: files belong to several users, here too. */
  constructor(say: (text: string) => void, keepOwners = false) {
    this.#say = say;
    this.#keepOwners = keepOwners;
  }

  /** `stage`: names the copy that is kept between its commands. */
  async open(request: RootRequest, stage: string): Promise<RunRoot> {
    if (this.#overlays) {
      try {
        return await overlay(request);
      } catch (error) {
        this.#overlays = false;
        this.#say(`An overlay cannot be used here (${(error as Error).message}); images are copied instead`);
      }
    }
    return this.#copy(request, stage);
  }

  async #copy({ layers, upper, scratch }: RootRequest, stage: string): Promise<RunRoot> {
    let copy = this.#copies.get(stage);
    const wanted = layers.toReversed();
    if (!copy || copy.applied.some((one, index) => wanted[index] !== one)) {
      if (copy) await rm(copy.folder, { recursive: true, force: true });
      copy = { folder: join(scratch, `copy-${this.#copies.size}`), applied: [] };
      await mkdir(copy.folder, { recursive: true, mode: 0o755 });
      this.#copies.set(stage, copy);
    }
    const { folder, applied } = copy;
    const changed = new ScopedFolder(upper, layers, this.#keepOwners);
    // The command's own changes are in it already; what names them is known only when they are kept.
    for (const layer of wanted.slice(applied.length)) {
      await applyFolder(layer, folder);
      applied.push(layer);
    }
    await applyFolder(upper, folder);
    const before = await takeSnapshot(folder);
    const forget = () => {
      this.#copies.delete(stage);
      return rm(folder, { recursive: true, force: true });
    };
    return {
      folder,
      async finish() {
        const gone: string[] = [];
        for (const entry of await snapshotDiff(folder, before)) {
          const to = await changed.place(entry.name);
          if (entry.type === 'whiteout') {
            await rm(to, { recursive: true, force: true });
            if (lookupMerged(layers, entry.name)) gone.push(to);
          } else await copyOne(join(folder, entry.name), to);
        }
        await makeOverlayWhiteouts(gone);
        // The next command's copy begins with the layer this becomes, whose folder has another name by then.
        await forget();
      },
      discard: async () => void (await forget()),
    };
  }
}

async function overlay({ layers, shared, upper, scratch }: RootRequest): Promise<RunRoot> {
  const [work, merged] = [join(scratch, 'overlay/work'), join(scratch, 'overlay/merged')];
  for (const path of [work, merged]) await mkdir(path, { recursive: true, mode: 0o755 });
  // Relative to the shared folder: the options of one mount must fit a page.
  const short = layers.map((path) => (path.startsWith(`${shared}/`) ? path.slice(shared.length + 1) : path));
  const bad = [...short, upper, work].find((path) => /[:,\\]/.test(path));
  if (bad !== undefined) throw new Error(`"${bad}" cannot be part of an overlay`);
  await capture(['mount', '-n', '-t', 'overlay', 'overlay', '-o', `lowerdir=${short.join(':')},upperdir=${upper},workdir=${work},userxattr`, merged], { cwd: shared, signal: never });
  const end = async () => {
    await capture(['umount', '-n', '-l', merged], { signal: never }).catch(() => undefined);
    await rm(work, { recursive: true, force: true }).catch(() => undefined);
  };
  return {
    folder: merged,
    async finish() {
      let hidden: string[];
      try {
        hidden = await hiddenByReplacement(upper, layers, merged);
      } finally {
        await end();
      }
      await makeOverlayWhiteouts(hidden);
    },
    discard: end,
  };
}

/**
 * A folder that was deleted and made anew hides what is below it by an attribute, which Node cannot read: each name that the lower layers have and the merged view
 * lacks gets a mark of its own.
 */
async function hiddenByReplacement(upper: string, lowers: readonly string[], merged: string): Promise<string[]> {
  const hidden: string[] = [];
  const visit = async (path: string): Promise<void> => {
    const entries = await readdir(join(upper, path), { withFileTypes: true });
    const had = await mergedNames(lowers, path);
    if (had.size > 0) {
      const shown = new Set(await readdir(join(merged, path)));
      const own = new Set(entries.map(({ name }) => name));
      for (const name of had) if (!shown.has(name) && !own.has(name)) hidden.push(join(upper, path, name));
    }
    for (const entry of entries) if (entry.isDirectory()) await visit(path === '' ? entry.name : `${path}/${entry.name}`);
  };
  await visit('');
  return hidden;
}

/** Puts what a layer's folder holds over a copy. */
async function applyFolder(layer: string, target: string): Promise<void> {
  const inodes = new Map<number, string>();
  const visit = async (path: string): Promise<void> => {
    for (const name of await readdir(join(layer, path))) {
      const at = path === '' ? name : `${path}/${name}`;
      const from = join(layer, at);
      const stat = await lstat(from);
      if (isOverlayWhiteout(stat)) await rm(join(target, at), { recursive: true, force: true });
      else if (stat.nlink > 1 && stat.isFile() && inodes.has(stat.ino)) {
        await rm(join(target, at), { recursive: true, force: true });
        await link(inodes.get(stat.ino) ?? '', join(target, at));
      } else {
        await copyOne(from, join(target, at));
        if (stat.isFile()) inodes.set(stat.ino, join(target, at));
      }
      if (stat.isDirectory()) await visit(at);
    }
  };
  await visit('');
}

async function copyOne(from: string, to: string): Promise<void> {
  const stat = await lstat(from);
  const there = await lstat(to).catch(() => undefined);
  await mkdir(dirname(to), { recursive: true });
  if (there && !(there.isDirectory() && stat.isDirectory())) await rm(to, { recursive: true, force: true });
  if (stat.isDirectory()) {
    await mkdir(to, { recursive: true });
    await keepOwner(to, stat);
    await chmod(to, stat.mode & 0o7777);
  } else if (stat.isSymbolicLink()) {
    await symlink(await readlink(from), to);
    await keepOwner(to, stat);
    await lutimes(to, stat.atime, stat.mtime);
  } else if (stat.isFile()) {
    await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    await keepOwner(to, stat);
    await chmod(to, stat.mode & 0o7777);
    await utimes(to, stat.atime, stat.mtime);
  }
}

/** Whose it is shows in the folders of layers only where several users exist; who builds is 0 then. */
async function keepOwner(path: string, { uid, gid }: Stats): Promise<void> {
  if (uid !== process.getuid?.() || gid !== process.getgid?.()) await lchown(path, uid, gid);
}

export interface ShownLayers {
  folder: string;
  close(): Promise<void>;
}

/** Layers (topmost first) over each other as one folder to read from. */
export async function showLayers(layers: readonly string[], shared: string, scratch: string): Promise<ShownLayers> {
  const [only] = layers;
  if (layers.length === 1 && only !== undefined) return { folder: only, close: () => Promise.resolve() };
  const folder = join(scratch, 'merged');
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const short = layers.map((path) => (path.startsWith(`${shared}/`) ? path.slice(shared.length + 1) : path));
  try {
    await capture(['mount', '-n', '-t', 'overlay', 'overlay', '-o', `lowerdir=${short.join(':')},userxattr`, folder], { cwd: shared, signal: never });
    return { folder, close: () => capture(['umount', '-n', '-l', folder], { signal: never }).then(() => undefined, () => undefined) };
  } catch {
    for (const layer of layers.toReversed()) await applyFolder(layer, folder);
    return { folder, close: () => rm(folder, { recursive: true, force: true }) };
  }
}
