/** Makes the image: the builder's layers, one layer of what assemble changed, and the configuration that runs it. */
import { join } from 'node:path';
import { buildImage, type BuiltImage } from '../../../../oci/image-builder.ts';
import { writeLayer, type WrittenLayer } from '../../../../oci/layer-writer.ts';
import { formatReference, parseReference } from '../../../../oci/reference.ts';
import { registryHost } from '../../../../api/kinds/image.ts';
import type { BuilderImage } from './builder-image.ts';
import { commitFailed, hostImageElsewhere, pushFailed } from './failure.ts';
import { openRegistry } from './registry.ts';
import type { BuildRoot } from './root/build-root.ts';
import type { BuildSettings } from './settings.ts';
import type { Variable } from './source/environment.ts';

export interface Committed {
  image: BuiltImage;
  layer: WrittenLayer;
}

export async function commitImage(settings: BuildSettings, root: BuildRoot, builder: BuilderImage, change: { env: Variable[]; labels: Record<string, string>; run: string }, now: Date, signal: AbortSignal): Promise<Committed> {
  try {
    const entries = await root.changes();
    // Engines elsewhere read gzip; an image that runs here only may use what packs three times as fast.
    const layer = await writeLayer(entries, { directory: join(settings.folder, 'blobs'), compression: builder.hostPaths ? 'zstd' : 'gzip', signal });
    const image = buildImage({
      base: builder.image,
      layers: [{ ...layer, createdBy: `slipway: assemble of build ${settings.build.metadata.name}` }],
      change: { env: change.env, labels: change.labels, cmd: [change.run] },
      created: now.toISOString(),
    });
    return { image, layer };
  } catch (error) {
    signal.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw error;
    throw commitFailed((error as Error).message);
  }
}

/** Answers with the digest the registry knows the image by. */
export async function pushImage(settings: BuildSettings, target: string, { image, layer }: Committed, builder: BuilderImage, signal: AbortSignal): Promise<string> {
  const reference = parseReference(target);
  if (builder.hostPaths && reference.host !== registryHost) throw hostImageElsewhere(reference.host);
  const registry = await openRegistry(settings, reference, settings.pushSecret);
  const sameRegistry = reference.host === builder.reference.host;
  const inherited = builder.image.manifest.layers.map(({ digest, size, mediaType }) => ({
    digest,
    size,
    content: () => builder.registry.readBlob(builder.reference.path, { digest, size, mediaType }, { signal }),
    ...(sameRegistry && { mountFrom: builder.reference.path }),
  }));
  const own = { digest: layer.digest, size: layer.size, content: layer.path };
  const config = { digest: image.config.digest, size: image.config.size, content: image.config.bytes };
  try {
    return await registry.pushImage(reference.path, reference.tag ?? 'latest', { blobs: [...inherited, own, config], manifest: image.manifest }, { signal, whole: reference.host === registryHost });
  } catch (error) {
    signal.throwIfAborted();
    throw pushFailed(formatReference(reference), (error as Error).message);
  } finally {
    registry.close();
  }
}
