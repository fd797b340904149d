/** Header blocks of SPDY/3.1: name/value pairs (section 2.6.10), each direction one zlib stream over the life of the connection. */
import { constants, createInflate, type Inflate } from 'node:zlib';
import { spdyDictionary, spdyDictionaryId } from './dictionary.ts';

/** An inflated header block over this size breaks the connection. */
const largestHeaderBlock = 64 * 1024;

/** Reads header blocks in the order in which they arrived; every block of the connection must pass here, wanted or not. */
export class HeaderReader {
  #inflate: Inflate = createInflate({ dictionary: spdyDictionary, flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH });
  #failure: Error | undefined;

  constructor() {
    this.#inflate.on('error', (error) => (this.#failure = error));
  }

  async read(compressed: Buffer): Promise<Map<string, string>> {
    return parse(await this.#expand(compressed));
  }

  close(): void {
    this.#inflate.close();
  }

  #expand(compressed: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      const parts: Buffer[] = [];
      let size = 0;
      const collect = (part: Buffer) => {
        size += part.length;
        if (size > largestHeaderBlock) this.#inflate.destroy(new Error('a SPDY header block is too large'));
        else parts.push(part);
      };
      const settle = (error?: Error | null) => {
        this.#inflate.off('data', collect).off('error', settle);
        if (error) reject(error);
        else resolve(Buffer.concat(parts));
      };
      this.#inflate.on('data', collect).once('error', settle);
      this.#inflate.write(compressed, settle);
    });
  }
}

/** Lower-case name to value; several values of one name stay separated by NUL. */
function parse(block: Buffer): Map<string, string> {
  const headers = new Map<string, string>();
  if (block.length < 4) throw new Error('a SPDY header block is cut short');
  let at = 4;
  const text = () => {
    if (at + 4 > block.length) throw new Error('a SPDY header block is cut short');
    const length = block.readUInt32BE(at);
    const start = at + 4;
    at = start + length;
    if (at > block.length) throw new Error('a SPDY header block is cut short');
    return block.toString('utf8', start, at);
  };
  for (let pairs = block.readUInt32BE(0); pairs > 0; pairs -= 1) headers.set(text().toLowerCase(), text());
  return headers;
}

/**
 * Writes header blocks as stored, uncompressed deflate blocks: valid zlib, made without an asynchronous compressor, and our replies carry no headers.
 * The empty block after each is what a sync flush leaves; readers hand out nothing before it.
 */
export class HeaderWriter {
  #started = false;

  write(headers: ReadonlyMap<string, string>): Buffer {
    const block = serialise(headers);
    const stored = Buffer.alloc(5);
    stored.writeUInt16LE(block.length, 1);
    stored.writeUInt16LE(~block.length & 0xffff, 3);
    const parts = [stored, block, Buffer.from([0, 0, 0, 0xff, 0xff])];
    if (!this.#started) {
      this.#started = true;
      const zlibHeader = Buffer.from([0x78, 0x20, 0, 0, 0, 0]);
      zlibHeader.writeUInt32BE(spdyDictionaryId, 2);
      parts.unshift(zlibHeader);
    }
    return Buffer.concat(parts);
  }
}

/** At most 65,535 bytes: the length of one stored block. */
function serialise(headers: ReadonlyMap<string, string>): Buffer {
  const parts: Buffer[] = [];
  const number = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    parts.push(bytes);
  };
  number(headers.size);
  for (const pair of headers) {
    for (const text of pair) {
      const bytes = Buffer.from(text);
      number(bytes.length);
      parts.push(bytes);
    }
  }
  return Buffer.concat(parts);
}
