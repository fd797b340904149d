/** Layers below, changes in a folder above: nothing is copied, and the changes lie apart. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostRoot } from '../../../../../oci/host-root.ts';
import { diffUpper } from '../../../../../oci/tree-reader.ts';
import { capture } from '../run.ts';
import { buildOwnership, isLeftOut, rootFiles, type BuildRoot } from './build-root.ts';
import { Pause } from './pause.ts';

const never = new AbortController().signal;

/** Rejects where overlays cannot be mounted or namespaces not be made. `lowers` ends with the skeleton. */
export async function overlayRoot(lowers: readonly string[], host: HostRoot | undefined, scratch: string): Promise<BuildRoot> {
  const owner = (name: string, stat: { mode: number }) => buildOwnership(name, stat.mode & 0o7777);
  const tmp = join(scratch, 'tmp');
  const layer = await mountOverlay(lowers, scratch, 'root');
  let top = layer;
  let pause: Pause;
  try {
    pause = await Pause.start(layer.merged, host, tmp, scratch);
  } catch (error) {
    await layer.unmount();
    throw error;
  }
  return {
    kind: 'overlay',
    ...rootFiles(layer.merged, tmp),
    run: (command) => pause.run(command),
    freeze: () => pause.dispose(),
    changes: () => diffUpper({ upper: layer.upper, lowers, merged: layer.merged }, { owner, exclude: isLeftOut }),
    async thaw() {
      await pause.dispose();
      await layer.unmount();
      top = await mountOverlay([layer.upper, ...lowers], scratch, 'hook');
      pause = await Pause.start(top.merged, host, tmp, scratch);
    },
    async dispose() {
      await pause.dispose();
      await top.unmount();
    },
  };
}

async function mountOverlay(lowers: readonly string[], scratch: string, name: string): Promise<{ upper: string; merged: string; unmount(): Promise<void> }> {
  const folder = join(scratch, name);
  const [upper, work, merged] = [join(folder, 'upper'), join(folder, 'work'), join(folder, 'merged')];
  for (const path of [upper, work, merged]) await mkdir(path, { recursive: true, mode: 0o755 });
  // Relative to the scratch folder: the options of one mount must fit a page.
  const short = lowers.map((path) => (path.startsWith(`${scratch}/`) ? path.slice(scratch.length + 1) : path));
  const bad = short.find((path) => /[:,\\]/.test(path));
  if (bad !== undefined) throw new Error(`"${bad}" cannot be a layer of an overlay`);
  const options = `lowerdir=${short.join(':')},upperdir=${name}/upper,workdir=${name}/work`;
  // Without userxattr an unprivileged overlay cannot mark replaced directories; kernels before 5.11 do not know the option.
  await capture(['mount', '-n', '-t', 'overlay', 'overlay', '-o', `${options},userxattr`, merged], { cwd: scratch, signal: never });
  return {
    upper,
    merged,
    unmount: () => capture(['umount', '-n', '-l', merged], { signal: never }).then(() => undefined, () => undefined),
  };
}
