/** Secrets and config maps that assemble sees: secrets are emptied afterwards, so that no layer holds them. */
import { constants } from 'node:fs';
import { chmod, copyFile, readdir, rm, stat, truncate } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { BuildRoot } from './root/build-root.ts';
import type { BuilderImage } from './builder-image.ts';
import type { BuildSettings } from './settings.ts';
import { fileSystemFailed } from './failure.ts';

/** Copies them in; the answer empties the secrets. */
export async function inject(settings: BuildSettings, root: BuildRoot, builder: BuilderImage): Promise<() => Promise<void>> {
  const { secrets = [], configMaps = [] } = settings.build.spec.source ?? {};
  const secretFiles: string[] = [];
  for (const { secret, destinationDir } of secrets) secretFiles.push(...(await copyIn(join(settings.secrets, secret.name), destinationDir, root, builder, 0o600)));
  for (const { configMap, destinationDir } of configMaps) await copyIn(join(settings.configMaps, configMap.name), destinationDir, root, builder, 0o644);
  return async () => {
    for (const name of secretFiles) {
      const found = await root.find(name);
      if (!found?.stat.isFile()) continue;
      await truncate(found.path, 0).catch((error: Error) => {
        throw fileSystemFailed(`The secret file ${name} could not be emptied, so the image is not made: ${error.message}`);
      });
    }
  };
}

async function copyIn(from: string, destinationDir: string | undefined, root: BuildRoot, builder: BuilderImage, mode: number): Promise<string[]> {
  const folder = posix.resolve(builder.workingDir, destinationDir || '.');
  const copied: string[] = [];
  for (const name of await readdir(from).catch(() => [])) {
    const path = join(from, name);
    // `..data` and its likes are how mounted secrets change at once.
    if (name.startsWith('..') || !(await stat(path)).isFile()) continue;
    const inside = posix.join(folder, name);
    const target = await root.place(inside);
    // A link of that name, in the image or the source, would be written through.
    await rm(target, { force: true });
    await copyFile(path, target, constants.COPYFILE_EXCL);
    await chmod(target, mode);
    copied.push(inside);
  }
  return copied;
}
