/** Layers below, changes in a folder above: nothing is copied, and the changes lie apart. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostRoot } from '../../../../../oci/host-root.ts';
import { diffUpper } from '../../../../../oci/tree-reader.ts';
import { capture } from '../run.ts';
import { buildOwnership, isLeftOut, mountPoints, rootFiles, type BuildRoot, type RootOptions } from './build-root.ts';
import { imageUser, type ImageUser } from './image-user.ts';
import { Pause } from './pause.ts';

const never = new AbortController().signal;

/** Rejects where overlays cannot be mounted or namespaces not be made. `lowers` ends with the skeleton; those in `base` are named relative to it. */
export async function overlayRoot(lowers: readonly string[], host: HostRoot | undefined, scratch: string, base: string, options: RootOptions): Promise<BuildRoot> {
  const tmp = join(scratch, 'tmp');
  const layer = await mountOverlay(lowers, scratch, base, 'root');
  let top = layer;
  let pause: Pause;
  let user: ImageUser;
  let hidden: ReadonlySet<string>;
  const enter = async (merged: string): Promise<Pause> => {
    const points = await mountPoints(rootFiles(merged, tmp), options.volumes);
    hidden = new Set(points.map(({ name }) => name));
    return Pause.start(merged, { host, tmp, scratch, user, volumes: points });
  };
  try {
    user = await imageUser(options.user, rootFiles(layer.merged, tmp));
    pause = await enter(layer.merged);
  } catch (error) {
    await layer.unmount();
    throw error;
  }
  const owner = (name: string, stat: { mode: number }) => buildOwnership(name, stat.mode & 0o7777, user);
  return {
    kind: 'overlay',
    user,
    ...rootFiles(layer.merged, tmp),
    run: (command) => pause.run(command),
    freeze: () => pause.dispose(),
    changes: () => diffUpper({ upper: layer.upper, lowers, merged: layer.merged }, { owner, exclude: (name) => isLeftOut(name) || hidden.has(name) }),
    async thaw() {
      await pause.dispose();
      await layer.unmount();
      top = await mountOverlay([layer.upper, ...lowers], scratch, base, 'hook');
      pause = await enter(top.merged);
    },
    async dispose() {
      await pause.dispose();
      await top.unmount();
    },
  };
}

async function mountOverlay(lowers: readonly string[], scratch: string, base: string, name: string): Promise<{ upper: string; merged: string; unmount(): Promise<void> }> {
  const folder = join(scratch, name);
  const [upper, work, merged] = [join(folder, 'upper'), join(folder, 'work'), join(folder, 'merged')];
  for (const path of [upper, work, merged]) await mkdir(path, { recursive: true, mode: 0o755 });
  // Relative to where most layers lie: the options of one mount must fit a page.
  const short = lowers.map((path) => (path.startsWith(`${base}/`) ? path.slice(base.length + 1) : path));
  const bad = short.find((path) => /[:,\\]/.test(path));
  if (bad !== undefined) throw new Error(`"${bad}" cannot be a layer of an overlay`);
  const options = `lowerdir=${short.join(':')},upperdir=${upper},workdir=${work}`;
  // Without userxattr an unprivileged overlay cannot mark replaced directories; kernels before 5.11 do not know the option.
  await capture(['mount', '-n', '-t', 'overlay', 'overlay', '-o', `${options},userxattr`, merged], { cwd: base, signal: never });
  return {
    upper,
    merged,
    unmount: () => capture(['umount', '-n', '-l', merged], { signal: never }).then(() => undefined, () => undefined),
  };
}
