import { execFileSync } from 'node:child_process';

/** Path of a program of the system, if it is installed. */
export function installed(name: string): string | undefined {
  try {
    return execFileSync('sh', ['-c', 'PATH=$PATH:/usr/sbin:/sbin command -v "$1"', 'sh', name], { encoding: 'utf8' }).trim() || undefined;
  } catch {
    return undefined;
  }
}
