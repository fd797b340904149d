/**
 * An image as `POST /images/load` takes it (the archive of `docker save`, read by Docker and Podman alike), streamed: nothing of a layer is kept here.
 * This way of bringing an image to an engine needs no registry that the engine can reach and would trust: neither a virtual machine in between nor TLS matter.
 */
import { pack, type Pack } from 'tar-stream';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { decompress } from '../../../oci/compression.ts';
import type { ImageConfig } from '../../../oci/manifest.ts';

export interface ArchiveLayer {
  diffId: string;
  /** Bytes of the content as sent, compressed or not; asked for when it is sent. */
  size: number | (() => Promise<number>);
  content(): AsyncIterable<Uint8Array>;
}

export interface ArchivedImage {
  /** `repository:tag` it gets. */
  name: string;
  config: ImageConfig;
  /** Exact bytes of the configuration, whose digest is the image's id at the engine; made from `config` if absent. */
  configBytes?: Buffer;
  /** Lowest first. */
  layers: readonly ArchiveLayer[];
  /** This many of the lowest layers are at the engine already: it looks them up by their digests and does not read what is sent. */
  known: number;
}

export function imageArchive(image: ArchivedImage): AsyncIterable<Uint8Array> {
  const archive = pack();
  fill(archive, image).then(() => archive.finalize(), (error: unknown) => archive.destroy(error as Error));
  return archive as AsyncIterable<Uint8Array>;
}

async function fill(archive: Pack, { name, config, configBytes, layers, known }: ArchivedImage): Promise<void> {
  const bytes = configBytes ?? Buffer.from(JSON.stringify(config));
  const configName = `${createHash('sha256').update(bytes).digest('hex')}.json`;
  await put(archive, configName, bytes);
  const names: string[] = [];
  for (const [index, { diffId, size, content }] of layers.entries()) {
    const layerName = `${index}-${diffId.replace(/^.*:/, '').slice(0, 24)}.tar`;
    names.push(layerName);
    if (index < known) {
      await put(archive, layerName, Buffer.alloc(0));
      continue;
    }
    const entry = archive.entry({ name: layerName, size: typeof size === 'number' ? size : await size() });
    const ended = new Promise<void>((resolve, reject) => entry.once('finish', resolve).once('error', reject));
    for await (const chunk of content()) if (!entry.write(chunk)) await once(entry, 'drain');
    entry.end(undefined);
    await ended;
  }
  await put(archive, 'manifest.json', Buffer.from(JSON.stringify([{ Config: configName, RepoTags: [name], Layers: names }])));
}

/** For an engine that does not read zstd: read twice, since an archive tells the length first. */
export function plainLayer({ diffId, content }: ArchiveLayer): ArchiveLayer {
  const plain = () => decompress(content());
  return {
    diffId, content: plain,
    async size() {
      let bytes = 0;
      for await (const chunk of plain()) bytes += chunk.length;
      return bytes;
    },
  };
}

function put(archive: Pack, name: string, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => void archive.entry({ name }, bytes, (error) => (error ? reject(error) : resolve())));
}
