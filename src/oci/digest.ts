/** Content addresses (OCI image specification, "Digests"): `<algorithm>:<lower-case hex>`. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Transform, type TransformCallback } from 'node:stream';

export type DigestAlgorithm = 'sha256' | 'sha512';

const supported = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/;
const wellFormed = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;

/** A digest this code can verify. */
export function isDigest(text: string): boolean {
  return supported.test(text);
}

/** A digest by the grammar, of whatever algorithm. */
export function isDigestLike(text: string): boolean {
  return wellFormed.test(text);
}

export function splitDigest(digest: string): { algorithm: DigestAlgorithm; hex: string } {
  if (!isDigest(digest)) throw new InvalidDigest(digest);
  const colon = digest.indexOf(':');
  return { algorithm: digest.slice(0, colon) as DigestAlgorithm, hex: digest.slice(colon + 1) };
}

export function digestOf(bytes: Uint8Array | string, algorithm: DigestAlgorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

export async function digestOfFile(path: string, algorithm: DigestAlgorithm = 'sha256'): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return `${algorithm}:${hash.digest('hex')}`;
}

/** Name of the file system tree that layers up to and including the last make together (image-spec config.md, "Layer ChainID"). */
export function chainId(diffIds: readonly string[]): string {
  return diffIds.slice(1).reduce((chain, diffId) => digestOf(`${chain} ${diffId}`), diffIds[0] ?? digestOf(''));
}

/** Passes bytes on while it counts and hashes them; fails once more than `maxBytes` came by. */
export class DigestMeter extends Transform {
  readonly #algorithm: DigestAlgorithm;
  readonly #hash: Hash;
  readonly #maxBytes: number;
  readonly #tooMany: (maxBytes: number) => Error;
  #bytes = 0;

  constructor(options: { algorithm?: DigestAlgorithm; maxBytes?: number; tooMany?: (maxBytes: number) => Error } = {}) {
    super();
    this.#algorithm = options.algorithm ?? 'sha256';
    this.#hash = createHash(this.#algorithm);
    this.#maxBytes = options.maxBytes ?? Number.MAX_SAFE_INTEGER;
    this.#tooMany = options.tooMany ?? ((max) => new RangeError(`more than the ${max} bytes expected`));
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Of what came by so far. */
  digest(): string {
    return `${this.#algorithm}:${this.#hash.copy().digest('hex')}`;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) return done(this.#tooMany(this.#maxBytes));
    this.#hash.update(chunk);
    done(null, chunk);
  }
}

class InvalidDigest extends Error {
  constructor(text: string) {
    super(`"${text}" is not a sha256 or sha512 digest`);
    this.name = 'InvalidDigest';
  }
}

/** Content is not what its address says: damaged or tampered with on the way. */
export class DigestMismatch extends Error {
  constructor(expected: string, actual: string) {
    super(`content does not match its digest: expected ${expected}, got ${actual}; fetch or push it again`);
    this.name = 'DigestMismatch';
  }
}
