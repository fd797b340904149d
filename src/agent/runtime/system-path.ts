/** Search path for the system's own programs: an ordinary user's often lacks the folders of `ip`. */
import { accessSync, constants, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const folders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin', '/run/current-system/sw/bin'];

export function systemPath(path = process.env['PATH'] ?? ''): string {
  const given = path.split(delimiter).filter((folder) => folder.startsWith('/'));
  return [...new Set([...folders, ...given])].join(delimiter);
}

/** Real path of a program, or undefined. */
export function findProgram(name: string, path = systemPath()): string | undefined {
  for (const folder of path.split(delimiter)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return realpathSync(file);
    } catch {
      continue;
    }
  }
  return undefined;
}

/** Nothing of the user's environment reaches programs that hold powers. */
export const systemEnvironment: NodeJS.ProcessEnv = { PATH: systemPath(), LC_ALL: 'C' };
