/** Stage PullImages: the builder image and its layers. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { imageMarks } from '../../../../api/kinds/image.ts';
import { applyLayer, type AppliedLayer } from '../../../../oci/layer-applier.ts';
import { LayerError } from '../../../../oci/layer-error.ts';
import { manifestKey, parseReference, type ImageReference } from '../../../../oci/reference.ts';
import type { FetchedImage, RegistryClient } from '../../../../oci/registry-client.ts';
import { chainId, DigestMismatch } from '../../../../oci/digest.ts';
import { pullBuilderFailed } from './failure.ts';
import { openRegistry } from './registry.ts';
import type { LayerCache } from './root/layer-cache.ts';
import type { BuildSettings } from './settings.ts';

export interface BuilderImage {
  reference: ImageReference;
  image: FetchedImage;
  labels: Record<string, string>;
  env: Record<string, string>;
  workingDir: string;
  registry: RegistryClient;
  /** Set if the image has no base layer. */
  hostPaths: string[] | undefined;
}

export async function findBuilder(settings: BuildSettings, name: string, signal: AbortSignal): Promise<BuilderImage> {
  const reference = parseReference(name);
  const registry = await openRegistry(settings, reference, settings.pullSecret);
  try {
    const image = await registry.image(reference.path, manifestKey(reference), { signal });
    const { Labels, Env, WorkingDir } = image.config.config ?? {};
    const labels = Labels ?? {};
    const isHost = labels[imageMarks.base] === 'host';
    return {
      reference,
      image,
      labels,
      env: Object.fromEntries((Env ?? []).map((line) => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)])),
      workingDir: WorkingDir || '/',
      registry,
      hostPaths: isHost ? parsePaths(labels[imageMarks.hostPaths]) : undefined,
    };
  } catch (error) {
    registry.close();
    signal.throwIfAborted();
    throw pullBuilderFailed(name, (error as Error).message);
  }
}

function parsePaths(text: string | undefined): string[] {
  if (!text) return [];
  const paths = JSON.parse(text) as unknown;
  return Array.isArray(paths) ? paths.filter((path): path is string => typeof path === 'string' && path.startsWith('/')) : [];
}

/**
 * Every layer in a folder of its own, in the cache or else under `folder`; answers with them, topmost first, as overlays want them. A layer in the cache is not fetched.
 * Rejects with a `LayerError` of problem `WhiteoutRefused` where deleted files cannot be marked.
 */
export async function unpackLayers(builder: BuilderImage, folder: string, signal: AbortSignal, cache?: LayerCache): Promise<string[]> {
  const lowers: string[] = [];
  const diffIds = builder.image.config.rootfs.diff_ids;
  for (const [index, layer] of builder.image.manifest.layers.entries()) {
    const into = async (root: string): Promise<number> => {
      const { bytes } = await unpack(builder, index, (source) => applyLayer(source, root, { whiteouts: 'overlay', lowers }), signal, layer);
      return bytes;
    };
    const kept = diffIds[index] === undefined ? undefined : await cache?.layer(chainId(diffIds.slice(0, index + 1)), into);
    const root = kept ?? join(folder, String(index));
    if (kept === undefined) {
      await mkdir(root, { recursive: true, mode: 0o755 });
      await into(root);
    }
    lowers.unshift(root);
  }
  return lowers;
}

/** Unpacks all layers over each other. */
export async function unpackMerged(builder: BuilderImage, root: string, signal: AbortSignal): Promise<void> {
  for (const [index, layer] of builder.image.manifest.layers.entries()) await unpack(builder, index, (source) => applyLayer(source, root), signal, layer);
}

async function unpack(builder: BuilderImage, index: number, apply: (source: AsyncIterable<Uint8Array>) => Promise<AppliedLayer>, signal: AbortSignal, layer: FetchedImage['manifest']['layers'][number]): Promise<AppliedLayer> {
  const expected = builder.image.config.rootfs.diff_ids[index] ?? '';
  try {
    const applied = await apply(builder.registry.readBlob(builder.reference.path, layer, { signal }));
    if (applied.diffId !== expected) throw new DigestMismatch(expected, applied.diffId);
    return applied;
  } catch (error) {
    signal.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC' || (error instanceof LayerError && error.problem === 'WhiteoutRefused')) throw error;
    throw pullBuilderFailed(`${builder.reference.host}/${builder.reference.path}`, (error as Error).message);
  }
}
