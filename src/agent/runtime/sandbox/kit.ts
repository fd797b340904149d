/**
 * A few programs of this machine with their libraries, copied to a folder that every container sees read-only at `/dev/.slipway`.
 * After the change of root an image may have no shell and another C library; with the kit the last steps (dropping powers) and `exec` work in any image.
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { run } from '../run.ts';
import { findProgram, systemEnvironment } from '../system-path.ts';
import { readState, writeState } from '../state-file.ts';

export const kitPath = '/dev/.slipway';
const tools = ['sh', 'umount', 'unshare', 'nsenter', 'setpriv', 'env'] as const;
export type KitTool = (typeof tools)[number];

export interface Kit {
  /** On this machine. */
  directory: string;
  /** Beginning of a command line inside a container. */
  tool(name: KitTool): string[];
  /** nsenter can hand its powers on, so that `exec` can give up even the right to regain any (util-linux 2.42 or so). */
  nsenterKeepsCapabilities: boolean;
}

interface KitState {
  /** Real path, size and time of each program copied, to notice an upgrade. */
  sources: string[];
  /** Dynamic linker inside the kit; none for programs that need none. */
  linker: Partial<Record<KitTool, string>>;
}

/** Makes the kit in `directory`, or answers the one that is there and still fits. */
export async function prepareKit(directory: string): Promise<Kit> {
  const found = tools.map((tool) => {
    const path = findProgram(tool);
    if (!path) throw new Error(`the program "${tool}" is missing on this machine`);
    return { tool, path };
  });
  const sources = found.map(({ path }) => {
    const { size, mtimeMs } = statSync(path);
    return `${path} ${size} ${Math.trunc(mtimeMs)}`;
  });
  const stateFile = join(directory, 'kit.json');
  let state = readState<KitState>(stateFile);
  if (!state || state.sources.join() !== sources.join()) {
    const fresh = `${directory}.new`;
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh, { recursive: true, mode: 0o755 });
    state = { sources, linker: {} };
    for (const { tool, path } of found) {
      copy(path, join(fresh, tool));
      const linker = await copyLibraries(path, fresh);
      if (linker !== undefined) state.linker[tool] = linker;
    }
    writeState(join(fresh, 'kit.json'), state);
    if (existsSync(directory)) renameSync(directory, `${directory}.old-${process.pid}`);
    renameSync(fresh, directory);
    rmSync(`${directory}.old-${process.pid}`, { recursive: true, force: true });
  }
  const { linker } = state;
  return {
    directory,
    tool: (name) => (linker[name] === undefined ? [`${kitPath}/${name}`] : [`${kitPath}/${linker[name]}`, '--library-path', kitPath, `${kitPath}/${name}`]),
    nsenterKeepsCapabilities: await run(['nsenter', '--help'], { env: systemEnvironment }).then((help) => help.includes('--keep-caps'), () => false),
  };
}

/** Name of the dynamic linker, undefined for a static program. */
async function copyLibraries(program: string, directory: string): Promise<string | undefined> {
  const listed = await run(['ldd', program], { env: systemEnvironment }).catch(() => '');
  let linker: string | undefined;
  for (const { name, path } of parseLibraries(listed)) {
    if (!existsSync(join(directory, name))) copy(path, join(directory, name));
    if (/^ld[-.]/.test(name) || name.startsWith('ld64')) linker = name;
  }
  return linker;
}

/** Lines of `ldd`: `libc.so.6 => /lib/libc.so.6 (0x…)` and `/lib64/ld-linux-x86-64.so.2 (0x…)`. */
export function parseLibraries(listed: string): { name: string; path: string }[] {
  return listed.split('\n').flatMap((line) => {
    const match = /^\s*(?:(\S+) => )?(\/\S+) \(0x/.exec(line);
    if (!match) return [];
    const path = match[2]!;
    const name = basename(match[1] ?? path);
    // musl's C library and linker are one file under two names.
    return name === basename(path) ? [{ name, path }] : [{ name, path }, { name: basename(path), path }];
  });
}

function copy(from: string, to: string): void {
  copyFileSync(from, to);
  chmodSync(to, 0o755);
}
