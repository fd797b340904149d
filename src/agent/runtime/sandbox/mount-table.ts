/** Mounts as lines for `mount --all --fstab`: one process makes them all. */
import { readFileSync } from 'node:fs';

export interface MountEntry {
  source: string;
  target: string;
  type: string;
  options: string[];
}

/** Blanks and backslashes are octal in a table (fstab(5)). */
function field(text: string): string {
  return text.replace(/[\\ \t\n#]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

export function formatTable(entries: readonly MountEntry[]): string {
  return entries.map(({ source, target, type, options }) => `${field(source)} ${field(target)} ${type} ${options.map((option) => option.replaceAll(' ', '\\040')).join(',')} 0 0\n`).join('');
}

/** A mount point of this mount namespace. */
export interface MountPoint {
  path: string;
  options: string[];
}

export function readMountPoints(text = readFileSync('/proc/self/mountinfo', 'utf8')): MountPoint[] {
  return text.split('\n').filter(Boolean).map((line) => {
    const parts = line.split(' ');
    return { path: parts[4]!.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))), options: parts[5]!.split(',') };
  });
}

export function isMountPoint(folder: string): boolean {
  return readMountPoints().some(({ path }) => path === folder);
}

/** Restrictions that a namespace without full powers must repeat when it changes a mount made outside. */
const locked = ['nosuid', 'nodev', 'noexec'];

/** A bind mount. Read-only ones carry what the source is restricted to already, since lifting a restriction is refused. */
export function bind(source: string, target: string, readOnly: boolean, points: readonly MountPoint[]): MountEntry[] {
  const inside = (path: string, folder: string) => folder === '/' || path === folder || path.startsWith(`${folder}/`);
  const below = points.filter(({ path }) => path !== source && path.startsWith(source === '/' ? '/' : `${source}/`));
  const kind = below.length > 0 ? 'rbind' : 'bind';
  if (!readOnly) return [{ source, target, type: 'none', options: [kind] }];
  const flags = (path: string) => {
    // The last of several mounts on one folder is the one seen.
    const over = points.filter((point) => inside(path, point.path)).reduce<MountPoint | undefined>((best, point) => (!best || point.path.length >= best.path.length ? point : best), undefined);
    return [...new Set(['nosuid', 'nodev', ...(over?.options.filter((option) => locked.includes(option)) ?? [])])];
  };
  return [
    { source, target, type: 'none', options: [kind, 'ro', ...flags(source)] },
    ...below.map(({ path }) => ({ source: 'none', target: target + path.slice(source.length), type: 'none', options: ['remount', 'bind', 'ro', ...flags(path)] })),
  ];
}
