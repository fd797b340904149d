/** One folder that holds all layers, unpacked over each other; what changed is told by a snapshot. For machines without overlays. */
import { join } from 'node:path';
import type { HostRoot } from '../../../../../oci/host-root.ts';
import type { LayerEntry } from '../../../../../oci/layer-writer.ts';
import { snapshotDiff, takeSnapshot } from '../../../../../oci/tree-reader.ts';
import { relocateEnv, relocatePath } from '../../../../../oci/relocate.ts';
import { run } from '../run.ts';
import { buildOwnership, isLeftOut, rootFiles, type BuildRoot, type RootCommand } from './build-root.ts';
import { Pause } from './pause.ts';

/** With namespaces: commands see the folder as their root. */
export async function copyRoot(folder: string, host: HostRoot | undefined, scratch: string): Promise<BuildRoot> {
  const tmp = join(scratch, 'tmp');
  const changes = await recorder(folder);
  let pause = await Pause.start(folder, host, tmp, scratch);
  return {
    kind: 'copy',
    ...rootFiles(folder, tmp),
    run: (command) => pause.run(command),
    freeze: () => pause.dispose(),
    changes,
    // The layer is written by now, and the folder is deleted with the build.
    async thaw() {
      pause = await Pause.start(folder, host, tmp, scratch);
    },
    dispose: () => pause.dispose(),
  };
}

/** Without namespaces: ordinary processes whose variables and paths are led into the folder. Isolates nothing. */
export async function plainRoot(folder: string): Promise<BuildRoot> {
  return {
    kind: 'plain',
    ...rootFiles(folder, join(folder, 'tmp')),
    run: (command) => runInFolder(folder, command),
    freeze: () => Promise.resolve(),
    changes: await recorder(folder),
    thaw: () => Promise.resolve(),
    dispose: () => Promise.resolve(),
  };
}

async function recorder(folder: string): Promise<() => Promise<LayerEntry[]>> {
  const before = await takeSnapshot(folder, { exclude: isLeftOut });
  return () => snapshotDiff(folder, before, { exclude: isLeftOut, owner: (name, stat) => buildOwnership(name, stat.mode & 0o7777) });
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
