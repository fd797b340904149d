/** Images that streams import from other registries: fetched when somebody asks, verified, and kept here from then on. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DigestMismatch, splitDigest } from '../../../oci/digest.ts';
import { InvalidManifest, type Descriptor, type ParsedManifest } from '../../../oci/manifest.ts';
import { isNonDistributable } from '../../../oci/media-types.ts';
import type { FetchedManifest, RegistryClient } from '../../../oci/registry-client.ts';
import { isRegistryError } from '../../../oci/registry-error.ts';
import type { Log } from '../../../base/log.ts';
import type { BlobStore } from './blob-store.ts';
import { ensureFolder } from './durable-file.ts';
import { RegistryFailure } from './failure.ts';
import { Fetch } from './fetch.ts';
import type { BlobLink, Links, ManifestLink } from './links.ts';
import type { Origin, Origins } from './origins.ts';
import { referrerOf } from './referrer.ts';
import { formatRepository, type RepositoryName } from './repository.ts';
import type { Use } from './use.ts';

/** Blobs fetched at once; more wait for their turn. */
const fetchLimit = 8;
/** What a broken fetch left is continued within this time, then removed. */
const partMs = 24 * 60 * 60 * 1000;

export interface PullThroughParts {
  directory: string;
  blobs: BlobStore;
  links: Links;
  use: Use;
  origins: Origins;
  log: Log;
}

export class PullThrough {
  readonly #parts: PullThroughParts;
  readonly #directory: string;
  /** By digest: all repositories share one. */
  readonly #fetches = new Map<string, Fetch>();
  readonly #manifests = new Map<string, Promise<ManifestLink | undefined>>();
  readonly #ending = new AbortController();
  #running = 0;
  readonly #turns: (() => void)[] = [];

  constructor(parts: PullThroughParts) {
    this.#parts = parts;
    this.#directory = join(parts.directory, 'fetches');
  }

  async open(): Promise<void> {
    await ensureFolder(this.#directory);
    await this.tidy();
  }

  /** Removes what broken fetches left a day ago. */
  async tidy(): Promise<void> {
    for (const name of await readdir(this.#directory)) {
      const path = join(this.#directory, name);
      const written = await stat(path).then(({ mtimeMs }) => mtimeMs, () => 0);
      if (Date.now() - written > partMs) await rm(path, { force: true });
    }
  }

  /** Fetches are broken off; what they have is continued when they are asked for again. */
  async dispose(): Promise<void> {
    this.#ending.abort(new Error('the registry is stopping'));
    for (const wake of this.#turns.splice(0)) wake();
    await Promise.allSettled([...this.#fetches.values()].map((one) => one.ended));
  }

  async origin(repository: RepositoryName, digest: string): Promise<Origin | undefined> {
    return (await this.#parts.origins.find(repository, digest))[0];
  }

  /** The link of a manifest that the stream shows and another registry has; its blobs are linked, not fetched. `from`: known of an earlier time. */
  manifest(repository: RepositoryName, digest: string, from?: Origin): Promise<ManifestLink | undefined> {
    const key = `${formatRepository(repository)}@${digest}`;
    let running = this.#manifests.get(key);
    if (!running) {
      running = this.#manifest(repository, digest, from).finally(() => this.#manifests.delete(key));
      this.#manifests.set(key, running);
    }
    return running;
  }

  /** The fetch of a linked blob; one for all who ask. Undefined if nobody else has it. */
  blob(repository: RepositoryName, digest: string, { origin, size }: BlobLink): Fetch | undefined {
    const running = this.#fetches.get(digest);
    if (running) return running;
    if (!origin || size === undefined) return undefined;
    const { hex } = splitDigest(digest);
    const path = join(this.#directory, hex);
    const fetch = new Fetch(size, path, () => this.#parts.blobs.openFile(digest), async (onProgress) => {
      try {
        await this.#inTurn(() => this.#with(repository, origin, digest, (client) => client.pullBlob(origin.path, { mediaType: '', digest, size }, path, { signal: this.#ending.signal, onProgress })));
        await this.#parts.use.exclusive(digest, () => this.#parts.blobs.adopt(path, digest, digest));
      } finally {
        this.#fetches.delete(digest);
      }
    });
    this.#fetches.set(digest, fetch);
    return fetch;
  }

  async #manifest(repository: RepositoryName, digest: string, from: Origin | undefined): Promise<ManifestLink | undefined> {
    const origins = from ? [from] : await this.#parts.origins.find(repository, digest);
    let failure: unknown;
    for (const origin of origins) {
      try {
        return await this.#keep(repository, origin, await this.#with(repository, origin, digest, (client) => client.manifest(origin.path, digest, this.#ending.signal)));
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
    return undefined;
  }

  async #keep(repository: RepositoryName, origin: Origin, fetched: FetchedManifest): Promise<ManifestLink> {
    const { links, blobs, use } = this.#parts;
    const { digest, bytes, mediaType } = fetched;
    const { subject } = fetched.manifest;
    for (const part of contentOf(fetched)) {
      if (isNonDistributable(part.mediaType)) continue;
      await use.exclusive(part.digest, async () => {
        use.linking(part.digest);
        if (fetched.kind === 'image') await links.addBlob(repository, part.digest, { origin, size: part.size });
        else if (!(await links.renew(repository, '_manifests', part.digest))) await links.addManifest(repository, part.digest, { mediaType: part.mediaType, size: part.size, origin }, part);
      });
    }
    const link: ManifestLink = { mediaType, size: bytes.length, origin, ...(subject && { subject: subject.digest }) };
    await use.exclusive(digest, async () => {
      use.linking(digest);
      await blobs.put(digest, bytes);
      await links.addManifest(repository, digest, link, referrerOf(fetched, digest, bytes.length));
    });
    return link;
  }

  async #with<T>(repository: RepositoryName, origin: Origin, digest: string, run: (client: RegistryClient) => Promise<T>): Promise<T> {
    const client = await this.#parts.origins.open(repository, origin);
    try {
      return await run(client);
    } catch (error) {
      this.#parts.log.warn('an image could not be fetched', { from: `${origin.host}/${origin.path}`, digest, error });
      throw explain(error, origin, digest, repository);
    } finally {
      client.close();
    }
  }

  async #inTurn<T>(run: () => Promise<T>): Promise<T> {
    while (this.#running >= fetchLimit && !this.#ending.signal.aborted) await new Promise<void>((resolve) => this.#turns.push(resolve));
    this.#ending.signal.throwIfAborted();
    this.#running++;
    try {
      return await run();
    } finally {
      this.#running--;
      this.#turns.shift()?.();
    }
  }
}

function contentOf(parsed: ParsedManifest): Descriptor[] {
  return parsed.kind === 'index' ? parsed.manifest.manifests : [parsed.manifest.config, ...parsed.manifest.layers];
}

function explain(error: unknown, { host, path }: Origin, digest: string, { namespace }: RepositoryName): unknown {
  const what = `${host}/${path}@${digest}`;
  if (isRegistryError(error, 'NotFound')) return new RegistryFailure(404, 'MANIFEST_UNKNOWN', `${what} is no longer there; import the tag again`);
  if (isRegistryError(error, 'Unauthorized', 'Denied')) return new RegistryFailure(403, 'DENIED', `${host} does not let project ${namespace} pull ${path}; put its credentials into a pull secret of the project`);
  if (isRegistryError(error)) return new RegistryFailure(502, 'UNKNOWN', `${what} could not be fetched: ${error.message}`);
  if (error instanceof DigestMismatch || error instanceof InvalidManifest) return new RegistryFailure(502, 'UNKNOWN', `${host} sent something else than ${path}@${digest}: ${error.message}`);
  return error;
}
