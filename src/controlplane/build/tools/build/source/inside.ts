/** Files of a source, which may hold links to anywhere: those of a Git repository are what somebody pushed. */
import { realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';

/** The real path of a file of the source; none if there is no such file, or if a link leads out of the source. */
export async function fileInside(source: string, name: string): Promise<string | undefined> {
  try {
    const [root, path] = await Promise.all([realpath(source), realpath(join(source, name))]);
    return path.startsWith(`${root}${sep}`) && (await stat(path)).isFile() ? path : undefined;
  } catch {
    return undefined;
  }
}
