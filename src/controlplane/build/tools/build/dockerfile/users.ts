/**
 * The users that commands of a Dockerfile can be and give files to: all of an image's, where the namespaces of the build pod know as many. The commands of a build share
 * one user namespace of their own, which has no power over the build's mounts.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { idsFromZero, parseIdMap, sameIds, usefulIds } from '../../../../../base/id-map.ts';
import { giveTo } from './owners.ts';

export class Users {
  /** A process in the namespace. */
  readonly pid: number;
  /** Users and groups there are, from 0 on. */
  readonly count: number;
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess, pid: number, count: number) {
    this.#holder = holder;
    this.pid = pid;
    this.count = count;
  }

  /** Found out by doing; undefined where there is one user only. `scratch` lies on the file system of the layers. */
  static async open(scratch: string): Promise<Users | undefined> {
    const maps = await Promise.all(['uid_map', 'gid_map'].map((name) => readFile(`/proc/self/${name}`, 'utf8').catch(() => ''))).then((texts) => texts.map(parseIdMap));
    const count = Math.min(...maps.map(idsFromZero));
    if (count < usefulIds) return undefined;
    const holder = await startHolder();
    if (!holder) return undefined;
    const users = new Users(holder.child, holder.pid, count);
    const probe = join(scratch, 'owner');
    try {
      for (const [index, name] of ['uid_map', 'gid_map'].entries()) await writeFile(`/proc/${users.pid}/${name}`, sameIds(maps[index] ?? []));
      await writeFile(probe, '');
      await giveTo(probe, { uid: 1, gid: 1 }, count);
      return users;
    } catch {
      await users.close();
      return undefined;
    } finally {
      await rm(probe, { force: true });
    }
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#holder.exitCode !== null || this.#holder.signalCode !== null) return resolve();
      this.#holder.once('close', () => resolve());
      this.#holder.stdin?.destroy();
      this.#holder.stdout?.destroy();
    });
  }
}

/** It ends with us: its standard input is ours. */
function startHolder(): Promise<{ child: ChildProcess; pid: number } | undefined> {
  return new Promise((resolve) => {
    const child = spawn('unshare', ['--user', 'sh', '-c', 'echo ready; while read -r line; do :; done'], { stdio: ['pipe', 'pipe', 'ignore'], env: { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin' } });
    child.stdin.on('error', () => undefined);
    child.once('error', () => resolve(undefined));
    child.stdout.once('data', () => resolve(child.pid === undefined ? undefined : { child, pid: child.pid }));
    child.once('close', () => resolve(undefined));
  });
}
