/** The root a build happens in: the builder image's layers, changed by assemble. Three ways to have one, chosen by doing. */
import type { Stats } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { posix } from 'node:path';
import type { LayerEntry } from '../../../../../oci/layer-writer.ts';
import { ScopedFolder } from '../../../../../oci/scoped-folder.ts';
import { fileSystemFailed } from '../failure.ts';
import type { RunResult } from '../run.ts';
import type { ImageUser } from './image-user.ts';

export interface RootCommand {
  argv: readonly string[];
  workingDir: string;
  /** Complete; nothing is inherited. Paths are those inside the root. */
  env: Record<string, string>;
  line(text: string): void;
  signal: AbortSignal;
}

export interface BuildRoot extends RootFiles {
  readonly kind: 'overlay' | 'copy' | 'plain';
  /** What commands see as their own, and what changes will belong to. */
  readonly user: ImageUser;
  /** Runs a command as that user, without any power; `plain` runs it as an ordinary process of who runs the build. */
  run(command: RootCommand): Promise<RunResult>;
  /** Ends every process of the root, so that what it holds is looked at in peace. */
  freeze(): Promise<void>;
  /** What was changed since the root was made. Files are read when the layer is written: do so before `thaw` or `dispose`. */
  changes(): Promise<LayerEntry[]>;
  /** Commands may run again, and what they change is thrown away: for the post-commit hook. */
  thaw(): Promise<void>;
  /** Unmounts; the folder is deleted by whoever made it. */
  dispose(): Promise<void>;
}

/** Paths of the root as this program reaches them. No link, whoever made it, leads out of the root. `/tmp` never reaches the image. */
export interface RootFiles {
  /** Where a path goes; its folder is made. */
  place(path: string): Promise<string>;
  /** What is at a path, links in its folders followed, its last part not. */
  find(path: string): Promise<{ path: string; stat: Stats } | undefined>;
}

/** `folder` holds the root, `tmp` what is seen as `/tmp`. */
export function rootFiles(folder: string, tmp: string): RootFiles {
  const scoped = (path: string) => {
    const name = posix.normalize(`/${path}`).slice(1);
    return name === 'tmp' || name.startsWith('tmp/') ? { inside: new ScopedFolder(tmp), name: name.slice(4) } : { inside: new ScopedFolder(folder), name };
  };
  return {
    place: (path) => {
      const { inside, name } = scoped(path);
      return inside.place(name);
    },
    find: (path) => {
      const { inside, name } = scoped(path);
      return inside.find(name);
    },
  };
}

export interface RootVolume {
  /** A folder of the build pod. */
  source: string;
  /** Where the root shows it. */
  path: string;
  /** Default: read-only. */
  writable?: boolean;
}

export interface RootOptions {
  /** Who runs in it, as `USER` of an image; default: the image's own. */
  user?: string;
  /** Never part of the image. */
  volumes?: readonly RootVolume[];
}

/** Mount points of volumes, made where they are missing; on this side, and their names in the image. */
export async function mountPoints(files: RootFiles, volumes: readonly RootVolume[] = []): Promise<{ source: string; target: string; name: string; writable: boolean }[]> {
  const points: { source: string; target: string; name: string; writable: boolean }[] = [];
  for (const { source, path, writable = false } of volumes) {
    const name = posix.normalize(`/${path}`).slice(1).replace(/\/$/, '');
    const there = await files.find(name);
    if (name === '' || (there && !there.stat.isDirectory())) throw fileSystemFailed(`A volume cannot be shown at "${path}": the image has something else than a folder there. Choose another destinationPath.`);
    const target = await files.place(name);
    await mkdir(target, { recursive: true, mode: 0o755 });
    points.push({ source, target, name, writable });
  }
  return points;
}

/** Owner and mode of what a build made: who ran in it; where applications lie the group gets the owner's rights (OpenShift's arbitrary uid). */
export function buildOwnership(name: string, mode: number, { uid, gid }: ImageUser = { uid: 1001, gid: 0 }): ImageUser & { mode: number } {
  const shared = name === 'opt/app-root' || name.startsWith('opt/app-root/');
  return { uid, gid, mode: shared ? mode | ((mode & 0o700) >> 3) : mode };
}

/** Never part of an image: made by the runtime, or scratch. */
const neverInImage = new Set(['tmp', 'proc', 'sys', 'dev', 'run', 'var/run', '.slipway']);

export function isLeftOut(name: string): boolean {
  return neverInImage.has(name);
}
