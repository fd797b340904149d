/** `.s2iignore`: patterns of Go's filepath.Glob from the source's root, not recursive; `#` starts a comment, `!` takes back what an earlier line matched. */
import { lstat, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ignoredPaths } from '../../../../../detect/s2i-ignore.ts';
import { fileInside } from './inside.ts';

/** Deletes what the file names; answers with the paths, relative to the source. */
export async function applyIgnoreFile(source: string): Promise<string[]> {
  const file = await fileInside(source, '.s2iignore');
  if (file === undefined) return [];
  const text = await readFile(file, 'utf8');
  const paths = await ignoredPaths(text, (folder) => namesIn(join(source, folder)));
  for (const path of paths) await rm(join(source, path), { recursive: true, force: true });
  return paths;
}

/** A link to a folder has no names: what is behind it is not the source's to delete. */
async function namesIn(folder: string): Promise<string[]> {
  const found = await lstat(folder).catch(() => undefined);
  return found?.isDirectory() ? readdir(folder) : [];
}
