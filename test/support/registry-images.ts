/** Small images for a registry: made, pushed, and pulled whole. */
import { readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '../../src/oci/digest.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import type { Descriptor, ImageManifest } from '../../src/oci/manifest.ts';
import type { RegistryClient } from '../../src/oci/registry-client.ts';

export interface SmallImage {
  manifest: ImageManifest;
  bytes: Buffer;
  digest: string;
  blobs: (Descriptor & { content: Buffer })[];
}

const blobOf = (mediaType: string, content: string | Buffer) => ({ mediaType, digest: digestOf(content), size: Buffer.byteLength(content), content: Buffer.from(content) });

/** One layer for each content; the configuration is `name`'s own. */
export function smallImage(name: string, layers: readonly (string | Buffer)[], more: Partial<ImageManifest> = {}): SmallImage {
  const config = blobOf(mediaTypes.config, JSON.stringify({ architecture: 'amd64', os: 'linux', author: name, rootfs: { type: 'layers', diff_ids: [] } }));
  const contents = layers.map((layer) => blobOf(mediaTypes.layer, layer));
  const plain = ({ mediaType, digest, size }: Descriptor): Descriptor => ({ mediaType, digest, size });
  const manifest: ImageManifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: plain(config), layers: contents.map(plain), ...more };
  const bytes = Buffer.from(JSON.stringify(manifest));
  return { manifest, bytes, digest: digestOf(bytes), blobs: [config, ...contents] };
}

export async function pushSmall(client: RegistryClient, repository: string, reference: string, image: SmallImage, mountFrom?: string): Promise<void> {
  await client.pushImage(repository, reference, { blobs: image.blobs.map((blob) => ({ ...blob, ...(mountFrom && { mountFrom }) })), manifest: { mediaType: mediaTypes.manifest, bytes: image.bytes } });
}

/** Throws unless manifest and every blob come and match their digests. */
export async function pullWhole(client: RegistryClient, repository: string, reference: string): Promise<string> {
  const image = await client.manifest(repository, reference);
  if (image.kind === 'index') for (const child of image.manifest.manifests) await pullWhole(client, repository, child.digest);
  else for (const blob of [image.manifest.config, ...image.manifest.layers]) for await (const chunk of client.readBlob(repository, blob)) void chunk;
  return image.digest;
}

/** Everything the registry holds becomes two hours old. */
export function age(directory: string): void {
  const then = Date.now() / 1000 - 2 * 60 * 60;
  for (const part of ['blobs', 'repositories']) {
    for (const entry of readdirSync(join(directory, part), { recursive: true, withFileTypes: true })) if (entry.isFile()) utimesSync(join(entry.parentPath, entry.name), then, then);
  }
}

/** Digests of all content on disk. */
export function contentOf(directory: string): Set<string> {
  return new Set(['sha256', 'sha512'].flatMap((algorithm) => readdirSync(join(directory, 'blobs', algorithm)).map((hex) => `${algorithm}:${hex}`)));
}
