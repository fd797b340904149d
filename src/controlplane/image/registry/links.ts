/**
 * Which content each repository holds: `<directory>/repositories/<project>/<stream>/{_blobs,_manifests,_referrers}/…`, one small file each.
 * Content itself is shared by all repositories, so that nothing may be read through a repository that merely guesses a digest.
 */
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { splitDigest } from '../../../oci/digest.ts';
import type { Descriptor } from '../../../oci/manifest.ts';
import { syncFolder, writeDurably } from './durable-file.ts';
import { formatRepository, type RepositoryName } from './repository.ts';

export interface ManifestLink {
  mediaType: string;
  size: number;
  /** Digest that the manifest refers to. */
  subject?: string;
}

export class Links {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = join(directory, 'repositories');
  }

  async hasRepository(repository: RepositoryName): Promise<boolean> {
    return exists(join(this.#directory, formatRepository(repository)));
  }

  async hasBlob(repository: RepositoryName, digest: string): Promise<boolean> {
    return exists(this.#path(repository, '_blobs', digest));
  }

  async addBlob(repository: RepositoryName, digest: string): Promise<void> {
    if (!(await this.hasBlob(repository, digest))) await writeDurably(this.#path(repository, '_blobs', digest), Buffer.alloc(0));
  }

  async removeBlob(repository: RepositoryName, digest: string): Promise<boolean> {
    return remove(this.#path(repository, '_blobs', digest));
  }

  async manifest(repository: RepositoryName, digest: string): Promise<ManifestLink | undefined> {
    return readJson<ManifestLink>(this.#path(repository, '_manifests', digest));
  }

  /** `referrer` is listed under the subject of the link, if it has one. */
  async addManifest(repository: RepositoryName, digest: string, link: ManifestLink, referrer: Descriptor): Promise<void> {
    if (link.subject !== undefined) await writeDurably(this.#referrer(repository, link.subject, digest), Buffer.from(JSON.stringify(referrer)));
    await writeDurably(this.#path(repository, '_manifests', digest), Buffer.from(JSON.stringify(link)));
  }

  async removeManifest(repository: RepositoryName, digest: string): Promise<boolean> {
    const link = await this.manifest(repository, digest);
    if (!link) return false;
    if (link.subject !== undefined) await remove(this.#referrer(repository, link.subject, digest));
    return remove(this.#path(repository, '_manifests', digest));
  }

  async referrers(repository: RepositoryName, subject: string): Promise<Descriptor[]> {
    const folder = dirname(this.#referrer(repository, subject, subject));
    const names = await readdir(folder).catch(() => []);
    const found = await Promise.all(names.filter((name) => !name.startsWith('.')).sort().map((name) => readJson<Descriptor>(join(folder, name))));
    return found.filter((descriptor) => descriptor !== undefined);
  }

  #path(repository: RepositoryName, kind: '_blobs' | '_manifests', digest: string): string {
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

async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
