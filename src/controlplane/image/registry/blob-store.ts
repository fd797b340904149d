/** Content by digest: `<directory>/blobs/<algorithm>/<hex>`. A file under such a name is whole, synced and matches it. */
import { createReadStream, type ReadStream } from 'node:fs';
import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf, digestOfFile, splitDigest } from '../../../oci/digest.ts';
import { ensureFolder, moveDurably, writeDurably } from './durable-file.ts';
import { RegistryFailure } from './failure.ts';

export class BlobStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = join(directory, 'blobs');
  }

  /** Makes the folders and removes what a crash left half written. */
  async open(): Promise<void> {
    for (const algorithm of ['sha256', 'sha512']) {
      const folder = join(this.#directory, algorithm);
      await ensureFolder(folder);
      for (const name of await readdir(folder)) if (name.startsWith('.tmp-')) await rm(join(folder, name), { force: true });
    }
  }

  /** Bytes, or undefined if it is not here. */
  async size(digest: string): Promise<number | undefined> {
    return stat(this.#path(digest)).then((found) => found.size, () => undefined);
  }

  stream(digest: string, range?: { start: number; end: number }): ReadStream {
    return createReadStream(this.#path(digest), { highWaterMark: 256 * 1024, ...range });
  }

  async read(digest: string): Promise<Buffer | undefined> {
    return readFile(this.#path(digest)).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    });
  }

  /** Keeps small content whose digest the caller computed. */
  async put(digest: string, bytes: Uint8Array): Promise<void> {
    if (digestOf(bytes, splitDigest(digest).algorithm) !== digest) throw new RegistryFailure(400, 'DIGEST_INVALID', `the content does not match ${digest}`);
    if ((await this.size(digest)) === undefined) await writeDurably(this.#path(digest), bytes);
  }

  /** Takes over the file at `path`; `known` is its digest if it was computed while writing. The file is gone afterwards, whatever happens. */
  async adopt(path: string, digest: string, known?: string): Promise<void> {
    try {
      const actual = known ?? (await digestOfFile(path, splitDigest(digest).algorithm));
      if (actual !== digest) throw new RegistryFailure(400, 'DIGEST_INVALID', `the content has digest ${actual}, not ${digest}`);
      if ((await this.size(digest)) !== undefined) return;
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

  #path(digest: string): string {
    const { algorithm, hex } = splitDigest(digest);
    return join(this.#directory, algorithm, hex);
  }
}
