import { readFileSync } from 'node:fs';

/** Mounts below a folder, innermost first. */
export function mountsBelow(folder: string): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.map((line) => line.split(' ')[4] ?? '').filter((path) => path.startsWith(`${folder}/`)).reverse();
}
