/** Uploads under way: a file and a running hash each, in memory only; what a stopped registry left is removed at the next start. */
import { createHash, randomUUID, type Hash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import type { Disposable } from '../../../base/disposable.ts';
import { splitDigest, type DigestAlgorithm } from '../../../oci/digest.ts';
import type { BlobStore } from './blob-store.ts';
import { ensureFolder } from './durable-file.ts';
import { RegistryFailure } from './failure.ts';

/** More at once are refused with 429. */
const uploadLimit = 512;
/** After so long without a request an upload is dropped. */
const idleMs = 60 * 60 * 1000;

export class Uploads implements Disposable {
  readonly #directory: string;
  readonly #blobs: BlobStore;
  readonly #clock: Clock;
  readonly #open = new Map<string, Upload>();

  constructor(directory: string, blobs: BlobStore, clock: Clock) {
    this.#directory = join(directory, 'uploads');
    this.#blobs = blobs;
    this.#clock = clock;
  }

  async open(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
    await ensureFolder(this.#directory);
  }

  /** `algorithm`: what the digest will be, if the client said so; hashing then happens while the bytes come. */
  async begin(repository: string, algorithm: DigestAlgorithm = 'sha256'): Promise<Upload> {
    if (this.#open.size >= uploadLimit) throw new RegistryFailure(429, 'TOOMANYREQUESTS', `${uploadLimit} uploads are under way; try again when some have ended`, { 'retry-after': '5' });
    const id = randomUUID();
    const upload = new Upload(id, repository, join(this.#directory, id), algorithm, () => this.#open.delete(id));
    await upload.create();
    this.#open.set(id, upload);
    this.#expireLater(upload);
    return upload;
  }

  find(id: string, repository: string): Upload {
    const upload = this.#open.get(id);
    if (upload?.repository !== repository) throw new RegistryFailure(404, 'BLOB_UPLOAD_UNKNOWN', 'there is no such upload; it ended, expired, or the registry was restarted: start again');
    this.#expireLater(upload);
    return upload;
  }

  /** Ends the upload: its content is `digest` and part of the store, or it is refused and forgotten. */
  async commit(upload: Upload, digest: string): Promise<void> {
    await upload.exclusive(async () => {
      upload.close();
      await this.#blobs.adopt(upload.path, digest, upload.knownDigest(digest));
    });
  }

  async cancel(upload: Upload): Promise<void> {
    await upload.exclusive(async () => {
      upload.close();
      await rm(upload.path, { force: true });
    });
  }

  async dispose(): Promise<void> {
    for (const upload of [...this.#open.values()]) {
      upload.close();
      await rm(upload.path, { force: true });
    }
  }

  #expireLater(upload: Upload): void {
    void upload.expiry?.dispose();
    upload.expiry = this.#clock.after(idleMs, () => {
      if (upload.busy) return this.#expireLater(upload);
      upload.close();
      void rm(upload.path, { force: true });
    });
  }
}

export class Upload {
  readonly id: string;
  readonly repository: string;
  readonly path: string;
  expiry: Disposable | undefined;
  readonly #algorithm: DigestAlgorithm;
  readonly #hash: Hash;
  readonly #forget: () => void;
  #size = 0;
  #busy = false;

  constructor(id: string, repository: string, path: string, algorithm: DigestAlgorithm, forget: () => void) {
    this.id = id;
    this.repository = repository;
    this.path = path;
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm);
    this.#forget = forget;
  }

  get size(): number {
    return this.#size;
  }

  get busy(): boolean {
    return this.#busy;
  }

  async create(): Promise<void> {
    await (await open(this.path, 'wx', 0o600)).close();
  }

  /** The digest of what came, if it was hashed by the algorithm of `wanted`. */
  knownDigest(wanted: string): string | undefined {
    return splitDigest(wanted).algorithm === this.#algorithm ? `${this.#algorithm}:${this.#hash.copy().digest('hex')}` : undefined;
  }

  /** One request at a time: two writers of one upload would mix their bytes. */
  async exclusive<T>(run: () => Promise<T>): Promise<T> {
    if (this.#busy) throw new RegistryFailure(409, 'BLOB_UPLOAD_INVALID', 'another request is writing to this upload');
    this.#busy = true;
    try {
      return await run();
    } finally {
      this.#busy = false;
    }
  }

  /** Adds bytes. If the source breaks, what came is kept and the client may ask where to go on; if the disk does, the upload is lost. */
  async append(source: AsyncIterable<Uint8Array>): Promise<void> {
    await this.exclusive(async () => {
      const file = await open(this.path, 'r+');
      try {
        for await (const chunk of source) {
          const at = this.#size;
          const written = writeAll((offset) => file.write(chunk, offset, chunk.length - offset, at + offset), chunk.length);
          // Hashing goes on while the disk works; only what is in both counts.
          this.#hash.update(chunk);
          this.#size += chunk.length;
          await written.catch(async (error: unknown) => {
            this.close();
            await rm(this.path, { force: true });
            throw error;
          });
        }
      } finally {
        await file.close();
      }
    });
  }

  close(): void {
    void this.expiry?.dispose();
    this.#forget();
  }
}

async function writeAll(write: (offset: number) => Promise<{ bytesWritten: number }>, length: number): Promise<void> {
  for (let done = 0; done < length; ) done += (await write(done)).bytesWritten;
}
