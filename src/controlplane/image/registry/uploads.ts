/**
 * Uploads under way: `<directory>/uploads/<id>`, and `<id>.json` beside one that takes more than a single request. They outlive the registry:
 * a client asks how much came and goes on from there.
 */
import { createHash, randomUUID, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import type { Disposable } from '../../../base/disposable.ts';
import { splitDigest, type DigestAlgorithm } from '../../../oci/digest.ts';
import { writeFrom } from '../../../oci/file-transfer.ts';
import type { BlobStore } from './blob-store.ts';
import { ensureFolder } from './durable-file.ts';
import { RegistryFailure } from './failure.ts';

/** More at once are refused with 429. */
const uploadLimit = 512;
/** After so long without a request an upload is dropped. */
export const idleMs = 60 * 60 * 1000;

interface Session {
  repository: string;
  algorithm: DigestAlgorithm;
}

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

  /** Takes up what a stopped registry left, and removes what nobody can continue. */
  async open(): Promise<void> {
    await ensureFolder(this.#directory);
    const names = new Set(await readdir(this.#directory));
    for (const name of names) {
      if (name.endsWith('.json')) continue;
      const upload = names.has(`${name}.json`) ? await this.#restore(name) : undefined;
      names.delete(`${name}.json`);
      if (upload) this.#add(upload);
      else await this.#remove(name);
    }
    for (const name of names) if (name.endsWith('.json')) await rm(join(this.#directory, name), { force: true });
  }

  /** `algorithm`: what the digest will be, if the client said so; hashing then happens while the bytes come. */
  async begin(repository: string, options: { algorithm?: DigestAlgorithm; single?: boolean } = {}): Promise<Upload> {
    if (this.#open.size >= uploadLimit) throw new RegistryFailure(429, 'TOOMANYREQUESTS', `${uploadLimit} uploads are under way; try again when some have ended`, { 'retry-after': '5' });
    const id = randomUUID();
    const session: Session = { repository, algorithm: options.algorithm ?? 'sha256' };
    const path = join(this.#directory, id);
    await (await open(path, 'wx', 0o600)).close();
    if (!options.single) {
      await writeFile(`${path}.json.new`, JSON.stringify(session), { mode: 0o600 });
      await rename(`${path}.json.new`, `${path}.json`);
    }
    const upload = new Upload(id, path, session, 0);
    this.#add(upload);
    return upload;
  }

  find(id: string, repository: string): Upload {
    const upload = this.#open.get(id);
    if (upload?.repository !== repository) throw new RegistryFailure(404, 'BLOB_UPLOAD_UNKNOWN', 'there is no such upload; it ended or expired: start again');
    this.#expireLater(upload);
    return upload;
  }

  /** Ends the upload: its content is `digest` and part of the store, or it is refused and forgotten. */
  async commit(upload: Upload, digest: string): Promise<void> {
    await upload.exclusive(async () => {
      const known = await upload.digest(splitDigest(digest).algorithm);
      this.#forget(upload);
      try {
        await this.#blobs.adopt(upload.path, digest, known);
      } finally {
        await this.#remove(upload.id);
      }
    });
  }

  async cancel(upload: Upload): Promise<void> {
    await upload.exclusive(() => this.drop(upload));
  }

  /** Forgets the upload whatever it is doing. */
  async drop(upload: Upload): Promise<void> {
    this.#forget(upload);
    await this.#remove(upload.id);
  }

  dispose(): void {
    for (const upload of this.#open.values()) void upload.expiry?.dispose();
    this.#open.clear();
  }

  async #restore(id: string): Promise<Upload | undefined> {
    const path = join(this.#directory, id);
    try {
      const session = JSON.parse(await readFile(`${path}.json`, 'utf8')) as Session;
      const { size, mtimeMs } = await stat(path);
      return this.#clock.now().getTime() - mtimeMs < idleMs ? new Upload(id, path, session, size) : undefined;
    } catch {
      return undefined;
    }
  }

  #add(upload: Upload): void {
    this.#open.set(upload.id, upload);
    this.#expireLater(upload);
  }

  #forget(upload: Upload): void {
    void upload.expiry?.dispose();
    this.#open.delete(upload.id);
  }

  async #remove(id: string): Promise<void> {
    await rm(join(this.#directory, id), { force: true });
    await rm(join(this.#directory, `${id}.json`), { force: true });
  }

  #expireLater(upload: Upload): void {
    void upload.expiry?.dispose();
    upload.expiry = this.#clock.after(idleMs, () => {
      if (upload.busy) return this.#expireLater(upload);
      void this.drop(upload).catch(() => undefined);
    });
  }
}

export class Upload {
  readonly id: string;
  readonly repository: string;
  readonly path: string;
  expiry: Disposable | undefined;
  readonly #algorithm: DigestAlgorithm;
  /** Of all bytes up to `size`; absent until bytes of an earlier life were read again. */
  #hash: Hash | undefined;
  #size: number;
  #busy = false;

  constructor(id: string, path: string, { repository, algorithm }: Session, size: number) {
    this.id = id;
    this.repository = repository;
    this.path = path;
    this.#algorithm = algorithm;
    this.#size = size;
    this.#hash = size === 0 ? createHash(algorithm) : undefined;
  }

  get size(): number {
    return this.#size;
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** The digest of what came, if it was hashed by `algorithm`. */
  async digest(algorithm: DigestAlgorithm): Promise<string | undefined> {
    return algorithm === this.#algorithm ? `${algorithm}:${(await this.#hashed()).copy().digest('hex')}` : undefined;
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

  /** Adds bytes, at most until it has `most`. If the source breaks, what came is kept and the client may ask where to go on. */
  async append(source: AsyncIterable<Uint8Array>, most: { bytes: number; refusal(): RegistryFailure }): Promise<void> {
    await this.exclusive(async () => {
      const hash = await this.#hashed();
      const file = await open(this.path, 'r+');
      let taken = this.#size;
      try {
        // A write that was cut short by a failure is not part of the content.
        await file.truncate(this.#size);
        await writeFrom(source, file, this.#size, {
          onTaken(chunk) {
            taken += chunk.length;
            if (taken > most.bytes) throw most.refusal();
            hash.update(chunk);
          },
          onWritten: (bytes) => (this.#size += bytes),
        });
      } finally {
        // Hashing runs ahead of the disk; after a failure it starts over.
        if (taken !== this.#size) this.#hash = undefined;
        await file.close();
      }
    });
  }

  async #hashed(): Promise<Hash> {
    if (this.#hash) return this.#hash;
    const hash = createHash(this.#algorithm);
    if (this.#size > 0) for await (const chunk of createReadStream(this.path, { end: this.#size - 1, highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
    return (this.#hash = hash);
  }
}
