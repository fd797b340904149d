/** Makes the folder of a layer from what a copy brings. */
import { constants } from 'node:fs';
import { chmod, copyFile, lstat, lutimes, mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { inParallel } from '../../../../../oci/parallel.ts';
import { ScopedFolder } from '../../../../../oci/scoped-folder.ts';
import type { CopyEntry } from './copy-plan.ts';
import { giveTo, type Ids } from './owners.ts';
import { DockerfileError } from './syntax-error.ts';
import { Tree } from './tree.ts';

/** Special bits are not set on disk without the owners; they are told with them. */
export interface WrittenCopy {
  /** By the name it really got, links of the image followed. */
  ids: Map<string, Ids>;
  special: Map<string, number>;
}

/** `lowers`: the layers below, topmost first; none for `--link`. `users`: as of `LayerStore`. */
export async function writeCopy(entries: readonly CopyEntry[], folder: string, lowers: readonly string[], users = 0): Promise<WrittenCopy> {
  const tree = new Tree([folder, ...lowers]);
  const inside = new ScopedFolder(folder, lowers, users > 0);
  const written: WrittenCopy = { ids: new Map(), special: new Map() };
  const note = (path: string, { ids, mode, type }: CopyEntry) => {
    const name = path.slice(folder.length + 1);
    written.ids.set(name, ids);
    if (type !== 'symlink' && (mode & 0o6000) !== 0) written.special.set(name, mode & 0o6000);
  };
  const folders: { path: string; entry: CopyEntry }[] = [];
  for (const entry of entries.filter(({ type }) => type === 'directory')) {
    const there = await tree.find(entry.name);
    // As it is: a copy adds to a folder of the image, and follows a link to one.
    if (there?.stat.isDirectory()) continue;
    if (there) throw new DockerfileError(`/${entry.name} is a file in the image, a folder is to be copied there`);
    await makeParents(inside, tree, entry, note, users);
    const path = await inside.place(entry.name);
    await mkdir(path, { mode: 0o700 });
    note(path, entry);
    folders.push({ path, entry });
  }
  const others = entries.filter(({ type }) => type !== 'directory');
  const places: string[] = [];
  for (const entry of others) {
    await makeParents(inside, tree, entry, note, users);
    const path = await inside.place(entry.name);
    const there = await tree.at(path.slice(folder.length + 1));
    if (there?.stat.isDirectory()) throw new DockerfileError(`/${entry.name} is a folder in the image, a file is to be copied there`);
    places.push(path);
    note(path, entry);
  }
  await inParallel(others, 16, (entry, index) => writeOne(entry, places[index] ?? '', users));
  for (const { path, entry } of folders.reverse()) {
    await giveTo(path, entry.ids, users);
    await chmod(path, modeOf(entry, users, 0o700));
    await utimes(path, entry.mtime, entry.mtime);
  }
  return written;
}

/** Missing folders on the way belong to whom the copy belongs to. */
async function makeParents(inside: ScopedFolder, tree: Tree, entry: CopyEntry, note: (path: string, entry: CopyEntry) => void, users: number): Promise<void> {
  const parts = entry.name.split('/').slice(0, -1);
  const missing: string[] = [];
  for (let count = parts.length; count > 0; count--) {
    const name = parts.slice(0, count).join('/');
    if (await tree.find(name)) break;
    missing.unshift(name);
  }
  for (const name of missing) {
    const path = await inside.place(name);
    await mkdir(path, { mode: 0o755 });
    await giveTo(path, entry.ids, users);
    await utimes(path, entry.mtime, entry.mtime);
    note(path, { ...entry, type: 'directory', mode: 0o755 });
  }
}

/** `needed`: bits without which who builds could not go on, having the files and no power. */
function modeOf({ mode, ids }: CopyEntry, users: number, needed: number): number {
  return ids.uid < users && ids.gid < users ? mode & 0o7777 : (mode & 0o1777) | needed;
}

async function writeOne(entry: CopyEntry, path: string, users: number): Promise<void> {
  const { type, ids, mtime, content, target } = entry;
  if (type === 'symlink') {
    await symlink(target ?? '', path);
    await giveTo(path, ids, users);
    await lutimes(path, mtime, mtime);
    return;
  }
  if (content && 'bytes' in content) await writeFile(path, content.bytes, { flag: 'wx' });
  else if (content) {
    await copyFile(content.path, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    const { size } = await lstat(path);
    if (size !== content.size) throw new Error(`${content.path} changed while it was copied`);
  }
  await giveTo(path, ids, users);
  await chmod(path, modeOf(entry, users, 0o400));
  await utimes(path, mtime, mtime);
}
