/** Namespaces of a build, held by one process: user, mount, pid and ipc. Commands enter them without any power. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostRoot } from '../../../../../oci/host-root.ts';
import { run, type RunResult } from '../run.ts';
import type { RootCommand } from './build-root.ts';
import type { ImageUser } from './image-user.ts';
import { kitPath, openKit, type Kit } from './kit.ts';
import { formatTable, mountsUnder, readMounts, type TableLine } from './mount-table.ts';
import { pauseScript } from './pause-script.ts';

export interface PauseOptions {
  /** What of this machine is bound into the root. */
  host: HostRoot | undefined;
  /** Seen as `/tmp`. */
  tmp: string;
  scratch: string;
  /** What processes see as their own; on disk everything belongs to who runs the build. */
  user: ImageUser;
  /** `target` is the mount point on this side. */
  volumes: readonly { source: string; target: string; writable: boolean }[];
}

const startLimit = 20_000;

export class Pause {
  readonly #holder: ChildProcessWithoutNullStreams;
  readonly #pid: number;
  readonly #ended: Promise<void>;
  readonly #kit: Kit;
  readonly #user: ImageUser;

  private constructor(holder: ChildProcessWithoutNullStreams, pid: number, kit: Kit, user: ImageUser) {
    this.#holder = holder;
    this.#pid = pid;
    this.#kit = kit;
    this.#user = user;
    this.#ended = new Promise((resolve) => holder.once('close', () => resolve()));
  }

  /** `root`: where the new root is mounted or lies. Rejects with what the system said. */
  static async start(root: string, { host, tmp, scratch, user, volumes }: PauseOptions): Promise<Pause> {
    const kit = await openKit(scratch);
    const tables = [await neededMounts(root, host, tmp, volumes), wantedMounts(root), deviceMounts(root), await kitMounts(root, kit)];
    const paths = tables.map((_, index) => join(scratch, `mounts-${index}`));
    await mkdir(tmp, { recursive: true, mode: 0o777 });
    for (const [index, path] of paths.entries()) await writeFile(path, formatTable(tables[index] ?? []));
    const namespaces = ['--user', `--map-user=${user.uid}`, `--map-group=${user.gid}`, '--keep-caps', '--mount', '--pid', '--ipc', '--fork', '--kill-child=SIGKILL'];
    const holder = spawn('unshare', [...namespaces, 'sh', '-c', pauseScript, 'pause', root, ...paths], { stdio: 'pipe', env: plainEnv() });
    holder.stdin.on('error', () => undefined);
    return new Pause(holder, await ready(holder), kit, user);
  }

  async run(command: RootCommand): Promise<RunResult> {
    const enter = ['setpriv', '--no-new-privs', 'nsenter', `--target=${this.#pid}`, '--user', '--mount', '--pid', '--ipc', '--preserve-credentials'];
    // Folder and variables are set by the shell inside: outside, a variable such as LD_PRELOAD would act on programs that still have powers.
    const inside = `cd "$0" 2>/dev/null || cd /; ${exports(command.env)}exec "$@"`;
    // Whoever enters a user namespace has every power in it; another user than root loses them when it starts a program, root is made to. The root's mounts, and what they hide, stay as they are.
    const drop = [...this.#kit.tool('setpriv'), '--no-new-privs', '--inh-caps=-all', '--ambient-caps=-all', ...(this.#user.uid === 0 ? ['--bounding-set=-all'] : [])];
    return run([...enter, '--', ...drop, ...this.#kit.tool('sh'), '-c', inside, command.workingDir, ...command.argv], {
      env: plainEnv(),
      line: (text) => command.line(text),
      signal: command.signal,
      kill: () => this.#kill(),
    });
  }

  /** Every process of the namespaces ends with the first. */
  async dispose(): Promise<void> {
    this.#kill();
    await this.#ended;
  }

  #kill(): void {
    this.#holder.stdin.destroy();
    this.#holder.kill('SIGKILL');
  }
}

async function neededMounts(root: string, host: HostRoot | undefined, tmp: string, volumes: PauseOptions['volumes']): Promise<TableLine[]> {
  const lines: TableLine[] = [];
  const mounts = await readMounts();
  for (const { path, directory } of host?.binds ?? []) {
    lines.push({ source: path, target: root + path, type: 'none', options: 'rbind' });
    const brought = mountsUnder(path, mounts);
    for (const one of directory ? brought : brought.slice(0, 1)) lines.push({ source: 'none', target: root + one.path, type: 'none', options: `remount,bind,${one.options}` });
  }
  for (const { source, target, writable } of volumes) {
    lines.push({ source, target, type: 'none', options: 'bind' });
    if (!writable) lines.push({ source: 'none', target, type: 'none', options: `remount,bind,${mountsUnder(source, mounts)[0]?.options ?? 'ro'}` });
  }
  return [...lines, { source: tmp, target: `${root}/tmp`, type: 'none', options: 'bind' }, { source: 'tmpfs', target: `${root}/dev`, type: 'tmpfs', options: 'mode=755,nosuid' }];
}

/** Names are those of the pod. Where /proc is partly hidden a new one is refused, and the old one is taken. */
function wantedMounts(root: string): TableLine[] {
  const file = (path: string) => ({ source: path, target: root + path, type: 'none', options: 'bind' });
  return [{ source: 'proc', target: `${root}/proc`, type: 'proc', options: 'nosuid,nodev,noexec' }, file('/etc/resolv.conf'), file('/etc/hosts')];
}

function deviceMounts(root: string): TableLine[] {
  return ['null', 'zero', 'full', 'random', 'urandom', 'tty'].map((name) => ({ source: `/dev/${name}`, target: `${root}/dev/${name}`, type: 'none', options: 'bind' }));
}

async function kitMounts(root: string, kit: Kit): Promise<TableLine[]> {
  const target = `${root}${kitPath}`;
  const kept = mountsUnder(kit.folder, await readMounts())[0]?.options ?? 'ro';
  return [{ source: kit.folder, target, type: 'none', options: 'bind' }, { source: 'none', target, type: 'none', options: `remount,bind,nosuid,${kept}` }];
}

function exports(env: Record<string, string>): string {
  return Object.entries(env)
    .filter(([name]) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'; `)
    .join('');
}

function plainEnv(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin' };
}

function ready(holder: ChildProcessWithoutNullStreams): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = '';
    let wrong = '';
    const limit = setTimeout(() => holder.kill('SIGKILL'), startLimit);
    holder.stderr.setEncoding('utf8').on('data', (text: string) => (wrong = (wrong + text).slice(-2000)));
    holder.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const pid = /^ready (\d+)$/m.exec(said)?.[1];
      if (pid === undefined) return;
      clearTimeout(limit);
      resolve(Number(pid));
    });
    holder.once('error', reject);
    holder.once('close', (code) => {
      clearTimeout(limit);
      reject(new Error(wrong.trim() || `the namespaces of the build ended at once (exit code ${code})`));
    });
  });
}
