/**
 * Unpacked layers that builds of one node share, each a folder named by its chain id (image-spec config.md), made once and never changed. Whoever uses the cache holds a shared
 * lock that the kernel gives back however its holder ends; who finds nobody else there tidies up: folders that never got whole, and the layers unused longest beyond the bound.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, utimes, writeFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface LayerCacheOptions {
  /** Bytes of all layers together, before the file system's own needs. */
  maxBytes: number;
  maxLayers: number;
}

export const cacheLimits: LayerCacheOptions = { maxBytes: 10 * 2 ** 30, maxLayers: 500 };
/** Names are short: the mount options of all layers together must fit into one page. */
const nameLength = 20;
const lockPatience = 10_000;

export class LayerCache {
  /** Layers lie directly in it. */
  readonly folder: string;
  readonly #scratch: string;
  readonly #lock: ChildProcess;
  readonly #full: boolean;

  private constructor(folder: string, scratch: string, lock: ChildProcess, full: boolean) {
    this.folder = folder;
    this.#scratch = scratch;
    this.#lock = lock;
    this.#full = full;
  }

  /** `scratch`: of this build, on the same mount; layers are unpacked there. Undefined where the folder cannot be made, or no program can lock it. */
  static async open(folder: string, scratch: string, limits: LayerCacheOptions = cacheLimits): Promise<LayerCache | undefined> {
    if (!(await mkdir(folder, { recursive: true, mode: 0o755 }).then(() => true, () => false))) return undefined;
    let kept = await survey(folder);
    if (kept.stale.length > 0 || isOver(kept, limits)) {
      const alone = await lock(folder, 'exclusive');
      if (alone) {
        await tidy(folder, await survey(folder), limits);
        kept = await survey(folder);
        await unlock(alone);
      }
    }
    const shared = await lock(folder, 'shared');
    return shared && new LayerCache(folder, scratch, shared, isOver(kept, limits));
  }

  /**
   * The folder of a layer, unpacked now if it is not there; `unpack` answers with its bytes. Undefined if the cache is full of layers that others use:
   * the caller unpacks where it can.
   */
  async layer(chainId: string, unpack: (root: string) => Promise<number>): Promise<string | undefined> {
    const name = chainId.replace(/^.*:/, '').slice(0, nameLength);
    const path = join(this.folder, name);
    const now = new Date();
    // The size is written after the layer is whole and has its name: what has one is complete.
    if (await utimes(sizeFile(path), now, now).then(() => true, () => false)) return path;
    if (this.#full) return undefined;
    // What a build that is killed leaves of it goes with the build's own folder.
    const fresh = join(this.#scratch, `layer-${randomUUID()}`);
    let kept = false;
    try {
      await mkdir(fresh, { mode: 0o755 });
      const bytes = await unpack(fresh);
      const moved = await rename(fresh, path).then(() => undefined, (error: NodeJS.ErrnoException) => error.code);
      // On another mount it serves this build alone.
      if (moved === 'EXDEV') {
        kept = true;
        return fresh;
      }
      // Another build may have been first: its folder has the same content.
      if (moved !== undefined && moved !== 'ENOTEMPTY' && moved !== 'EEXIST') throw new Error(`the layer cannot be kept (${moved})`);
      await writeFile(sizeFile(path), String(bytes));
      return path;
    } finally {
      if (!kept) await rm(fresh, { recursive: true, force: true });
    }
  }

  close(): Promise<void> {
    return unlock(this.#lock);
  }
}

interface Survey {
  layers: { name: string; bytes: number; used: number }[];
  /** Of a machine that stopped in the middle. */
  stale: string[];
}

function sizeFile(path: string): string {
  return `${path}.size`;
}

async function survey(folder: string): Promise<Survey> {
  const names = await readdir(folder);
  const layers = await Promise.all(
    names.filter((name) => name.endsWith('.size')).map(async (file) => {
      const path = join(folder, file);
      const [text, times] = await Promise.all([readFile(path, 'utf8').catch(() => '0'), stat(path).catch(() => undefined)]);
      return { name: file.slice(0, -'.size'.length), bytes: Number(text) || 0, used: times?.mtimeMs ?? 0 };
    }),
  );
  const whole = new Set(layers.map(({ name }) => name));
  return { layers, stale: names.filter((name) => name !== 'lock' && !name.endsWith('.size') && !whole.has(name)) };
}

function isOver({ layers }: Survey, { maxBytes, maxLayers }: LayerCacheOptions): boolean {
  return layers.length > maxLayers || layers.reduce((sum, { bytes }) => sum + bytes, 0) > maxBytes;
}

/** Down to three quarters of the bound, so that it is not met again at once. */
async function tidy(folder: string, kept: Survey, limits: LayerCacheOptions): Promise<void> {
  for (const name of kept.stale) await rm(join(folder, name), { recursive: true, force: true });
  if (!isOver(kept, limits)) return;
  const aim = { maxBytes: limits.maxBytes * 0.75, maxLayers: limits.maxLayers * 0.75 };
  const left = [...kept.layers].sort((one, other) => other.used - one.used);
  while (isOver({ layers: left, stale: [] }, aim)) {
    const oldest = left.pop();
    if (!oldest) return;
    await rm(sizeFile(join(folder, oldest.name)), { force: true });
    await rm(join(folder, oldest.name), { recursive: true, force: true });
  }
}

/** Held by a process that ends with us: its standard input is ours. Undefined if somebody else is there (exclusive) or it cannot be had. */
function lock(folder: string, kind: 'shared' | 'exclusive'): Promise<ChildProcess | undefined> {
  return new Promise((resolve) => {
    const wait = kind === 'exclusive' ? ['--nonblock'] : ['--wait', String(lockPatience / 1000)];
    const child = spawn('flock', [`--${kind}`, ...wait, join(folder, 'lock'), 'sh', '-c', 'echo locked; while read -r line; do :; done'], { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin.on('error', () => undefined);
    child.once('error', () => resolve(undefined));
    child.stdout.once('data', () => resolve(child));
    child.once('close', () => resolve(undefined));
  });
}

function unlock(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('close', () => resolve());
    child.stdin?.destroy();
    child.stdout?.destroy();
  });
}
