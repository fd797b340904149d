/** Chooses how the root of a build is made, by trying: overlay, else a copy in namespaces, else (only where told) a plain folder. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describeHostRoot, writeHostSkeleton, type HostRoot } from '../../../../../oci/host-root.ts';
import { formatReference } from '../../../../../oci/reference.ts';
import { unpackLayers, unpackMerged, type BuilderImage } from '../builder-image.ts';
import { BuildFailure, fileSystemFailed, rootNeedsNamespaces } from '../failure.ts';
import type { BuildSettings } from '../settings.ts';
import type { BuildRoot, RootOptions } from './build-root.ts';
import { copyRoot, plainRoot } from './copy-root.ts';
import { LayerCache } from './layer-cache.ts';
import { overlayRoot } from './overlay-root.ts';

export async function openRoot(settings: BuildSettings, builder: BuilderImage, say: (text: string) => void, signal: AbortSignal, options: RootOptions = {}): Promise<BuildRoot> {
  const { folder: scratch } = settings;
  const wanted: RootOptions = { user: builder.image.config.config?.User ?? '', ...options };
  await mkdir(join(scratch, 'tmp'), { recursive: true, mode: 0o777 });
  if (settings.plain) {
    if (!builder.hostPaths) throw rootNeedsNamespaces(formatReference(builder.reference));
    const folder = join(scratch, 'root');
    await mkdir(join(folder, 'tmp'), { recursive: true });
    await unpackMerged(builder, folder, signal);
    return plainRoot(folder, wanted);
  }
  const host = builder.hostPaths && (await describeHostRoot({ hostPaths: builder.hostPaths, hostname: settings.build.metadata.name }));
  const skeleton = join(scratch, 'skeleton');
  await writeHostSkeleton(skeleton, host ?? emptyPlaces);
  // Layers of a host builder are a handful of scripts: looking for them would take longer than unpacking.
  const cache = builder.hostPaths || settings.cache === undefined ? undefined : await LayerCache.open(join(settings.cache, 'layers'), scratch);
  try {
    const lowers = await unpackLayers(builder, join(scratch, 'layers'), signal, cache);
    const root = await overlayRoot([...lowers, skeleton], host, scratch, cache?.folder ?? scratch, wanted);
    return { ...root, dispose: () => root.dispose().finally(() => cache?.close()) };
  } catch (error) {
    await cache?.close();
    signal.throwIfAborted();
    if (error instanceof BuildFailure) throw error;
    say(`An overlay cannot be used here (${(error as Error).message}); the builder image is copied instead`);
  }
  const folder = join(scratch, 'copy');
  await writeHostSkeleton(folder, host ?? emptyPlaces);
  await unpackMerged(builder, folder, signal);
  return copyRoot(folder, host, scratch, wanted).catch((error: Error) => {
    if (error instanceof BuildFailure) throw error;
    throw fileSystemFailed(`The build's own namespaces cannot be made: ${error.message}. "slipway doctor" tells what this machine lacks.`);
  });
}

/** Mount points that an image may leave out. */
const emptyPlaces: HostRoot = {
  binds: [],
  links: [],
  directories: ['/dev', '/etc', '/proc', '/sys', '/run'].map((path) => ({ path, mode: 0o755 })).concat({ path: '/tmp', mode: 0o1777 }),
  files: [{ path: '/etc/hosts', text: '' }, { path: '/etc/resolv.conf', text: '' }],
};
