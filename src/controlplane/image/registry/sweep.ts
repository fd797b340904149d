/**
 * Garbage collection: removes what no image that the platform knows needs any more, beside running pushes and pulls. In this order, so that a stop
 * at any moment leaves nothing that points to what is gone: links of manifests whose image was deleted, links of blobs that no manifest of their
 * repository names, content that nobody links to. Whatever was renewed within the keep time stays, and each removal decides again, alone with its digest.
 */
import { InvalidManifest, parseManifest } from '../../../oci/manifest.ts';
import type { BlobStore } from './blob-store.ts';
import type { Links } from './links.ts';
import type { RepositoryName } from './repository.ts';
import type { Streams } from './streams.ts';
import type { Epoch, Use } from './use.ts';

export interface SweepParts {
  blobs: BlobStore;
  links: Links;
  streams: Pick<Streams, 'images'>;
  use: Use;
  /** Content that was linked, or asked for by somebody who pushes, within this time stays. */
  keepMs: number;
  /** What else is to be cleaned up with it. */
  tidy?(): Promise<void>;
  /** Ends the sweep between two steps. */
  signal: AbortSignal;
}

export interface SweepResult {
  manifests: number;
  links: number;
  blobs: number;
  /** Freed. */
  bytes: number;
  /** Something was only kept because it is young. */
  young: boolean;
}

export async function sweep(parts: SweepParts): Promise<SweepResult> {
  const one = new Sweep(parts);
  try {
    return await one.run();
  } finally {
    void one.epoch.dispose();
  }
}

/** What one manifest names, by digest. */
interface Names {
  manifests: string[];
  blobs: string[];
  subject?: string;
}

class Sweep {
  readonly epoch: Epoch;
  readonly #parts: SweepParts;
  readonly #result: SweepResult = { manifests: 0, links: 0, blobs: 0, bytes: 0, young: false };
  /** Digests that a link, or an image that is known, counts on. One short string for each; content is never held. */
  readonly #needed = new Set<string>();
  #images = new Set<string>();

  constructor(parts: SweepParts) {
    this.#parts = parts;
    this.epoch = parts.use.begin();
  }

  async run(): Promise<SweepResult> {
    const { links, streams } = this.#parts;
    const repositories = await links.repositories();
    this.#images = await streams.images();
    for (const repository of repositories) {
      await this.#repository(repository);
      this.#parts.signal.throwIfAborted();
    }
    await this.#needImages();
    for (const digest of await this.#parts.blobs.digests()) {
      if (!this.#needed.has(digest)) await this.#content(digest);
      this.#parts.signal.throwIfAborted();
    }
    await this.#parts.tidy?.();
    return this.#result;
  }

  async #repository(repository: RepositoryName): Promise<void> {
    const { links } = this.#parts;
    const manifests = new Map<string, Names>();
    for (const digest of await links.digests(repository, '_manifests')) manifests.set(digest, await this.#read(digest));
    const kept = closure(manifests, await this.#roots(repository, [...manifests.keys()]));
    for (const digest of manifests.keys()) if (!kept.has(digest)) await this.#manifest(repository, digest, kept);
    const named = new Set<string>();
    for (const digest of kept) {
      this.#needed.add(digest);
      for (const blob of manifests.get(digest)?.blobs ?? []) named.add(blob);
    }
    for (const digest of await links.digests(repository, '_blobs')) {
      if (named.has(digest) || !(await this.#blobLink(repository, digest))) this.#needed.add(digest);
    }
    await links.tidy(repository);
  }

  /** Manifests that stay for their own sake. Whether the stream still stands does not matter: pods may run, and be made again, from what it had. */
  async #roots(repository: RepositoryName, digests: readonly string[]): Promise<Set<string>> {
    const roots = new Set<string>();
    for (const digest of digests) if (this.#images.has(digest) || (await this.#inUse(repository, '_manifests', digest))) roots.add(digest);
    return roots;
  }

  /** Keeps it, and tells `kept`, if somebody came first. */
  async #manifest(repository: RepositoryName, digest: string, kept: Set<string>): Promise<void> {
    const { use, links } = this.#parts;
    await use.exclusive(digest, async () => {
      if (await this.#inUse(repository, '_manifests', digest)) kept.add(digest);
      else if (await links.removeManifest(repository, digest)) this.#result.manifests++;
    });
  }

  /** True if the link is gone. */
  async #blobLink(repository: RepositoryName, digest: string): Promise<boolean> {
    const { use, links } = this.#parts;
    return use.exclusive(digest, async () => {
      if (await this.#inUse(repository, '_blobs', digest)) return false;
      if (await links.removeBlob(repository, digest)) this.#result.links++;
      return true;
    });
  }

  async #inUse(repository: RepositoryName, kind: '_blobs' | '_manifests', digest: string): Promise<boolean> {
    const { use, links } = this.#parts;
    if (use.leased(digest) || this.epoch.has(digest)) return true;
    return this.#isYoung(await links.renewedAt(repository, kind, digest));
  }

  #isYoung(time: number | undefined): boolean {
    const young = time !== undefined && Date.now() - time < this.#parts.keepMs;
    this.#result.young ||= young;
    return young;
  }

  /** Content of known images that no repository links any more, which streams may still show. */
  async #needImages(): Promise<void> {
    const todo = [...this.#images];
    const seen = new Set<string>();
    for (let digest = todo.pop(); digest !== undefined; digest = todo.pop()) {
      if (seen.has(digest) || this.#needed.has(digest)) continue;
      seen.add(digest);
      const { manifests, blobs } = await this.#read(digest);
      for (const content of [digest, ...blobs]) this.#needed.add(content);
      todo.push(...manifests);
    }
  }

  async #content(digest: string): Promise<void> {
    const { use, blobs } = this.#parts;
    await use.exclusive(digest, async () => {
      if (use.leased(digest) || this.epoch.has(digest) || this.#isYoung(await blobs.writtenAt(digest))) return;
      this.#result.bytes += await blobs.remove(digest);
      this.#result.blobs++;
    });
  }

  /** Nothing for what is not here or is no manifest. */
  async #read(digest: string): Promise<Names> {
    const bytes = await this.#parts.blobs.read(digest);
    try {
      const parsed = bytes && parseManifest(bytes);
      if (!parsed) return { manifests: [], blobs: [] };
      const { subject } = parsed.manifest;
      return {
        manifests: parsed.kind === 'index' ? parsed.manifest.manifests.map((child) => child.digest) : [],
        blobs: parsed.kind === 'image' ? [parsed.manifest.config, ...parsed.manifest.layers].map((one) => one.digest) : [],
        ...(subject && { subject: subject.digest }),
      };
    } catch (error) {
      if (error instanceof InvalidManifest) return { manifests: [], blobs: [] };
      throw error;
    }
  }
}

/** `roots` with the images of indexes that stay, and what refers to what stays (signatures, bills of materials). */
function closure(manifests: ReadonlyMap<string, Names>, roots: ReadonlySet<string>): Set<string> {
  const kept = new Set(roots);
  for (let before = -1; kept.size !== before; ) {
    before = kept.size;
    for (const [digest, names] of manifests) {
      if (names.subject !== undefined && kept.has(names.subject)) kept.add(digest);
      if (kept.has(digest)) for (const child of names.manifests) kept.add(child);
    }
  }
  return kept;
}
