/**
 * Replaces all files of a volume at once, as the kubelet does, so that a reader never sees half of an update:
 *
 *   <volume>/key            → ..data/key
 *   <volume>/..data         → ..<serial>        swapped by one rename
 *   <volume>/..<serial>/key
 */
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, stat, symlink, writeFile, chmod } from 'node:fs/promises';
import path from 'node:path';
import type { VolumeFiles } from './volume-files.ts';

const dataLink = '..data';

/** True if anything changed. */
export async function writeAtomically(folder: string, files: VolumeFiles): Promise<boolean> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const before = await readlink(path.join(folder, dataLink)).catch(() => undefined);
  if (before !== undefined && (await holds(path.join(folder, before), files))) return false;

  const next = await mkdtemp(`${folder}${path.sep}..`);
  await chmod(next, 0o755);
  for (const [name, { data, mode }] of files) {
    const file = path.join(next, name);
    await mkdir(path.dirname(file), { recursive: true, mode: 0o755 });
    // Nobody else reads a secret between the two calls.
    await writeFile(file, data, { mode: 0o600 });
    await chmod(file, mode);
  }
  const temporary = path.join(folder, '..data_tmp');
  await rm(temporary, { force: true });
  await symlink(path.basename(next), temporary);
  await rename(temporary, path.join(folder, dataLink));

  const wanted = new Set([...files.keys()].map((name) => name.split('/')[0] as string));
  for (const entry of await readdir(folder)) {
    if (!entry.startsWith('..') && !wanted.has(entry)) await rm(path.join(folder, entry), { force: true });
    // Only what an earlier update left behind.
    if (entry.startsWith('..') && entry !== dataLink && entry !== path.basename(next)) await rm(path.join(folder, entry), { recursive: true, force: true });
  }
  for (const name of wanted) {
    const link = path.join(folder, name);
    if (!(await lstat(link).catch(() => undefined))) await symlink(path.join(dataLink, name), link);
  }
  return true;
}

async function holds(folder: string, files: VolumeFiles): Promise<boolean> {
  const present = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  if (present.filter((entry) => !entry.isDirectory()).length !== files.size) return false;
  for (const [name, { data, mode }] of files) {
    const file = path.join(folder, name);
    const [there, info] = [await readFile(file).catch(() => undefined), await stat(file).catch(() => undefined)];
    if (!there?.equals(data) || !info || (info.mode & 0o777) !== (mode & 0o777)) return false;
  }
  return true;
}
