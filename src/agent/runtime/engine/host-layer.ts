/** The lowest layer of images that stand on this machine's own folders (`slipway.dev/base=host`): places for what is bound, links, generated files. */
import { readFile } from 'node:fs/promises';
import { describeHostRoot, type HostRoot } from '../../../oci/host-root.ts';
import { writeLayer, type LayerEntry, type WrittenLayer } from '../../../oci/layer-writer.ts';

export interface HostLayer extends WrittenLayer {
  binds: HostRoot['binds'];
}

const owner = { uid: 0, gid: 0 };

/** `directory` takes the blob. Equal machines give equal layers. */
export async function hostLayer(hostPaths: readonly string[], directory: string): Promise<HostLayer> {
  const root = await describeHostRoot({ hostPaths, hostname: 'localhost' });
  return { ...(await writeLayer(hostEntries(root), { directory })), binds: root.binds };
}

export function hostEntries({ directories, links, binds, files }: HostRoot): LayerEntry[] {
  const entries = new Map<string, LayerEntry>();
  const add = (entry: LayerEntry) => {
    const parts = entry.name.split('/');
    for (let at = 1; at < parts.length; at += 1) {
      const name = parts.slice(0, at).join('/');
      if (!entries.has(name)) entries.set(name, { type: 'directory', name, mode: 0o755, ...owner });
    }
    if (!(entries.get(entry.name)?.type === 'directory' && entry.type === 'directory')) entries.set(entry.name, entry);
  };
  const plain = (path: string) => path.replace(/^\/+/, '');
  for (const { path, mode } of directories) entries.set(plain(path), { type: 'directory', name: plain(path), mode, ...owner });
  for (const { path, target } of links) add({ type: 'symlink', name: plain(path), target, mode: 0o777, ...owner });
  for (const { path, directory } of binds) add(directory ? { type: 'directory', name: plain(path), mode: 0o755, ...owner } : { type: 'file', name: plain(path), mode: 0o644, size: 0, content: Buffer.alloc(0), ...owner });
  for (const { path, text } of files) add({ type: 'file', name: plain(path), mode: 0o644, size: Buffer.byteLength(text), content: Buffer.from(text), ...owner });
  return [...entries.values()];
}

export const layerContent = (layer: { path: string }) => async function* (): AsyncGenerator<Uint8Array> {
  yield await readFile(layer.path);
};
