/** Runs one command of a Dockerfile. */
import { constants } from 'node:fs';
import { access, chmod, copyFile, lstat, mkdir, readFile, rm, rmdir, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { HostRoot } from '../../../../../oci/host-root.ts';
import { ScopedFolder } from '../../../../../oci/scoped-folder.ts';
import { usefulIds } from '../../../../../base/id-map.ts';
import { formatTable, mountsUnder, readMounts, type TableLine } from '../root/mount-table.ts';
import { run, type RunResult } from '../run.ts';
import { giveTo, type Ids } from './owners.ts';
import type { RunRoots } from './run-root.ts';
import { commandWords, enterUsers, runScript } from './run-script.ts';
import { Tree } from './tree.ts';

/** What is mounted for one command. */
export type CommandMount =
  | { kind: 'bind'; source: string; target: string; directory: boolean; readOnly: boolean }
  /** Writes go to a folder that is thrown away. */
  | { kind: 'scratch'; source: string; target: string; scratch: string }
  | { kind: 'tmpfs'; target: string; size: number | undefined }
  /** A copy with a mode of its own. */
  | { kind: 'file'; source: string; target: string; mode: number; ids?: Ids };

export interface CommandRequest {
  /** Topmost first. */
  layers: readonly string[];
  /** The folder most of them lie in. */
  shared: string;
  /** Of the stage, for roots that are kept. */
  stage: string;
  /** A new folder: what the command changes. */
  upper: string;
  scratch: string;
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
  workingDir: string;
  ids: Ids;
  network: 'default' | 'none';
  mounts: readonly CommandMount[];
  host: HostRoot | undefined;
  /** A process in the user namespace for commands that know several users. */
  users: number | undefined;
  line(text: string): void;
  signal: AbortSignal;
}

/** What the system said when the namespaces or mounts of a command could not be made. */
export class CannotRun extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CannotRun';
  }
}

const always = ['dev', 'proc', 'sys', 'tmp'];
const files = ['etc/hosts', 'etc/resolv.conf'];

/** Resolves when the command has ended; the upper folder then holds what it changed, if `keep`. Rejects with `CannotRun`. */
export async function runCommand(request: CommandRequest, roots: RunRoots, keep: boolean): Promise<RunResult> {
  const { layers, upper, scratch, host, signal } = request;
  const stubs = new Stubs(upper, layers);
  const folder = join(scratch, 'command');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const path of always) await stubs.folder(path);
  for (const path of files) await stubs.file(path);
  for (const { path, directory } of host?.binds ?? []) await (directory ? stubs.folder(path) : stubs.file(path));
  const root = await roots.open({ layers, shared: request.shared, upper, scratch }, request.stage).catch((error: Error) => {
    throw new CannotRun(error.message);
  });
  let kept = false;
  try {
    const tables = [await neededMounts(root.folder, request, stubs, folder), wantedMounts(root.folder, stubs), deviceMounts(root.folder)];
    const paths = tables.map((_, index) => join(folder, `mounts-${index}`));
    for (const [index, path] of paths.entries()) await writeFile(path, formatTable(tables[index] ?? []));
    const log = join(folder, 'log');
    const namespaces = ['--mount', '--propagation', 'private', '--pid', '--ipc', '--fork', '--kill-child=SIGKILL', ...(request.network === 'none' ? ['--net'] : [])];
    const words = commandWords(request, await findProgram('unshare'), await hasShell(root.folder));
    const argv = ['unshare', ...namespaces, 'sh', '-c', runScript(enterUsers(request)), 'run', log, root.folder, ...paths, ...words];
    const result = await run(argv, { env: { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin' }, line: (text) => request.line(text), signal, cwd: '/' });
    if (result.code !== 0 && !(await access(`${log}.ran`).then(() => true, () => false))) {
      const said = (await readFile(log, 'utf8').catch(() => '')).trim() || result.tail.join('\n');
      throw new CannotRun(said || `its namespaces ended at once (exit code ${result.code})`);
    }
    kept = keep && result.code === 0;
    return result;
  } finally {
    await (kept ? root.finish() : root.discard());
    if (kept) await stubs.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

async function findProgram(name: string): Promise<string> {
  for (const folder of (process.env.PATH ?? '').split(':').concat('/usr/sbin', '/usr/bin', '/sbin', '/bin')) {
    const path = join(folder, name);
    if (folder !== '' && (await access(path, constants.X_OK).then(() => true, () => false))) return path;
  }
  throw new CannotRun(`this machine has no program "${name}"`);
}

async function hasShell(root: string): Promise<boolean> {
  return (await new Tree([root]).find('bin/sh').catch(() => undefined))?.stat.isFile() ?? false;
}

async function neededMounts(root: string, { host, mounts, scratch, users }: CommandRequest, stubs: Stubs, folder: string): Promise<TableLine[]> {
  const lines: TableLine[] = [];
  const existing = await readMounts();
  const bind = (source: string, target: string, directory: boolean, readOnly: boolean) => {
    lines.push({ source, target, type: 'none', options: 'rbind' });
    const brought = readOnly ? mountsUnder(source, existing) : [];
    for (const one of directory ? brought : brought.slice(0, 1)) lines.push({ source: 'none', target: target + one.path.slice(source.length), type: 'none', options: `remount,bind,${one.options}` });
  };
  for (const { path, directory } of host?.binds ?? []) bind(path, `${root}${path}`, directory, true);
  lines.push({ source: 'tmpfs', target: `${root}/dev`, type: 'tmpfs', options: 'mode=755,nosuid' });
  for (const [index, mount] of mounts.entries()) {
    const directory = mount.kind === 'tmpfs' || mount.kind === 'scratch' || (mount.kind === 'bind' && mount.directory);
    // In what another mount of this command shows a stub is made on its source; nothing else could be.
    const target = `${root}/${await (directory ? stubs.folder(mount.target, root) : stubs.file(mount.target, root))}`;
    if (mount.kind === 'tmpfs') lines.push({ source: 'tmpfs', target, type: 'tmpfs', options: `mode=1777,nosuid,nodev${mount.size === undefined ? '' : `,size=${mount.size}`}` });
    else if (mount.kind === 'bind') bind(mount.source, target, mount.directory, mount.readOnly);
    else if (mount.kind === 'file') {
      const copy = join(folder, `file-${index}`);
      await copyFile(mount.source, copy);
      if (mount.ids && users !== undefined) await giveTo(copy, mount.ids, usefulIds);
      await chmod(copy, mount.mode);
      bind(copy, target, false, true);
    } else {
      const [above, work] = [join(scratch, 'thrown', String(index), 'upper'), join(scratch, 'thrown', String(index), 'work')];
      await rm(join(scratch, 'thrown', String(index)), { recursive: true, force: true });
      for (const path of [above, work]) await mkdir(path, { recursive: true, mode: 0o755 });
      lines.push({ source: 'overlay', target, type: 'overlay', options: `lowerdir=${mount.source},upperdir=${above},workdir=${work},userxattr` });
    }
  }
  return lines;
}

/** Names are those of the pod. Where /proc is partly hidden a new one is refused, and the old one is taken. */
function wantedMounts(root: string, stubs: Stubs): TableLine[] {
  const file = (path: string) => ({ source: `/${path}`, target: `${root}/${stubs.nameOf(path)}`, type: 'none', options: 'bind' });
  return [{ source: 'proc', target: `${root}/proc`, type: 'proc', options: 'nosuid,nodev,noexec' }, ...files.map(file)];
}

function deviceMounts(root: string): TableLine[] {
  return ['null', 'zero', 'full', 'random', 'urandom', 'tty'].map((name) => ({ source: `/dev/${name}`, target: `${root}/dev/${name}`, type: 'none', options: 'bind' }));
}

/** Mount points that the image lacks: made before, taken away afterwards, so that no layer has them. */
class Stubs {
  readonly #upper: string;
  readonly #layers: readonly string[];
  readonly #made: { path: string; directory: boolean }[] = [];
  readonly #names = new Map<string, string>();

  constructor(upper: string, layers: readonly string[]) {
    this.#upper = upper;
    this.#layers = layers;
  }

  /** Where the path leads; `root`: once it is mounted, changes go through the mount. */
  nameOf(path: string): string {
    return this.#names.get(path) ?? path;
  }

  folder(path: string, root?: string): Promise<string> {
    return this.#stub(path, true, root);
  }

  file(path: string, root?: string): Promise<string> {
    return this.#stub(path, false, root);
  }

  async #stub(path: string, directory: boolean, root: string | undefined): Promise<string> {
    const tree = new Tree(root === undefined ? [this.#upper, ...this.#layers] : [root]);
    const { name, found } = await tree.resolve(path);
    this.#names.set(path, name);
    if (found) {
      if (found.stat.isDirectory() !== directory) throw new CannotRun(`/${name} in the image is ${directory ? 'a file, a folder is to be mounted there' : 'a folder, a file is to be mounted there'}`);
      return name;
    }
    const inside = new ScopedFolder(root ?? this.#upper, root === undefined ? this.#layers : []);
    const parents: string[] = [];
    for (let at = dirname(name); at !== '.' && !(await tree.at(at)); at = dirname(at)) parents.unshift(at);
    const target = await inside.place(name);
    for (const parent of parents) this.#made.push({ path: join(this.#upper, parent), directory: true });
    if (directory) await mkdir(target, { mode: 0o755 });
    else await writeFile(target, '', { flag: 'wx' });
    // Every user may write there.
    if (name === 'tmp' && directory) await chmod(target, 0o1777);
    this.#made.push({ path: join(this.#upper, name), directory });
    return name;
  }

  /** What the command put there stays. */
  async remove(): Promise<void> {
    for (const { path, directory } of this.#made.toReversed()) {
      if (directory) await rmdir(path).catch(() => undefined);
      else if (await lstat(path).then((one) => one.isFile() && one.size === 0, () => false)) await unlink(path);
    }
  }
}
