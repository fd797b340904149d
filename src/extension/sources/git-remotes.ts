/** Which repositories a work tree belongs to: pure, besides reading one file. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** URLs of the remotes in the text of a `.git/config`. */
export function remotesIn(config: string): string[] {
  return [...config.matchAll(/^\s*url\s*=\s*(\S+)/gm)].map((match) => match[1] ?? '');
}

/** True if both lead to the same repository: neither the way there (https, ssh) nor a user name counts. */
export function sameRepository(a: string, b: string): boolean {
  return plain(a) === plain(b);
}

function plain(url: string): string {
  const scp = /^(?:[^@/]+@)?([^:/]+):(?!\/)(.*)$/.exec(url);
  const whole = scp ? `${scp[1]}/${scp[2]}` : url.replace(/^[\w+.-]+:\/\//, '').replace(/^[^@/]*@/, '');
  return whole.replace(/^([^/:]+):\d+\//, '$1/').replace(/\/+$/, '').replace(/\.git$/, '').toLowerCase();
}

/** True if `folder` is the top of a work tree of that repository. */
export function isWorkTreeOf(folder: string, uri: string): boolean {
  try {
    return remotesIn(readFileSync(path.join(folder, '.git', 'config'), 'utf8')).some((remote) => sameRepository(remote, uri));
  } catch {
    return false;
  }
}
