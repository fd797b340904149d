/**
 * Which content each repository holds: `<directory>/repositories/<project>/<stream>/{_blobs,_manifests,_referrers}/…`, one small file each.
 * Content itself is shared by all repositories, so that nothing may be read through a repository that merely guesses a digest.
 * The time of a file is when it was last asked for by somebody who pushes: what is young is not swept.
 */
import { readdir, readFile, rm, rmdir, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isDigest, splitDigest } from '../../../oci/digest.ts';
import type { Descriptor } from '../../../oci/manifest.ts';
import { removeStale, syncFolder, writeDurably } from './durable-file.ts';
import type { Origin } from './origins.ts';
import { formatRepository, type RepositoryName } from './repository.ts';

export interface ManifestLink {
  mediaType: string;
  size: number;
  /** Digest that the manifest refers to. */
  subject?: string;
  /** Where it comes from, if it was not pushed here. */
  origin?: Origin;
}

export interface BlobLink {
  /** Known of content that may have to be fetched. */
  size?: number;
  origin?: Origin;
}

type LinkKind = '_blobs' | '_manifests';
const parts = ['_blobs', '_manifests', '_referrers'] as const;

/** A time is renewed once it is this old; more often would cost a write for each request. */
const renewMs = 60_000;

export class Links {
  readonly #directory: string;
  /** By project: links being written, and the removal of empty folders, which wait for each other. */
  readonly #writers = new Map<string, number>();
  readonly #removals = new Map<string, Promise<void>>();

  constructor(directory: string) {
    this.#directory = join(directory, 'repositories');
  }

  async hasRepository(repository: RepositoryName): Promise<boolean> {
    return exists(join(this.#directory, formatRepository(repository)));
  }

  async blob(repository: RepositoryName, digest: string): Promise<BlobLink | undefined> {
    return readJson<BlobLink>(this.#path(repository, '_blobs', digest));
  }

  /** With an origin: content that is fetched when it is asked for. A link that stands is left alone. */
  async addBlob(repository: RepositoryName, digest: string, link?: Required<BlobLink>): Promise<void> {
    if (!(await this.renew(repository, '_blobs', digest))) await this.#write(repository, this.#path(repository, '_blobs', digest), link ? JSON.stringify(link) : '');
  }

  async removeBlob(repository: RepositoryName, digest: string): Promise<boolean> {
    return remove(this.#path(repository, '_blobs', digest));
  }

  async manifest(repository: RepositoryName, digest: string): Promise<ManifestLink | undefined> {
    return readJson<ManifestLink>(this.#path(repository, '_manifests', digest));
  }

  /** `referrer` is listed under the subject of the link, if it has one. */
  async addManifest(repository: RepositoryName, digest: string, link: ManifestLink, referrer: Descriptor): Promise<void> {
    if (link.subject !== undefined) await this.#write(repository, this.#referrer(repository, link.subject, digest), JSON.stringify(referrer));
    await this.#write(repository, this.#path(repository, '_manifests', digest), JSON.stringify(link));
  }

  async removeManifest(repository: RepositoryName, digest: string): Promise<boolean> {
    const link = await this.manifest(repository, digest);
    if (!link) return false;
    if (link.subject !== undefined) await remove(this.#referrer(repository, link.subject, digest));
    return remove(this.#path(repository, '_manifests', digest));
  }

  async referrers(repository: RepositoryName, subject: string): Promise<Descriptor[]> {
    const folder = dirname(this.#referrer(repository, subject, subject));
    const names = await namesIn(folder);
    const found = await Promise.all(names.sort().map((name) => readJson<Descriptor>(join(folder, name))));
    return found.filter((descriptor) => descriptor !== undefined);
  }

  /** Tells sweeps that somebody counts on the link. False if there is none. */
  async renew(repository: RepositoryName, kind: LinkKind, digest: string): Promise<boolean> {
    const path = this.#path(repository, kind, digest);
    const found = await stat(path).catch(ignoreMissing);
    if (!found) return false;
    const now = Date.now();
    if (now - found.mtimeMs > renewMs) await utimes(path, now / 1000, now / 1000).catch(ignoreMissing);
    return true;
  }

  /** Milliseconds since the epoch; undefined if there is no such link. */
  async renewedAt(repository: RepositoryName, kind: LinkKind, digest: string): Promise<number | undefined> {
    return (await stat(this.#path(repository, kind, digest)).catch(ignoreMissing))?.mtimeMs;
  }

  async repositories(): Promise<RepositoryName[]> {
    const found: RepositoryName[] = [];
    for (const namespace of await namesIn(this.#directory)) for (const name of await namesIn(join(this.#directory, namespace))) found.push({ namespace, name });
    return found;
  }

  async digests(repository: RepositoryName, kind: LinkKind): Promise<string[]> {
    const folder = join(this.#directory, formatRepository(repository), kind);
    const found: string[] = [];
    for (const algorithm of await namesIn(folder)) for (const hex of await namesIn(join(folder, algorithm))) found.push(`${algorithm}:${hex}`);
    return found.filter(isDigest);
  }

  /** Removes what a crash left half written, and the folders of a repository that holds nothing any more: those of a project into which somebody writes stay for the next time. */
  async tidy(repository: RepositoryName): Promise<void> {
    const folder = join(this.#directory, formatRepository(repository));
    const inner: string[] = [];
    for (const part of parts) for (const name of await namesIn(join(folder, part))) inner.push(join(folder, part, name));
    for (const path of inner) await removeStale(path);
    const { namespace } = repository;
    if (this.#writers.has(namespace) || this.#removals.has(namespace)) return;
    const removal = removeEmpty([...inner, ...parts.map((part) => join(folder, part)), folder, dirname(folder)]).finally(() => this.#removals.delete(namespace));
    this.#removals.set(namespace, removal);
    await removal;
  }

  async #write({ namespace }: RepositoryName, path: string, text: string): Promise<void> {
    for (let removal = this.#removals.get(namespace); removal; removal = this.#removals.get(namespace)) await removal;
    this.#writers.set(namespace, (this.#writers.get(namespace) ?? 0) + 1);
    try {
      await writeDurably(path, Buffer.from(text));
    } finally {
      const left = (this.#writers.get(namespace) ?? 1) - 1;
      if (left > 0) this.#writers.set(namespace, left);
      else this.#writers.delete(namespace);
    }
  }

  #path(repository: RepositoryName, kind: LinkKind, digest: string): string {
    const { algorithm, hex } = splitDigest(digest);
    return join(this.#directory, formatRepository(repository), kind, algorithm, hex);
  }

  #referrer(repository: RepositoryName, subject: string, digest: string): string {
    return join(this.#directory, formatRepository(repository), '_referrers', subject.replace(':', '-'), digest.replace(':', '-'));
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, () => false);
}

async function remove(path: string): Promise<boolean> {
  if (!(await exists(path))) return false;
  await rm(path, { force: true });
  await syncFolder(dirname(path));
  return true;
}

/** Without what is being written. */
async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: unknown) => (ignoreMissing(error), []));
  return names.filter((name) => !name.startsWith('.'));
}

/** An empty file stands for an empty object. */
async function readJson<T>(path: string): Promise<T | undefined> {
  const text = await readFile(path, 'utf8').catch(ignoreMissing);
  return text === undefined ? undefined : (JSON.parse(text || '{}') as T);
}

async function removeEmpty(folders: readonly string[]): Promise<void> {
  for (const folder of folders) await rmdir(folder).catch(ignoreInUse);
}

function ignoreMissing(error: unknown): undefined {
  if (!['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
}

function ignoreInUse(error: unknown): void {
  if (!['ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR', 'EBUSY', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
}
