/** Streams in and out of gzip and zstd, told apart by their first bytes. */
import { Readable, Transform, type TransformCallback } from 'node:stream';
import { createGunzip, createGzip, createZstdCompress, createZstdDecompress, constants } from 'node:zlib';
import { mediaTypes } from './media-types.ts';

export type Compression = 'gzip' | 'zstd' | 'none';

export const layerTypeOf: Record<Compression, string> = { gzip: mediaTypes.layerGzip, zstd: mediaTypes.layerZstd, none: mediaTypes.layer };

const chunkSize = 64 * 1024;

/**
 * Cuts a stream into pieces of one size. A compressor crosses into another thread for each, so small ones are joined;
 * and zstd's output depends on where its input is cut, so the cuts must not depend on how the input happened to come.
 */
export class Gatherer extends Transform {
  #held: Buffer[] = [];
  #bytes = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#held.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes >= chunkSize) {
      const all = this.#joined();
      const whole = all.length - (all.length % chunkSize);
      for (let at = 0; at < whole; at += chunkSize) this.push(all.subarray(at, at + chunkSize));
      this.#held = whole < all.length ? [all.subarray(whole)] : [];
      this.#bytes = all.length - whole;
    }
    done();
  }

  override _flush(done: TransformCallback): void {
    if (this.#bytes > 0) this.push(this.#joined());
    done();
  }

  #joined(): Buffer {
    return this.#held.length === 1 && this.#held[0] ? this.#held[0] : Buffer.concat(this.#held, this.#bytes);
  }
}

/** A compressor for new layers; undefined for `none`. The output depends on the input alone. */
export function compressor(compression: Compression): Transform | undefined {
  if (compression === 'gzip') return createGzip({ level: 6, chunkSize });
  if (compression === 'zstd') return createZstdCompress({ chunkSize, params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 } });
  return undefined;
}

/** The content of `source`, whatever it is compressed with. */
export async function* decompress(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const reader = new ByteReader(source);
  const head = await reader.peek(4);
  if (head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b) yield* through(reader.rest(), createGunzip());
  else if (isZstdMagic(head)) yield* unzstd(reader);
  else yield* reader.rest();
}

function isZstdMagic(head: Buffer): boolean {
  return head.length === 4 && (head.readUInt32LE() === 0xfd2fb528 || isSkippable(head.readUInt32LE()));
}

function isSkippable(magic: number): boolean {
  return (magic & 0xfffffff0) >>> 0 === 0x184d2a50;
}

/**
 * Node's decompressor stops after the first frame and drops the rest without a word, but layers may have many
 * (parallel compressors, zstd:chunked); so frames are cut here (RFC 8878, 3.1) and decompressed one by one.
 */
async function* unzstd(reader: ByteReader): AsyncGenerator<Buffer> {
  for (;;) {
    const head = await reader.peek(4);
    if (head.length === 0) return;
    if (!isZstdMagic(head)) throw new Error('corrupt zstd stream: bytes after the last frame');
    if (isSkippable(head.readUInt32LE())) {
      const size = (await reader.take(8)).readUInt32LE(4);
      for await (const chunk of reader.exactly(size)) void chunk;
    } else {
      yield* through(zstdFrame(reader), createZstdDecompress());
    }
  }
}

async function* zstdFrame(reader: ByteReader): AsyncGenerator<Buffer> {
  const start = await reader.take(5);
  yield start;
  const descriptor = start[4] ?? 0;
  const singleSegment = (descriptor & 0x20) !== 0;
  const contentSizeFlag = descriptor >> 6;
  const contentSizeBytes = contentSizeFlag === 0 ? (singleSegment ? 1 : 0) : 1 << contentSizeFlag;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const headerBytes = (singleSegment ? 0 : 1) + dictionaryBytes + contentSizeBytes;
  if (headerBytes > 0) yield await reader.take(headerBytes);
  for (;;) {
    const header = await reader.take(3);
    yield header;
    const bits = header.readUIntLE(0, 3);
    const runLength = ((bits >> 1) & 3) === 1;
    yield* reader.exactly(runLength ? 1 : bits >> 3);
    if (bits & 1) break;
  }
  if (descriptor & 4) yield await reader.take(4);
}

async function* through(source: AsyncIterable<Uint8Array>, transform: Transform): AsyncGenerator<Buffer> {
  const input = Readable.from(source, { objectMode: false });
  input.once('error', (error) => transform.destroy(error));
  input.pipe(transform);
  try {
    for await (const chunk of transform) yield chunk as Buffer;
  } finally {
    input.destroy();
    transform.destroy();
  }
}

/** Reads a stream in pieces of known length. Holds at most one chunk and what `peek` or `take` asked for. */
class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Up to `size` bytes without consuming them; fewer only at the end. */
  async peek(size: number): Promise<Buffer> {
    while (this.#buffer.length < size && (await this.#more()));
    return this.#buffer.subarray(0, size);
  }

  async take(size: number): Promise<Buffer> {
    const taken = await this.peek(size);
    if (taken.length < size) throw new Error('corrupt zstd stream: it ends too early');
    this.#buffer = this.#buffer.subarray(size);
    return taken;
  }

  async *exactly(size: number): AsyncGenerator<Buffer> {
    for (let left = size; left > 0; ) {
      const chunk = await this.take(Math.min(left, Math.max(1, this.#buffer.length)));
      left -= chunk.length;
      yield chunk;
    }
  }

  async *rest(): AsyncGenerator<Buffer> {
    try {
      do {
        const chunk = this.#buffer;
        this.#buffer = Buffer.alloc(0);
        if (chunk.length > 0) yield chunk;
      } while (await this.#more());
    } finally {
      await this.#source.return?.();
    }
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#source.next();
    if (done) return false;
    const chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    return true;
  }
}
