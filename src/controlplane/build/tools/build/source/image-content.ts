/** Images as inputs: paths of them copied into the source (`spec.source.images`, openshift/api build/v1, ImageSource). */
import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, readlink, rm, symlink } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { ImageSource } from '../../../../../api/kinds/build.ts';
import { lookupMerged, mergedNames, ScopedFolder } from '../../../../../oci/scoped-folder.ts';
import { findBuilder, unpackLayers, unpackMerged, type BuilderImage } from '../builder-image.ts';
import { imageContentFailed, type BuildFailure } from '../failure.ts';
import { LayerCache } from '../root/layer-cache.ts';
import type { BuildSettings } from '../settings.ts';

/** Images whose paths are not asked for (those that stand in for a stage of a Dockerfile) are left alone. Answers with the number of paths copied. */
export async function copyImageContent(settings: BuildSettings, target: string, say: (text: string) => void, signal: AbortSignal): Promise<number> {
  let copied = 0;
  for (const [index, image] of (settings.build.spec.source?.images ?? []).entries()) {
    if (!image.paths?.length || !image.from.name) continue;
    say(`Copying ${image.paths.length} path${image.paths.length === 1 ? '' : 's'} of image ${image.from.name} ...`);
    try {
      await copyPaths({ ...settings, pullSecret: join(settings.sourceImages, String(index)) }, image.from.name, image.paths, target, signal);
    } catch (error) {
      signal.throwIfAborted();
      const { reason, message, code } = error as BuildFailure & NodeJS.ErrnoException;
      if (reason === 'FetchImageContentFailed' || code === 'ENOSPC') throw error;
      throw imageContentFailed(image.from.name, message);
    }
    copied += image.paths.length;
  }
  return copied;
}

async function copyPaths(settings: BuildSettings, reference: string, paths: NonNullable<ImageSource['paths']>, target: string, signal: AbortSignal): Promise<void> {
  const image = await findBuilder(settings, reference, signal);
  const scratch = join(settings.folder, 'input-image');
  const cache = settings.plain || settings.cache === undefined ? undefined : await LayerCache.open(join(settings.cache, 'layers'), settings.folder);
  try {
    const layers = await layersOf(settings, image, scratch, cache, signal);
    for (const path of paths) await copyPath(layers, path, target, reference);
  } finally {
    image.registry.close();
    await cache?.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Topmost first. */
async function layersOf(settings: BuildSettings, image: BuilderImage, scratch: string, cache: LayerCache | undefined, signal: AbortSignal): Promise<string[]> {
  if (!settings.plain) return unpackLayers(image, scratch, signal, cache);
  await mkdir(scratch, { recursive: true });
  await unpackMerged(image, scratch, signal);
  return [scratch];
}

async function copyPath(layers: readonly string[], { sourcePath, destinationDir }: NonNullable<ImageSource['paths']>[number], target: string, reference: string): Promise<void> {
  const [top = '', ...below] = layers;
  const contents = sourcePath.endsWith('/.');
  const name = posix.normalize(`/${sourcePath}`).slice(1).replace(/\/$/, '');
  // Links on the way are the image's own; they are followed inside it.
  const found = name === '' ? undefined : await new ScopedFolder(top, below).find(name);
  if (name !== '' && !found) throw imageContentFailed(reference, `it has no ${sourcePath}`);
  const into = new ScopedFolder(target);
  const start = found ? pathIn(layers, found.path) : '';
  if (contents || name === '') {
    if (found && !found.stat.isDirectory()) throw imageContentFailed(reference, `${sourcePath} is no folder`);
    for (const leaf of await mergedNames(layers, start)) await copyTree(layers, posix.join(start, leaf), into, posix.join(destinationDir, leaf));
    return;
  }
  await copyTree(layers, start, into, posix.join(destinationDir, posix.basename(name)));
}

/** Where a path on disk is in the merged layers. */
function pathIn(layers: readonly string[], path: string): string {
  const layer = layers.find((one) => path.startsWith(`${one}/`)) ?? '';
  return path.slice(layer.length + 1);
}

/** The source may hold links to anywhere: nothing is written through one that leads out of it. */
async function copyTree(layers: readonly string[], from: string, into: ScopedFolder, to: string): Promise<void> {
  const found = lookupMerged(layers, from);
  if (!found) return;
  const name = posix.normalize(`/${to}`).slice(1);
  const path = await into.place(name);
  if (found.stat.isDirectory()) {
    const there = await into.find(name);
    if (there && !there.stat.isDirectory()) await into.remove(path);
    await mkdir(path, { recursive: true });
    for (const leaf of await mergedNames(layers, from)) await copyTree(layers, posix.join(from, leaf), into, posix.join(to, leaf));
    await chmod(path, (found.stat.mode & 0o777) | 0o700);
    return;
  }
  await into.remove(path);
  if (found.stat.isSymbolicLink()) await symlink(await readlink(found.path), path);
  else if (found.stat.isFile()) await copyFile(found.path, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
}
