/** The folder a container works in: its image's files as files of its own. */
import { constants } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inParallel } from '../../../oci/parallel.ts';
import { isOwn } from './relocation.ts';

/** Files copied at a time. */
const atOnce = 16;
/** A longer first line is no interpreter's. */
const longestFirstLine = 4096;

/** Lays out `image` (one folder with all layers; none for the built-in image) in `root`. Links and interpreters that name the application's folders are led there. */
export async function makeWorkFolder(image: string | undefined, root: string): Promise<void> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  const rest: { path: string; link: boolean; mode: number }[] = [];
  if (image !== undefined) await makeFolders(image, root, '', rest);
  await mkdir(join(root, 'tmp'), { recursive: true, mode: 0o700 });
  await inParallel(rest, atOnce, ({ path, link, mode }) => (link ? putLink(image + path, root + path, root) : putFile(path, mode, image ?? '', root)));
}

async function makeFolders(image: string, root: string, folder: string, rest: { path: string; link: boolean; mode: number }[]): Promise<void> {
  for (const entry of await readdir(image + folder, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isSymbolicLink()) rest.push({ path, link: true, mode: 0 });
    else if (entry.isFile()) rest.push({ path, link: false, mode: (await lstat(image + path)).mode & 0o777 });
    else if (entry.isDirectory()) {
      // Whoever owns a folder can always delete it with the container.
      await mkdir(root + path, { recursive: true, mode: ((await lstat(image + path)).mode & 0o777) | 0o700 });
      await makeFolders(image, root, path, rest);
    }
  }
}

async function putLink(source: string, target: string, root: string): Promise<void> {
  const to = await readlink(source);
  await symlink(isOwn(to) ? join(root, to) : to, target);
}

async function putFile(path: string, mode: number, image: string, root: string): Promise<void> {
  const target = root + path;
  // Programs of a virtual environment name the interpreter beside them.
  const script = path.startsWith('/opt/app-root/bin/') ? relocateScript(await readFile(image + path), root) : undefined;
  if (script) await writeFile(target, script);
  else await copyFile(image + path, target, constants.COPYFILE_FICLONE);
  await chmod(target, mode);
}

/** `#!<anywhere>/opt/app-root/bin/python` with the interpreter in `root`; undefined if it is no such script. */
export function relocateScript(content: Buffer, root: string): Buffer | undefined {
  const end = content.indexOf(10);
  if (content.toString('latin1', 0, 2) !== '#!' || end < 0 || end > longestFirstLine) return undefined;
  const own = /^\S*?(\/opt\/app-root\/.*)$/.exec(content.toString('utf8', 2, end).trim())?.[1];
  return own === undefined ? undefined : Buffer.concat([Buffer.from(`#!${join(root, own)}`), content.subarray(end)]);
}
