/** Images of one node: configurations as documents, layers unpacked once each. Layers are named by chain, since what a layer hides depends on those below it. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../base/log.ts';
import { chainId } from '../../oci/digest.ts';
import { applyLayer, type ApplyOptions } from '../../oci/layer-applier.ts';
import { LayerError } from '../../oci/layer-error.ts';
import type { Descriptor } from '../../oci/manifest.ts';
import { formatReference, isInternal, manifestKey, parseReference, withDigest, type ImageReference } from '../../oci/reference.ts';
import type { RegistryClient } from '../../oci/registry-client.ts';
import { isRegistryError } from '../../oci/registry-error.ts';
import { RuntimeFailure, type ImageAuth, type ImageInfo, type ImageService } from '../runtime/runtime.ts';
import { readState, writeState } from '../runtime/state-file.ts';
import { hostPathsOf, imageRunConfig, type ImageRecord } from './image-record.ts';
import { refuseHostPath } from './host-path-rule.ts';

export interface ImageStoreOptions {
  directory: string;
  log: Log;
  /** A client for the registry that holds the reference. It is closed after use. */
  registry(reference: ImageReference, auth: ImageAuth | undefined): RegistryClient;
  /** Images that come with the product, by reference. */
  builtIn?: ReadonlyMap<string, ImageRecord>;
  /** `overlay`: each layer a folder of its own, to be mounted together. `merged`: one folder an image, where nothing can be mounted. */
  form: 'overlay' | 'merged';
  /** Folders of this machine's toolchains; asked only if an image wants one that the general rule does not know. */
  toolchains?(): Promise<readonly string[]>;
}

/** Names in the layer folder are short: the mount options of all layers together must fit into one page. */
const layerName = 20;

export class ImageStore implements ImageService {
  readonly layers: string;
  readonly #options: ImageStoreOptions;
  readonly #manifests: string;
  readonly #records = new Map<string, ImageRecord>();
  /** Tags seen, to the id they meant last. */
  readonly #tags: Record<string, string>;
  readonly #unpacking = new Map<string, Promise<void>>();

  constructor(options: ImageStoreOptions) {
    this.#options = options;
    this.layers = join(options.directory, 'layers');
    this.#manifests = join(options.directory, 'manifests');
    mkdirSync(this.layers, { recursive: true, mode: 0o700 });
    mkdirSync(this.#manifests, { recursive: true, mode: 0o700 });
    this.#tags = readState<Record<string, string>>(join(options.directory, 'tags.json')) ?? {};
    for (const file of readdirSync(this.#manifests)) {
      const record = readState<ImageRecord>(join(this.#manifests, file));
      if (record?.layers.every((name) => existsSync(join(this.layers, name)))) this.#records.set(record.id, record);
    }
  }

  record(id: string): ImageRecord | undefined {
    return this.#options.builtIn?.get(id) ?? this.#records.get(id);
  }

  /** Absolute folders of its layers, topmost first. */
  folders(record: ImageRecord): string[] {
    return record.layers.map((name) => join(this.layers, name));
  }

  status(reference: string): Promise<ImageInfo | undefined> {
    return Promise.resolve(this.#find(reference));
  }

  list(): Promise<ImageInfo[]> {
    return Promise.resolve([...this.#records.values()]);
  }

  async pull(text: string, auth: ImageAuth | undefined, signal: AbortSignal): Promise<ImageInfo> {
    const builtIn = this.#options.builtIn?.get(text);
    if (builtIn) return builtIn;
    let reference: ImageReference;
    try {
      reference = parseReference(text);
    } catch (error) {
      throw new RuntimeFailure('InvalidImageName', (error as Error).message, { cause: error });
    }
    const known = reference.digest === undefined ? undefined : this.#find(text);
    if (known) return known;
    const client = this.#options.registry(reference, auth);
    try {
      return await this.#pull(reference, client, signal);
    } catch (error) {
      throw pullFailure(text, reference, error, signal);
    } finally {
      client.close();
    }
  }

  /** Layers that no other image uses go with it. Containers that still run keep what they have mounted. */
  async remove(id: string): Promise<void> {
    const record = this.#records.get(id);
    if (!record) return;
    this.#records.delete(id);
    await rm(this.#manifestFile(id), { force: true });
    const used = new Set([...this.#records.values()].flatMap(({ layers }) => layers));
    for (const name of record.layers) if (!used.has(name)) await rm(join(this.layers, name), { recursive: true, force: true });
  }

  /** Removes what an interrupted pull left. */
  async clean(): Promise<void> {
    for (const name of await readdir(this.layers)) if (name.startsWith('new-')) await rm(join(this.layers, name), { recursive: true, force: true });
  }

  #find(text: string): ImageRecord | undefined {
    const direct = this.record(text);
    if (direct) return direct;
    try {
      const reference = parseReference(text);
      const id = reference.digest ?? this.#tags[formatReference({ ...reference, tag: manifestKey(reference) })];
      return id === undefined ? undefined : this.#records.get(id);
    } catch {
      return undefined;
    }
  }

  async #pull(reference: ImageReference, client: RegistryClient, signal: AbortSignal): Promise<ImageRecord> {
    const { path } = reference;
    const image = await client.image(path, manifestKey(reference), { signal });
    const id = image.listDigest;
    let record = this.#records.get(id);
    if (!record) {
      const config = imageRunConfig(image.config);
      const hostPaths = hostPathsOf(config.labels);
      for (const wanted of hostPaths ?? []) {
        const refused = refuseHostPath(wanted);
        if (refused !== undefined && !(await this.#options.toolchains?.())?.includes(wanted)) throw new RuntimeFailure('ErrImagePull', `the image asks for the folder ${wanted} of this machine: ${refused}; rebuild it with a builder of this machine`);
      }
      const diffIds = image.config.rootfs.diff_ids;
      if (diffIds.length !== image.manifest.layers.length) throw new LayerError('Corrupt', `the image names ${diffIds.length} layers in its configuration and ${image.manifest.layers.length} in its manifest`);
      if (this.#options.form === 'merged' && !hostPaths)
        throw new RuntimeFailure('ErrImagePull', `${formatReference(reference)} brings a root file system of its own, which plain processes cannot have: run it with --runtime sandbox`);
      const layers: string[] = [];
      if (this.#options.form === 'merged') {
        const name = `all-${chainId(diffIds).replace(/^.*:/, '').slice(0, layerName)}`;
        await this.#once(name, (root) => this.#unpackAll(root, image.manifest.layers, diffIds, (layer) => client.readBlob(path, layer, { signal })));
        layers.push(name);
      } else for (const [index, layer] of image.manifest.layers.entries()) {
        const name = chainId(diffIds.slice(0, index + 1)).replace(/^.*:/, '').slice(0, layerName);
        const lowers = layers.map((lower) => join(this.layers, lower));
        await this.#once(name, (root) => unpackLayer(client.readBlob(path, layer, { signal }), root, layer, diffIds[index]!, { whiteouts: 'overlay', lowers }));
        layers.unshift(name);
      }
      record = { id, reference: formatReference(withDigest(reference, id)), size: image.manifest.layers.reduce((sum, { size }) => sum + size, 0), config, layers, ...(hostPaths && { hostPaths }) };
      writeState(this.#manifestFile(id), record);
      this.#records.set(id, record);
      this.#options.log.info('image pulled', { reference: record.reference, layers: layers.length });
    }
    if (reference.digest === undefined) {
      this.#tags[formatReference({ ...reference, tag: manifestKey(reference) })] = id;
      writeState(join(this.#options.directory, 'tags.json'), this.#tags);
    }
    return record;
  }

  async #unpackAll(root: string, layers: readonly Descriptor[], diffIds: readonly string[], open: (layer: Descriptor) => AsyncIterable<Uint8Array>): Promise<void> {
    for (const [index, layer] of layers.entries()) await unpackLayer(open(layer), root, layer, diffIds[index]!, { whiteouts: 'apply' });
  }

  /** Two pulls that need one folder share the work. */
  #once(name: string, make: (root: string) => Promise<void>): Promise<void> {
    if (existsSync(join(this.layers, name))) return Promise.resolve();
    const running = this.#unpacking.get(name);
    // A failure of the other one may be its own (cancelled): try again ourselves.
    if (running) return running.catch(() => this.#once(name, make));
    const work = this.#makeNow(name, make).finally(() => this.#unpacking.delete(name));
    this.#unpacking.set(name, work);
    return work;
  }

  async #makeNow(name: string, make: (root: string) => Promise<void>): Promise<void> {
    const fresh = await mkdtemp(join(this.layers, 'new-'));
    try {
      const root = join(fresh, 'root');
      await mkdir(root);
      await make(root);
      await rename(root, join(this.layers, name));
    } finally {
      await rm(fresh, { recursive: true, force: true });
    }
  }

  #manifestFile(id: string): string {
    return join(this.#manifests, `${id.replace(':', '-')}.json`);
  }
}

/** The digest is checked before the folder gets its name. */
async function unpackLayer(content: AsyncIterable<Uint8Array>, root: string, layer: Descriptor, diffId: string, options: ApplyOptions): Promise<void> {
  const applied = await applyLayer(content, root, options);
  if (applied.diffId !== diffId) throw new LayerError('Corrupt', `layer ${layer.digest} unpacks to ${applied.diffId}, the image says ${diffId}`);
}

function pullFailure(text: string, reference: ImageReference, error: unknown, signal: AbortSignal): RuntimeFailure {
  if (error instanceof RuntimeFailure) return error;
  if (signal.aborted) return new RuntimeFailure('ErrImagePull', `pulling "${text}" was cancelled`, { cause: error });
  const { message } = error as Error;
  if (isRegistryError(error, 'Unreachable') && !isInternal(reference)) return new RuntimeFailure('ErrImagePull', message, { cause: error });
  return new RuntimeFailure('ErrImagePull', `pulling "${text}": ${message}`, { cause: error });
}
