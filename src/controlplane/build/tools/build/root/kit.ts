/**
 * Two programs of this machine with their libraries, seen read-only at `/dev/.slipway` of every root: an image may have no shell and another C library, and
 * powers over the build's namespaces must be gone before anything of the image runs.
 */
import { chmod, copyFile, mkdir, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { capture } from '../run.ts';

/** Inside a root. Node agents show theirs at the same place of every container, build pods among them. */
export const kitPath = '/dev/.slipway';
const programs = ['setpriv', 'sh'] as const;
type Program = (typeof programs)[number];

export interface Kit {
  /** On this side. */
  folder: string;
  /** Beginning of a command line inside a root. */
  tool(name: Program): string[];
}

const never = new AbortController().signal;

/** The agent's kit if this pod has it, else one made in `scratch`. Rejects where a program's libraries cannot be told. */
export async function openKit(scratch: string): Promise<Kit> {
  const given = await kitIn(kitPath);
  if (given) return given;
  const folder = join(scratch, 'kit');
  await mkdir(folder, { recursive: true, mode: 0o755 });
  for (const name of programs) {
    const path = await capture(['sh', '-c', 'command -v "$0"', name], { signal: never });
    await copy(path.trim(), join(folder, name));
    // A program without libraries makes ldd fail.
    const listed = await capture(['ldd', path.trim()], { signal: never, env: { ...process.env, LC_ALL: 'C' } }).catch(() => '');
    for (const { name: library, path: from } of librariesIn(listed)) await copy(from, join(folder, library));
  }
  const made = await kitIn(folder);
  if (!made) throw new Error('the programs sh and setpriv cannot be put into the root');
  return made;
}

async function kitIn(folder: string): Promise<Kit | undefined> {
  const names: string[] = await readdir(folder).catch(() => []);
  if (!programs.every((name) => names.includes(name))) return undefined;
  const linker = names.find((name) => /^ld(?:64)?[-.]/.test(name));
  return { folder, tool: (name) => (linker === undefined ? [`${kitPath}/${name}`] : [`${kitPath}/${linker}`, '--library-path', kitPath, `${kitPath}/${name}`]) };
}

/** Lines of `ldd`: `libc.so.6 => /lib/libc.so.6 (0x…)` and `/lib64/ld-linux-x86-64.so.2 (0x…)`. */
export function librariesIn(listed: string): { name: string; path: string }[] {
  return listed.split('\n').flatMap((line) => {
    const [, name, path = ''] = /^\s*(?:(\S+) => )?(\/\S+) \(0x/.exec(line) ?? [];
    if (path === '') return [];
    const file = basename(path);
    const asked = basename(name ?? path);
    return asked === file ? [{ name: file, path }] : [{ name: asked, path }, { name: file, path }];
  });
}

async function copy(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  await chmod(to, 0o755);
}
