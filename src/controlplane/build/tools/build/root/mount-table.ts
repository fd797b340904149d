/** The mounts of this process, from /proc/self/mountinfo (man 5 proc). */
import { readFile } from 'node:fs/promises';

export interface MountEntry {
  path: string;
  /** Options of the mount itself: `ro`, `nosuid`, `relatime`, … */
  options: string[];
}

export async function readMounts(): Promise<MountEntry[]> {
  return parseMounts(await readFile('/proc/self/mountinfo', 'utf8'));
}

export function parseMounts(text: string): MountEntry[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const fields = line.split(' ');
      return { path: (fields[4] ?? '').replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))), options: (fields[5] ?? '').split(',') };
    });
}

export interface TableLine {
  source: string;
  target: string;
  type: string;
  options: string;
}

/** For `mount --all --fstab`; blanks are octal there (fstab(5)). */
export function formatTable(lines: readonly TableLine[]): string {
  const field = (text: string) => text.replace(/[\\ \t\n#]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
  return lines.map(({ source, target, type, options }) => `${field(source)} ${field(target)} ${type} ${options} 0 0\n`).join('');
}

/**
 * What a recursive bind of `path` brings along: the mount it lies on, and every mount below it. With the options each must keep when it is
 * made read-only: in a user namespace, dropping one that was inherited is refused.
 */
export function mountsUnder(path: string, mounts: readonly MountEntry[]): { path: string; options: string }[] {
  const holds = (folder: string, inner: string) => folder === '/' || inner === folder || inner.startsWith(`${folder}/`);
  const own = mounts.filter((one) => holds(one.path, path)).reduce<MountEntry | undefined>((best, one) => (best && best.path.length > one.path.length ? best : one), undefined);
  const below = mounts.filter((one) => one.path !== path && holds(path, one.path));
  const kept = (options: readonly string[]) => ['ro', ...options.filter((option) => ['nosuid', 'nodev', 'noexec', 'noatime', 'nodiratime', 'relatime'].includes(option))].join(',');
  // A later mount at the same place hides an earlier one.
  const last = new Map(below.map((one) => [one.path, one]));
  return [{ path, options: kept(own?.options ?? []) }, ...[...last.values()].map((one) => ({ path: one.path, options: kept(one.options) }))];
}
