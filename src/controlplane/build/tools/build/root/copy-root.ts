/** One folder that holds all layers, unpacked over each other; what changed is told by a snapshot. For machines without overlays. */
import { rmdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostRoot } from '../../../../../oci/host-root.ts';
import type { LayerEntry } from '../../../../../oci/layer-writer.ts';
import { snapshotDiff, takeSnapshot } from '../../../../../oci/tree-reader.ts';
import { relocateEnv, relocatePath } from '../../../../../oci/relocate.ts';
import { fileSystemFailed } from '../failure.ts';
import { run } from '../run.ts';
import { buildOwnership, isLeftOut, mountPoints, rootFiles, type BuildRoot, type RootCommand, type RootOptions } from './build-root.ts';
import { imageUser, type ImageUser } from './image-user.ts';
import { Pause } from './pause.ts';

/** With namespaces: commands see the folder as their root. */
export async function copyRoot(folder: string, host: HostRoot | undefined, scratch: string, options: RootOptions): Promise<BuildRoot> {
  const tmp = join(scratch, 'tmp');
  const files = rootFiles(folder, tmp);
  const user = await imageUser(options.user, files);
  const points = await mountPoints(files, options.volumes);
  const changes = await recorder(folder, user, points);
  const enter = () => Pause.start(folder, { host, tmp, scratch, user, volumes: points });
  let pause = await enter();
  return {
    kind: 'copy',
    user,
    ...files,
    run: (command) => pause.run(command),
    freeze: () => pause.dispose(),
    changes,
    // The layer is written by now, and the folder is deleted with the build.
    async thaw() {
      pause = await enter();
    },
    dispose: () => pause.dispose(),
  };
}

/** Without namespaces: ordinary processes whose variables and paths are led into the folder. Isolates nothing. */
export async function plainRoot(folder: string, options: RootOptions): Promise<BuildRoot> {
  const files = rootFiles(folder, join(folder, 'tmp'));
  const user = await imageUser(options.user, files);
  const points = await mountPoints(files, options.volumes);
  // Nothing can be mounted: the empty mount point becomes a link.
  for (const { source, target } of points) {
    await rmdir(target).catch(() => {
      throw fileSystemFailed(`Without namespaces a volume cannot cover the folder ${target.slice(folder.length)}, which the image fills; choose another destinationPath.`);
    });
    await symlink(source, target);
  }
  return {
    kind: 'plain',
    user,
    ...files,
    run: (command) => runInFolder(folder, command),
    freeze: () => Promise.resolve(),
    changes: await recorder(folder, user, points),
    thaw: () => Promise.resolve(),
    dispose: () => Promise.resolve(),
  };
}

async function recorder(folder: string, user: ImageUser, points: readonly { name: string }[]): Promise<() => Promise<LayerEntry[]>> {
  const hidden = new Set(points.map(({ name }) => name));
  const exclude = (name: string) => isLeftOut(name) || hidden.has(name);
  const before = await takeSnapshot(folder, { exclude });
  return () => snapshotDiff(folder, before, { exclude, owner: (name, stat) => buildOwnership(name, stat.mode & 0o7777, user) });
}

function runInFolder(folder: string, { argv, workingDir, env, line, signal }: RootCommand) {
  return run(argv.map((word) => relocatePath(word, folder)), {
    cwd: relocatePath(workingDir, folder),
    env: relocateEnv(env, folder),
    line,
    signal,
    // Its own process group would outlive a killed builder; the runtime ends the whole tree of the container.
  });
}
