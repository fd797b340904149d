/** subPath mounts: a part of a volume, never anything outside it. */
import { chmod, mkdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { VolumeError } from './volume-files.ts';

/** The real path of `sub` inside `volume`; a folder is made if nothing is there. */
export async function resolveSubPath(volume: string, sub: string): Promise<string> {
  if (path.isAbsolute(sub) || sub.split('/').includes('..')) throw new VolumeError(`subPath "${sub}" must be relative and stay inside its volume`);
  const root = await realpath(volume);
  const wanted = path.join(root, sub);
  const found = await realpath(wanted).catch(() => undefined);
  if (found === undefined) {
    // Parents may be links: each existing one must still lead inside.
    await within(root, await nearestExisting(path.dirname(wanted)));
    const first = await mkdir(wanted, { recursive: true });
    if (first !== undefined) await openAs(root, first, wanted);
    return within(root, await realpath(wanted));
  }
  return within(root, found);
}

/** As the kubelet: what it makes is as open as the volume, whoever writes there. */
async function openAs(root: string, first: string, last: string): Promise<void> {
  const { mode } = await stat(root);
  for (let made = last; made.length >= first.length; made = path.dirname(made)) await chmod(made, mode & 0o7777);
}

function within(root: string, found: string): string {
  if (found !== root && !found.startsWith(`${root}${path.sep}`)) throw new VolumeError('subPath leads outside its volume');
  return found;
}

async function nearestExisting(folder: string): Promise<string> {
  const found = await realpath(folder).catch(() => undefined);
  return found ?? nearestExisting(path.dirname(folder));
}
