/**
 * Layers as folders, kept for later builds: a hit costs one look, since an overlay takes the folder as it is. That is why they lie in a folder that the builds of
 * a node share and not in the registry, whose layers would have to be fetched and unpacked each time.
 *
 * `layers/<name>` the folder, `layers/<name>.json` what is known of it, `blobs/<hex>` its packed form, `keys/<key>` the name of the layer that has this key,
 * `leases/<build>/<name>` what a running build uses, `work` none: folders in the making lie with the build that makes them, and go with it.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { diffUpper } from '../../../../../oci/tree-reader.ts';
import { writeLayer, type LayerEntry, type WrittenLayer } from '../../../../../oci/layer-writer.ts';
import type { Owners } from './owners.ts';

export interface LayerFacts {
  /** The key it was made under, whatever other key led to it. */
  key: string;
  owners: Owners;
  /** RFC 3339: when the command ran that made it; none if nothing ran. */
  created?: string;
  /** Nothing is in it. */
  empty?: boolean;
  /** Of its files. */
  bytes: number;
  blob?: Pick<WrittenLayer, 'digest' | 'size' | 'mediaType' | 'diffId'>;
}

export interface StoredLayer extends LayerFacts {
  /** Short, since the names of all layers must fit into the options of one mount. */
  name: string;
  folder: string;
}

/** Bytes that are kept when no build runs; what was used longest ago goes first. */
const keptBytes = 10 * 2 ** 30;

export class LayerStore {
  readonly folder: string;
  /** Users and groups that files in it can belong to, from 0 on; 0: all belong to who builds. */
  readonly users: number;
  readonly #lease: string;
  readonly #scratch: string;
  readonly #reads: boolean;
  #grown = false;

  private constructor(folder: string, scratch: string, reads: boolean, users: number) {
    this.folder = folder;
    this.users = users;
    this.#scratch = scratch;
    this.#reads = reads;
    this.#lease = join(folder, 'leases', randomBytes(8).toString('hex'));
  }

  /**
   * `cache`: the shared folder; without, everything lies with the build and goes with it. `reads`: false takes no layer of an earlier build, base images aside.
   * Folders with owners and folders without are different ones: a machine may come to have users, and lose them again.
   */
  static async open(cache: string | undefined, scratch: string, reads: boolean, users = 0): Promise<LayerStore> {
    const store = new LayerStore(cache === undefined ? join(scratch, 'store') : join(cache, users > 0 ? 'dockerfile-owned' : 'dockerfile'), scratch, reads, users);
    for (const name of ['layers', 'blobs', 'keys']) await mkdir(join(store.folder, name), { recursive: true, mode: 0o755 });
    await mkdir(store.#lease, { recursive: true, mode: 0o755 });
    await writeFile(join(store.#lease, '.build'), scratch);
    return store;
  }

  get layers(): string {
    return join(this.folder, 'layers');
  }

  /** A layer of that key, made by this or an earlier build. */
  async find(key: string, always = false): Promise<StoredLayer | undefined> {
    if (!this.#reads && !always) return undefined;
    const name = await readFile(this.#keyFile(key), 'utf8').catch(() => undefined);
    if (name === undefined || !/^[0-9a-f]{16}$/.test(name)) return undefined;
    // Leased first, looked at then: whoever clears up looks at leases after it took the folder away.
    await writeFile(join(this.#lease, name), '');
    const folder = join(this.layers, name);
    try {
      const facts = JSON.parse(await readFile(`${folder}.json`, 'utf8')) as LayerFacts;
      await stat(folder);
      const now = new Date();
      await utimes(this.#keyFile(key), now, now).catch(() => undefined);
      return { ...facts, name, folder };
    } catch {
      return undefined;
    }
  }

  /** A folder to make a layer in; it becomes one by `keep`. */
  async fresh(): Promise<string> {
    const folder = join(this.#scratch, 'making', randomBytes(6).toString('hex'));
    await mkdir(folder, { recursive: true, mode: 0o755 });
    return folder;
  }

  /** Moves a folder that was made into the store. */
  async keep(key: string, made: string, told: Omit<LayerFacts, 'key'>): Promise<StoredLayer> {
    this.#grown = true;
    const facts: LayerFacts = { ...told, key };
    const name = randomBytes(8).toString('hex');
    const folder = join(this.layers, name);
    await writeFile(join(this.#lease, name), '');
    await rename(made, folder);
    await this.#write(`${folder}.json`, JSON.stringify(facts));
    await this.#write(this.#keyFile(key), name);
    return { ...facts, name, folder };
  }

  /** Another key that leads to it: one that is found with less work. */
  alias(key: string, { name }: StoredLayer): Promise<void> {
    return this.#write(this.#keyFile(key), name);
  }

  /** The packed form, made once. `below`: folders of the layers under it, topmost first. */
  async pack(layer: StoredLayer, below: readonly string[], signal: AbortSignal): Promise<WrittenLayer> {
    const directory = join(this.folder, 'blobs');
    if (layer.blob) {
      const path = join(directory, layer.blob.digest.replace(/^.*:/, ''));
      if (await stat(path).then((one) => one.size === layer.blob?.size, () => false)) return { ...layer.blob, path };
    }
    const written = await writeLayer(await layerEntries(layer, below), { directory, compression: 'gzip', signal });
    const { digest, size, mediaType, diffId } = written;
    layer.blob = { digest, size, mediaType, diffId };
    const { name: _name, folder, ...facts } = layer;
    await this.#write(`${folder}.json`, JSON.stringify(facts));
    return written;
  }

  /** Ends the use by this build; one that added something clears up. */
  async close(): Promise<void> {
    await rm(this.#lease, { recursive: true, force: true });
    if (this.#grown && !this.folder.startsWith(`${this.#scratch}/`)) await this.#clearUp();
  }

  async #clearUp(limit = keptBytes): Promise<void> {
    const keys = await Promise.all((await readdir(join(this.folder, 'keys'))).filter((name) => !name.includes('.')).map(async (key) => {
      const path = join(this.folder, 'keys', key);
      const [name, at] = await Promise.all([readFile(path, 'utf8').catch(() => ''), stat(path).then((one) => one.mtimeMs, () => 0)]);
      return { path, name, at };
    }));
    const sizes = new Map<string, { bytes: number; blob: string | undefined }>();
    const names = new Set((await readdir(this.layers)).map((name) => name.replace(/\..*$/, '')));
    for (const name of names) {
      const facts = await readFile(join(this.layers, `${name}.json`), 'utf8').then((text) => JSON.parse(text) as LayerFacts, () => undefined);
      sizes.set(name, { bytes: (facts?.bytes ?? 0) + (facts?.blob?.size ?? 0), blob: facts?.blob?.digest.replace(/^.*:/, '') });
    }
    const leased = () => this.#leased();
    let inUse = await leased();
    let total = [...sizes.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    const named = new Map<string, { paths: string[]; at: number }>();
    for (const { name, path, at } of keys) {
      const had = named.get(name);
      named.set(name, { paths: [...(had?.paths ?? []), path], at: Math.max(at, had?.at ?? 0) });
    }
    // Layers without a key: replaced by a newer one of the same, or left by a build that was killed.
    const order = [...names].map((name) => ({ name, key: named.get(name) })).sort((a, b) => (a.key?.at ?? 0) - (b.key?.at ?? 0));
    for (const { name, key } of order) {
      if ((key && total <= limit) || inUse.has(name)) continue;
      for (const path of key?.paths ?? []) await rm(path, { force: true });
      const folder = join(this.layers, name);
      const doomed = join(this.folder, `gone-${name}-${randomBytes(4).toString('hex')}`);
      const moved = await rename(folder, doomed).then(() => true, () => false);
      inUse = await leased();
      if (moved && inUse.has(name)) {
        await rename(doomed, folder).catch(() => undefined);
        continue;
      }
      await rm(doomed, { recursive: true, force: true });
      await rm(`${folder}.json`, { force: true });
      total -= sizes.get(name)?.bytes ?? 0;
      sizes.delete(name);
    }
    const blobs = new Set([...sizes.values()].map(({ blob }) => blob));
    if (inUse.size === 0) for (const blob of await readdir(join(this.folder, 'blobs'))) if (!blobs.has(blob)) await rm(join(this.folder, 'blobs', blob), { force: true });
    for (const name of await readdir(this.folder)) if (name.startsWith('gone-') && inUse.size === 0) await rm(join(this.folder, name), { recursive: true, force: true });
  }

  /** Names that running builds use; the leases of builds whose folder is gone are taken away. */
  async #leased(): Promise<Set<string>> {
    const names = new Set<string>();
    const parent = join(this.folder, 'leases');
    for (const lease of await readdir(parent)) {
      const build = await readFile(join(parent, lease, '.build'), 'utf8').catch(() => '');
      const alive = build !== '' && (await stat(build).then(() => true, () => false));
      // One that is being made has no name yet.
      if (!alive && build !== '') await rm(join(parent, lease), { recursive: true, force: true });
      else for (const name of await readdir(join(parent, lease)).catch(() => [])) names.add(name);
    }
    return names;
  }

  #keyFile(key: string): string {
    return join(this.folder, 'keys', createHash('sha256').update(key).digest('hex').slice(0, 40));
  }

  async #write(path: string, text: string): Promise<void> {
    const fresh = `${path}.${randomBytes(4).toString('hex')}`;
    await writeFile(fresh, text);
    await rename(fresh, path);
  }
}

/** What a layer's folder says, as it goes into an archive. */
export function layerEntries(layer: Pick<StoredLayer, 'folder' | 'owners'>, below: readonly string[]): Promise<LayerEntry[]> {
  return diffUpper({ upper: layer.folder, lowers: below }, {
    keepTimes: true,
    owner: (name, stat) => {
      const [uid, gid, bits = 0] = layer.owners[name] ?? [0, 0];
      return { uid, gid, mode: (stat.mode & 0o7777) | bits };
    },
  });
}
