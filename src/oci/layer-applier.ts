/** Unpacks image layers (image-spec layer.md, "Applying Changesets"). The content is not trusted. */
import { lstat, mkdir, readdir } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { LayerError, layerLimits, type ArchiveLimits } from './layer-error.ts';
import { readTar, type TarEntry, type TarResult } from './tar-reader.ts';
import { TreeWriter, type TreeWriterOptions } from './tree-writer.ts';
import { makeOverlayWhiteouts, opaqueMarker, reservedPrefix, whiteoutPrefix } from './whiteout.ts';

export interface ApplyOptions extends TreeWriterOptions {
  limits?: ArchiveLimits;
  /**
   * `apply`: `root` holds the lower layers already, files marked as deleted are deleted from it.
   * `overlay`: `root` is a folder for this layer alone, to be mounted as one lowerdir; marks become 0:0 devices.
   * With `overlay`, name the layers below in `lowers`, topmost first: opaque directories are then expressed by marks
   * (Node cannot set the attribute), links through lower layers resolve, and the result belongs under the chain id.
   */
  whiteouts?: 'apply' | 'overlay';
  /** Told of each entry before it is unpacked, to keep what is not set on disk: owners, setuid. */
  entry?(entry: Pick<TarEntry, 'name' | 'type' | 'mode' | 'uid' | 'gid'>): void;
}

export interface AppliedLayer extends TarResult {
  /** Devices and pipes left out: they need powers that nothing here has. At most 100 names. */
  skipped: string[];
}

const namesKept = 100;

/**
 * Unpacks one layer (plain, gzip or zstd) into `root`. Throws `LayerError` and leaves what was unpacked so far:
 * unpack into a temporary folder and rename it once `diffId` was compared with the image configuration.
 */
export async function applyLayer(source: AsyncIterable<Uint8Array>, root: string, options: ApplyOptions = {}): Promise<AppliedLayer> {
  await mkdir(root, { recursive: true });
  const layer = options.whiteouts === 'overlay' ? new OverlayLayer(root, options) : new MergedLayer(root, options);
  const skipped: string[] = [];
  const result = await readTar(source, options.limits ?? layerLimits, async (entry) => {
    if (entry.type === 'device' || entry.type === 'fifo') {
      if (skipped.length < namesKept) skipped.push(entry.name);
      return;
    }
    if (entry.name === '' && entry.type !== 'directory') throw new LayerError('UnsafePath', 'the archive replaces its root by something else');
    options.entry?.(entry);
    const leaf = basename(entry.name);
    if (!leaf.startsWith(whiteoutPrefix)) return layer.add(entry);
    const directory = entry.name.slice(0, entry.name.length - leaf.length);
    if (leaf === opaqueMarker) return layer.opaque(directory);
    if (leaf.startsWith(reservedPrefix)) return;
    const hidden = leaf.slice(whiteoutPrefix.length);
    if (hidden === '' || hidden === '.' || hidden === '..') throw new LayerError('UnsafePath', `entry "${entry.name}" marks no file`);
    return layer.whiteout(directory + hidden);
  });
  await layer.finish();
  return { ...result, skipped };
}

interface LayerSink {
  add(entry: TarEntry): Promise<void>;
  whiteout(name: string): Promise<void>;
  opaque(directory: string): Promise<void>;
  finish(): Promise<void>;
}

/** Marks hide the lower layers only, wherever in the archive they stand: what this layer brought itself stays. */
class MergedLayer implements LayerSink {
  readonly #tree: TreeWriter;
  readonly #brought = new Set<string>();

  constructor(root: string, options: TreeWriterOptions) {
    this.#tree = new TreeWriter(root, options);
  }

  async add(entry: TarEntry): Promise<void> {
    let path = await this.#tree.write(entry);
    for (; path.length > this.#tree.folder.root.length && !this.#brought.has(path); path = dirname(path)) this.#brought.add(path);
  }

  async whiteout(name: string): Promise<void> {
    await this.#hide(await this.#tree.folder.place(name));
  }

  async opaque(directory: string): Promise<void> {
    const path = dirname(await this.#tree.folder.place(`${directory}x`));
    await this.#tree.settle();
    for (const name of await readdir(path)) await this.#hide(join(path, name));
  }

  finish(): Promise<void> {
    return this.#tree.finish();
  }

  async #hide(path: string): Promise<void> {
    if (!this.#brought.has(path)) return this.#tree.remove(path);
    await this.#tree.settle();
    const stat = await lstat(path);
    if (stat.isDirectory()) for (const name of await readdir(path)) await this.#hide(join(path, name));
  }
}

class OverlayLayer implements LayerSink {
  readonly #tree: TreeWriter;
  readonly #root: string;
  readonly #hidden = new Set<string>();
  readonly #opaque = new Set<string>();

  constructor(root: string, options: TreeWriterOptions) {
    this.#root = root;
    this.#tree = new TreeWriter(root, options);
  }

  async add(entry: TarEntry): Promise<void> {
    await this.#tree.write(entry);
  }

  async whiteout(name: string): Promise<void> {
    this.#hidden.add(await this.#tree.folder.place(name));
  }

  async opaque(directory: string): Promise<void> {
    this.#opaque.add(dirname(await this.#tree.folder.place(`${directory}x`)));
  }

  async finish(): Promise<void> {
    await this.#tree.settle();
    const marks = new Set<string>();
    for (const path of this.#hidden) {
      const there = await lstat(path).catch(() => undefined);
      if (!there) marks.add(path);
      // Deleted and made anew as a directory: nothing of the old one may show through.
      else if (there.isDirectory()) this.#opaque.add(path);
    }
    for (const path of this.#opaque) {
      for (const name of await this.#tree.folder.lowerNames(relative(this.#root, path))) {
        const hidden = join(path, name);
        const there = await lstat(hidden).catch(() => undefined);
        if (!there) marks.add(hidden);
        // Below an opaque directory every directory is opaque too.
        else if (there.isDirectory()) this.#opaque.add(hidden);
      }
    }
    await makeOverlayWhiteouts([...marks].sort());
    await this.#tree.finish();
  }
}
