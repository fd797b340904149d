/** Content by digest: `<directory>/blobs/<algorithm>/<hex>`. A file under such a name is whole, synced and matches it. */
import { open, readdir, readFile, rm, stat, utimes, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf, digestOfFile, isDigest, splitDigest } from '../../../oci/digest.ts';
import { ensureFolder, moveDurably, removeStale, syncFolder, writeDurably } from './durable-file.ts';
import { RegistryFailure } from './failure.ts';

const algorithms = ['sha256', 'sha512'] as const;

export class BlobStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = join(directory, 'blobs');
  }

  /** Makes the folders and removes what a crash left half written. */
  async open(): Promise<void> {
    for (const algorithm of algorithms) {
      const folder = join(this.#directory, algorithm);
      await ensureFolder(folder);
      await removeStale(folder, 0);
    }
  }

  /** Bytes, or undefined if it is not here. */
  async size(digest: string): Promise<number | undefined> {
    return (await this.#stat(digest))?.size;
  }

  /** Milliseconds since the epoch at which the content came, or was last given again. */
  async writtenAt(digest: string): Promise<number | undefined> {
    return (await this.#stat(digest))?.mtimeMs;
  }

  /** For reading. What is open stays readable, whatever is removed meanwhile. */
  async openFile(digest: string): Promise<FileHandle | undefined> {
    return open(this.#path(digest), 'r').catch(ignoreMissing);
  }

  /** Whole: for manifests and configurations. */
  async read(digest: string): Promise<Buffer | undefined> {
    return readFile(this.#path(digest)).catch(ignoreMissing);
  }

  /** Keeps small content whose digest the caller computed. */
  async put(digest: string, bytes: Uint8Array): Promise<void> {
    if (digestOf(bytes, splitDigest(digest).algorithm) !== digest) throw new RegistryFailure(400, 'DIGEST_INVALID', `the content does not match ${digest}`);
    if (!(await this.#renew(digest))) await writeDurably(this.#path(digest), bytes);
  }

  /** Takes over the file at `path`; `known` is its digest if it was computed while writing. The file is gone afterwards, whatever happens. */
  async adopt(path: string, digest: string, known?: string): Promise<void> {
    try {
      const actual = known ?? (await digestOfFile(path, splitDigest(digest).algorithm));
      if (actual !== digest) throw new RegistryFailure(400, 'DIGEST_INVALID', `the content has digest ${actual}, not ${digest}`);
      if (await this.#renew(digest)) return;
      const file = await open(path, 'r+');
      try {
        await file.sync();
      } finally {
        await file.close();
      }
      await moveDurably(path, this.#path(digest));
    } finally {
      await rm(path, { force: true });
    }
  }

  /** Bytes freed. The caller made sure that nobody needs it. */
  async remove(digest: string): Promise<number> {
    const size = await this.size(digest);
    if (size === undefined) return 0;
    await rm(this.#path(digest), { force: true });
    await syncFolder(join(this.#directory, splitDigest(digest).algorithm));
    return size;
  }

  async digests(): Promise<string[]> {
    const found: string[] = [];
    for (const algorithm of algorithms) for (const hex of await readdir(join(this.#directory, algorithm))) found.push(`${algorithm}:${hex}`);
    return found.filter(isDigest);
  }

  /** False if it is not here. Content that came again is as young as new. */
  async #renew(digest: string): Promise<boolean> {
    const now = Date.now() / 1000;
    return utimes(this.#path(digest), now, now).then(() => true, (error: unknown) => (ignoreMissing(error), false));
  }

  async #stat(digest: string): Promise<{ size: number; mtimeMs: number } | undefined> {
    return stat(this.#path(digest)).catch(ignoreMissing);
  }

  #path(digest: string): string {
    const { algorithm, hex } = splitDigest(digest);
    return join(this.#directory, algorithm, hex);
  }
}

function ignoreMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
