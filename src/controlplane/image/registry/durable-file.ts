/** Files that are whole or not there, whenever the machine stops: written aside, synced, renamed, and the folder synced. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const temporaryPrefix = '.tmp-';
/** What is being written takes seconds; older files are what a crash left. */
const staleMs = 60 * 60 * 1000;

/** Makes a folder whose existence survives a power cut. */
export async function ensureFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let at = path; at.length >= first.length; at = dirname(at)) await syncFolder(dirname(at));
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch((error: unknown) => {
    // Removed since: there is nothing left to keep.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  });
  if (!folder) return;
  try {
    await folder.sync();
  } catch (error) {
    // Some systems cannot sync a folder; their renames are durable or cannot be made so.
    if (!['EINVAL', 'EPERM', 'EISDIR', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await folder.close();
  }
}

/** Puts the synced file `from` at `to`. */
export async function moveDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(dirname(to));
}

/** Nobody may remove the folder as empty meanwhile. */
export async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  await ensureFolder(dirname(path));
  const temporary = join(dirname(path), `${temporaryPrefix}${randomUUID()}`);
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await moveDurably(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Removes what a crash left half written in a folder; `olderThanMs` is 0 when nobody else writes there. */
export async function removeStale(folder: string, olderThanMs = staleMs): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(temporaryPrefix)) continue;
    const path = join(folder, name);
    const age = Date.now() - (await stat(path).then(({ mtimeMs }) => mtimeMs, () => Infinity));
    if (age >= olderThanMs) await rm(path, { force: true });
  }
}
