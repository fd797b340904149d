/**
 * For processes that run without a root of their own (runtime `process`): paths of an image are led into the folder it was unpacked to.
 * Only what images of host builders bring is moved; `/usr`, `/etc` and the like are this machine's anyway.
 */
import { delimiter, join } from 'node:path';

const moved = ['/opt/app-root', '/opt/s2i', '/tmp/src', '/tmp/scripts', '/tmp/artifacts'];

export function relocatePath(path: string, root: string): string {
  return moved.some((top) => path === top || path.startsWith(`${top}/`)) ? join(root, path) : path;
}

/** Each value, and each part of a `PATH`-like one, that is such a path. `APP_ROOT` tells scripts where `/opt/app-root` is. */
export function relocateEnv(env: Readonly<Record<string, string>>, root: string): Record<string, string> {
  const entries = Object.entries(env).map(([name, value]) => [name, value.split(':').some((part) => relocatePath(part, root) !== part) ? value.split(':').map((part) => relocatePath(part, root)).join(delimiter) : value] as const);
  return { ...Object.fromEntries(entries), APP_ROOT: join(root, '/opt/app-root') };
}
