/**
 * What package managers keep from one build to the next: a folder that assemble sees and may write, never part of an image. Builds of one service account share it, so nothing
 * crosses from project to project. A build has a slot of it for itself: builds at the same time have different slots, and none sees another's half-written files. The kernel
 * gives a slot back however its holder ends.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { capture } from './run.ts';
import type { RootVolume } from './root/build-root.ts';
import type { BuildSettings } from './settings.ts';

export interface DependencyCacheLimits {
  /** Builds of one project that find a slot at the same time; more build without. */
  slots: number;
  /** Of a slot. What is over it is deleted, the largest tool's part first. */
  maxBytes: number;
  /** Slots are measured once in this many builds, since that takes time that grows with what they hold. */
  measuredEvery: number;
  /** Projects whose slots stay: the ones that built last. */
  projects: number;
}

export const dependencyCacheLimits: DependencyCacheLimits = { slots: 4, maxBytes: 4 * 2 ** 30, measuredEvery: 10, projects: 40 };

/** Where assemble finds it, and the variable that says so. */
const shownAt = '/run/dependency-cache';
export const dependencyCacheVariable = 'S2I_DEPENDENCY_CACHE';

export interface DependencyCache {
  volumes: RootVolume[];
  /** For assemble alone. */
  env: Record<string, string>;
  /** Gives the slot back. */
  close(): Promise<void>;
}

const never = new AbortController().signal;

/** Undefined where nothing is kept, or every slot is taken. */
export async function openDependencyCache({ cache, plain, serviceAccount, build }: Pick<BuildSettings, 'cache' | 'plain' | 'serviceAccount' | 'build'>, limits = dependencyCacheLimits): Promise<DependencyCache | undefined> {
  if (cache === undefined) return undefined;
  const all = join(cache, 'dependencies');
  const own = join(all, await ownerKey(serviceAccount, build.metadata.namespace));
  try {
    const made = await mkdir(own, { recursive: true, mode: 0o700 });
    if (made !== undefined) await dropOthers(all, limits);
    const now = new Date();
    await utimes(own, now, now);
    for (let index = 0; index < limits.slots; index++) {
      const slot = join(own, String(index));
      const held = await lock(`${slot}.lock`);
      if (held === 'none') return undefined;
      if (held === 'taken') continue;
      await mkdir(slot, { recursive: true, mode: 0o755 });
      return {
        volumes: plain ? [] : [{ source: slot, path: shownAt, writable: true }],
        env: { [dependencyCacheVariable]: plain ? slot : shownAt },
        close: () => bound(slot, limits).catch(() => undefined).then(() => unlock(held)),
      };
    }
  } catch {
    // A cache that cannot be had must not fail a build.
  }
  return undefined;
}

/** The service account's uid: one that is made anew under the same names gets nothing of the old one's. */
async function ownerKey(serviceAccount: string, namespace = ''): Promise<string> {
  const token = await readFile(join(serviceAccount, 'token'), 'utf8').catch(() => '');
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as { 'kubernetes.io'?: { serviceaccount?: { uid?: string } } };
    const uid = claims['kubernetes.io']?.serviceaccount?.uid;
    if (uid && /^[\w-]+$/.test(uid)) return uid;
  } catch {
    // Not one of our tokens.
  }
  return `project-${namespace}`;
}

/** Measures now and then, and deletes what is over the bound. */
async function bound(slot: string, { maxBytes, measuredEvery }: DependencyCacheLimits): Promise<void> {
  const counter = `${slot}.builds`;
  const builds = (Number(await readFile(counter, 'utf8').catch(() => '0')) || 0) + 1;
  await writeFile(counter, String(builds));
  if (builds % measuredEvery !== 0) return;
  const names = await readdir(slot);
  if (names.length === 0) return;
  const sizes = (await capture(['du', '-sk', '--', ...names.map((name) => `./${name}`)], { cwd: slot, signal: never })).split('\n').map((line) => ({ bytes: Number(line.split('\t')[0]) * 1024, name: line.slice(line.indexOf('./') + 2) }));
  let total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { name, bytes } of sizes.sort((a, b) => b.bytes - a.bytes)) {
    if (total <= maxBytes) return;
    await remove(join(slot, name));
    total -= bytes;
  }
}

/** Slots of the projects that built longest ago, if nobody holds them. */
async function dropOthers(all: string, { projects, slots }: DependencyCacheLimits): Promise<void> {
  const names = await readdir(all);
  if (names.length <= projects) return;
  const aged = await Promise.all(names.map(async (name) => ({ name, used: (await stat(join(all, name))).mtimeMs })));
  for (const { name } of aged.sort((a, b) => b.used - a.used).slice(projects)) {
    const folder = join(all, name);
    const held = await Promise.all(Array.from({ length: slots }, (_, index) => lock(join(folder, `${index}.lock`))));
    if (held.every((one) => typeof one === 'object')) await remove(folder);
    await Promise.all(held.map((one) => typeof one === 'object' && unlock(one)));
  }
}

/** Package managers leave folders that not even their owner may write. */
async function remove(path: string): Promise<void> {
  await capture(['chmod', '-R', 'u+rwX', path], { signal: never }).catch(() => undefined);
  await rm(path, { recursive: true, force: true });
}

/** Held by a process that ends with us: its standard input is ours. `none`: this machine has no program for it. */
function lock(file: string): Promise<ChildProcess | 'taken' | 'none'> {
  return new Promise((resolve) => {
    const child = spawn('flock', ['--exclusive', '--nonblock', file, 'sh', '-c', 'echo locked; read -r line'], { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin.on('error', () => undefined);
    child.once('error', () => resolve('none'));
    child.stdout.once('data', () => resolve(child));
    child.once('close', () => resolve('taken'));
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
