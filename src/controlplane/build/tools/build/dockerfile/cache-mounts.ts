/** Folders of `RUN --mount=type=cache`: they survive builds, belong to a project, and never reach an image. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { giveTo } from './owners.ts';
import type { RunMount } from './run-mount.ts';

/** Not used for so long, a folder is given up. */
const keptDays = 30;

type CacheMount = Extract<RunMount, { type: 'cache' }>;

export class CacheMounts {
  readonly #folder: string;
  readonly #scratch: string;
  readonly #project: string;
  readonly #users: number;

  /** `shared`: a folder that builds share; without, the folders go with the build. `users`: as of `LayerStore`. */
  constructor(shared: string | undefined, scratch: string, project: string, users = 0) {
    this.#folder = join(shared ?? scratch, 'mounts');
    this.#users = users;
    this.#scratch = scratch;
    this.#project = project;
  }

  /** `fill` is called for a new folder. `release` gives it back to other builds. */
  async open(mount: CacheMount, fill: (folder: string) => Promise<void>, signal: AbortSignal): Promise<{ folder: string; release(): Promise<void> }> {
    const name = createHash('sha256').update(JSON.stringify([this.#project, mount.id])).digest('hex').slice(0, 24);
    await mkdir(this.#folder, { recursive: true, mode: 0o755 });
    let folder = join(this.#folder, name);
    let lock: ChildProcess | undefined;
    if (mount.sharing !== 'shared') {
      lock = await takeLock(`${folder}.lock`, mount.sharing === 'locked', signal);
      // Somebody else has it: a folder of its own for this command.
      if (!lock) folder = join(this.#scratch, 'private', name);
    }
    const fresh = await stat(folder).then(() => false, () => true);
    if (fresh) {
      await mkdir(folder, { recursive: true, mode: 0o755 });
      await fill(folder);
      await giveTo(folder, mount, this.#users);
      await chmod(folder, (mount.mode & 0o1777) | 0o700);
    }
    const now = new Date();
    await utimes(folder, now, now);
    return { folder, release: () => giveBack(lock) };
  }

  /** Takes away what was not used for long. */
  async close(now: Date): Promise<void> {
    for (const name of await readdir(this.#folder).catch(() => [])) {
      const path = join(this.#folder, name);
      const used = await stat(path).catch(() => undefined);
      if (used?.isDirectory() && now.getTime() - used.mtimeMs > keptDays * 86_400_000) await rm(path, { recursive: true, force: true });
    }
  }
}

/** Held by a process that ends with us. Undefined if it is taken and not waited for. */
function takeLock(file: string, wait: boolean, signal: AbortSignal): Promise<ChildProcess | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn('flock', ['--exclusive', ...(wait ? [] : ['--nonblock']), file, 'sh', '-c', 'echo locked; while read -r line; do :; done'], { stdio: ['pipe', 'pipe', 'ignore'] });
    const stop = () => child.kill('SIGKILL');
    signal.addEventListener('abort', stop, { once: true });
    child.stdin.on('error', () => undefined);
    child.once('error', reject);
    child.stdout.once('data', () => resolve(child));
    child.once('close', () => {
      signal.removeEventListener('abort', stop);
      resolve(undefined);
    });
  });
}

function giveBack(lock: ChildProcess | undefined): Promise<void> {
  if (!lock || lock.exitCode !== null || lock.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    lock.once('close', () => resolve());
    lock.stdin?.destroy();
    lock.stdout?.destroy();
  });
}
