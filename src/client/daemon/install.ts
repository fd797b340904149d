/** Copies the running product into the home: an upgrade of extension or package deletes its old folder under a running process. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, copyFile, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { homeLayout } from '../../protocol/home.ts';

/** The bundles a platform runs from. */
const bundleNames = ['control-plane.js', 'store-writer.js', 'agent.js', 'shim.js', 'engine-node.js', 'router.js', 'haproxy-router.js', 'tools.js'] as const;

/** How many old copies stay beside the newest one and those in use. */
const keptVersions = 2;

/** Returns `<home>/versions/<hash>`, complete: the copy is made beside and renamed into place. */
export async function installBundles(from: string, home: string): Promise<string> {
  const hash = createHash('sha256');
  for (const name of bundleNames) hash.update(name).update(await readFile(path.join(from, name)));
  const versions = path.join(home, homeLayout.versions);
  const target = path.join(versions, hash.digest('hex').slice(0, 16));
  if (await exists(target)) return target;
  const temporary = `${target}.${process.pid}.tmp`;
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true, mode: 0o700 });
  for (const name of bundleNames) await copyFile(path.join(from, name), path.join(temporary, name), constants.COPYFILE_FICLONE);
  try {
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if (!(await exists(target))) throw error;
  }
  return target;
}

/** Deletes copies that nobody runs from, newest kept. `inUse` are folders of running processes. */
export async function pruneBundles(home: string, inUse: readonly string[]): Promise<void> {
  const versions = path.join(home, homeLayout.versions);
  const names = await readdir(versions).catch(() => []);
  const aged = await Promise.all(names.map(async (name) => ({ folder: path.join(versions, name), at: (await stat(path.join(versions, name))).mtimeMs })));
  const old = aged.filter(({ folder }) => !inUse.includes(folder)).sort((a, b) => b.at - a.at).slice(keptVersions);
  for (const { folder } of old) await rm(folder, { recursive: true, force: true });
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(() => true, () => false);
}
