/** A root without overlay mounts: the layers copied over each other. Slower, and takes the space again for each container. */
import { constants } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isOverlayWhiteout } from '../../../oci/whiteout.ts';

/** `layers` topmost first. */
export async function copyLayers(layers: readonly string[], root: string): Promise<void> {
  await mkdir(root, { recursive: true, mode: 0o755 });
  for (const layer of [...layers].reverse()) await copyTree(layer, root);
}

async function copyTree(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    const stat = await lstat(source);
    const there = await lstat(target).catch(() => undefined);
    if (there && !(there.isDirectory() && stat.isDirectory())) await rm(target, { recursive: true, force: true });
    if (isOverlayWhiteout(stat)) continue;
    if (stat.isDirectory()) {
      await mkdir(target, { recursive: true });
      await copyTree(source, target);
      await chmod(target, stat.mode & 0o7777);
    } else if (stat.isSymbolicLink()) await symlink(await readlink(source), target);
    else if (stat.isFile()) {
      await copyFile(source, target, constants.COPYFILE_FICLONE);
      await chmod(target, stat.mode & 0o7777);
    }
  }
}
