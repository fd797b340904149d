/** Images that a Dockerfile stands on or copies from: pulled, each layer unpacked once into the store. */
import { imageMarks } from '../../../../../api/kinds/image.ts';
import { chainId, DigestMismatch } from '../../../../../oci/digest.ts';
import { describeHostRoot, writeHostSkeleton, type HostRoot } from '../../../../../oci/host-root.ts';
import { applyLayer } from '../../../../../oci/layer-applier.ts';
import { hostPlatform, type Descriptor, type Platform } from '../../../../../oci/manifest.ts';
import { manifestKey, parseReference, type ImageReference } from '../../../../../oci/reference.ts';
import type { FetchedImage, RegistryClient } from '../../../../../oci/registry-client.ts';
import { openRegistry } from '../registry.ts';
import type { BuildSettings } from '../settings.ts';
import { pullImageFailed } from './failures.ts';
import type { LayerStore, StoredLayer } from './layer-store.ts';
import { ownerRecord, type Owners } from './owners.ts';
import { join } from 'node:path';

export interface BaseImage {
  reference: ImageReference;
  registry: RegistryClient;
  image: FetchedImage;
  /** Topmost first. */
  layers: StoredLayer[];
  /** What of this machine it stands on, and the folder with the mount points for that. */
  host: { root: HostRoot; skeleton: string } | undefined;
}

export class BaseImages {
  readonly #settings: BuildSettings;
  readonly #store: LayerStore;
  readonly #signal: AbortSignal;
  readonly #images = new Map<string, Promise<BaseImage>>();
  readonly #open: RegistryClient[] = [];

  constructor(settings: BuildSettings, store: LayerStore, signal: AbortSignal) {
    this.#settings = settings;
    this.#store = store;
    this.#signal = signal;
  }

  /** Pulled once a build. `secret`: folder of the pull secret, if not the strategy's. Rejects with `PullBuilderImageFailed`. */
  get(name: string, platform: string | undefined, secret = this.#settings.pullSecret): Promise<BaseImage> {
    const key = `${platform ?? ''} ${name}`;
    let image = this.#images.get(key);
    if (!image) {
      image = this.#pull(name, platform === undefined ? hostPlatform() : parsePlatform(platform), secret);
      image.catch(() => undefined);
      this.#images.set(key, image);
    }
    return image;
  }

  close(): void {
    for (const registry of this.#open) registry.close();
  }

  async #pull(name: string, platform: Platform, secret: string | undefined): Promise<BaseImage> {
    try {
      const reference = parseReference(name);
      const registry = await openRegistry(this.#settings, reference, secret);
      this.#open.push(registry);
      const image = await registry.image(reference.path, manifestKey(reference), { platform, signal: this.#signal });
      const { layers } = image.manifest;
      const diffIds = image.config.rootfs.diff_ids;
      if (diffIds.length !== layers.length) throw new Error(`it names ${diffIds.length} layers in its configuration and ${layers.length} in its manifest`);
      const stored: StoredLayer[] = [];
      for (const [index, layer] of layers.entries()) stored.unshift(await this.#layer(registry, reference, layer, diffIds, index, stored));
      return { reference, registry, image, layers: stored, host: await this.#host(image) };
    } catch (error) {
      this.#signal.throwIfAborted();
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw error;
      throw pullImageFailed(name, (error as Error).message);
    }
  }

  async #layer(registry: RegistryClient, reference: ImageReference, layer: Descriptor, diffIds: readonly string[], index: number, below: readonly StoredLayer[]): Promise<StoredLayer> {
    const key = `base ${chainId(diffIds.slice(0, index + 1))}`;
    const known = await this.#store.find(key, true);
    if (known) return known;
    const made = await this.#store.fresh();
    const owners: Owners = {};
    const { diffId, bytes } = await applyLayer(registry.readBlob(reference.path, layer, { signal: this.#signal }), made, {
      whiteouts: 'overlay',
      ownersBelow: this.#store.users,
      lowers: below.map(({ folder }) => folder),
      entry: ({ name, type, mode, uid, gid }) => {
        const record = ownerRecord({ uid, gid }, type === 'symlink' ? 0 : mode);
        if (record) owners[name] = record;
        else delete owners[name];
      },
    });
    if (diffId !== diffIds[index]) throw new DigestMismatch(diffIds[index] ?? '', diffId);
    return this.#store.keep(key, made, { owners, bytes });
  }

  async #host({ config }: FetchedImage): Promise<BaseImage['host']> {
    const labels = config.config?.Labels ?? {};
    if (labels[imageMarks.base] !== 'host') return undefined;
    const named = JSON.parse(labels[imageMarks.hostPaths] ?? '[]') as unknown;
    const hostPaths = Array.isArray(named) ? named.filter((path): path is string => typeof path === 'string' && path.startsWith('/')) : [];
    const root = await describeHostRoot({ hostPaths, hostname: this.#settings.build.metadata.name });
    const skeleton = join(this.#settings.folder, `skeleton-${this.#open.length}`);
    await writeHostSkeleton(skeleton, root);
    return { root, skeleton };
  }
}

/** `os[/architecture[/variant]]`, or an architecture alone (Dockerfile reference, "FROM"). */
export function parsePlatform(text: string): Platform {
  const own = hostPlatform();
  const [first = '', second, variant] = text.toLowerCase().split('/');
  const names: Record<string, string> = { x86_64: 'amd64', 'x86-64': 'amd64', aarch64: 'arm64', i386: '386', armhf: 'arm' };
  const known = (name: string) => names[name] ?? name;
  if (second === undefined) return first === 'linux' || first === 'windows' ? { os: first, architecture: own.architecture } : { os: own.os, architecture: known(first) };
  const architecture = known(second);
  return { os: first, architecture, ...(variant !== undefined ? { variant } : architecture === 'arm64' ? { variant: 'v8' } : {}) };
}
