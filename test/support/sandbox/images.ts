/** Small images for tests: layers written as `path: content`, pushed to a registry. */
import { join } from 'node:path';
import { buildImage, type ConfigChange } from '../../../src/oci/image-builder.ts';
import { writeLayer, type LayerEntry } from '../../../src/oci/layer-writer.ts';
import type { RegistryClient } from '../../../src/oci/registry-client.ts';

/** A string is a file's text, `null` a deletion, a function makes the entry from its name. Folders on the way are made. */
export type TestLayer = Record<string, string | null | ((name: string) => LayerEntry)>;

const owner = { uid: 0, gid: 0 };

export const link = (target: string) => (name: string): LayerEntry => ({ type: 'symlink', name, target, mode: 0o777, ...owner });
export const copied = (content: string, size: number) => (name: string): LayerEntry => ({ type: 'file', name, content, size, mode: 0o755, ...owner });

export async function pushImage(client: RegistryClient, repository: string, tag: string, directory: string, layers: TestLayer[], change: ConfigChange = {}): Promise<string> {
  const written = [];
  for (const layer of layers) {
    const entries = new Map<string, LayerEntry>();
    for (const [name, value] of Object.entries(layer)) {
      const parts = name.split('/');
      for (let at = 1; at < parts.length; at += 1) {
        const folder = parts.slice(0, at).join('/');
        if (!entries.has(folder)) entries.set(folder, { type: 'directory', name: folder, mode: 0o755, ...owner });
      }
      entries.set(name, value === null ? { type: 'whiteout', name } : typeof value === 'function' ? value(name) : { type: 'file', name, content: Buffer.from(value), size: Buffer.byteLength(value), mode: 0o755, ...owner });
    }
    written.push(await writeLayer(entries.values(), { directory: join(directory, 'blobs') }));
  }
  const image = buildImage({ layers: written.map((layer) => ({ ...layer, createdBy: 'test' })), change });
  const blobs = [...written.map(({ digest, size, path }) => ({ digest, size, content: path })), { digest: image.config.digest, size: image.config.size, content: image.config.bytes }];
  return client.pushImage(repository, tag, { blobs, manifest: { mediaType: image.manifest.mediaType, bytes: image.manifest.bytes } });
}
