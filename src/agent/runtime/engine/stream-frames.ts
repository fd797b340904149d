/** The engine's output of a container without a terminal: frames of one byte stream, three zero bytes, four bytes big-endian length, payload (Docker Engine API, "Attach to a container"). */

/** An engine sends at most what it read at once (32 KiB, or a log entry of 16 KiB with its time); a longer frame is no frame. */
export const longestFrame = 16 << 20;

export type OutputStream = 'stdout' | 'stderr';

/** Hands on payloads as they come, in pieces: nothing is gathered but an incomplete header. Throws on what is no frame. */
export class OutputReader {
  readonly #each: (stream: OutputStream, part: Buffer, last: boolean) => void;
  #head: Buffer = Buffer.alloc(0);
  #stream: OutputStream = 'stdout';
  #left = 0;

  /** `last`: the frame ends with this part. */
  constructor(each: (stream: OutputStream, part: Buffer, last: boolean) => void) {
    this.#each = each;
  }

  push(chunk: Buffer): void {
    let from = 0;
    while (from < chunk.length) {
      if (this.#left > 0) {
        const part = chunk.subarray(from, from + this.#left);
        from += part.length;
        this.#left -= part.length;
        this.#each(this.#stream, part, this.#left === 0);
        continue;
      }
      const need = chunk.subarray(from, from + 8 - this.#head.length);
      this.#head = this.#head.length === 0 ? need : Buffer.concat([this.#head, need]);
      from += need.length;
      if (this.#head.length < 8) {
        this.#head = Buffer.from(this.#head);
        break;
      }
      const kind = this.#head[0]!;
      const length = this.#head.readUInt32BE(4);
      if (kind > 2 || this.#head[1] !== 0 || this.#head[2] !== 0 || this.#head[3] !== 0 || length > longestFrame) throw new RangeError('the engine sent output in a form that is not understood');
      this.#stream = kind === 2 ? 'stderr' : 'stdout';
      this.#left = length;
      this.#head = Buffer.alloc(0);
    }
  }
}

/** Whole frames, for those that are known to be small: log entries. */
export class EntryReader {
  readonly #reader: OutputReader;
  #parts: Buffer[] = [];
  #size = 0;

  constructor(each: (stream: OutputStream, entry: Buffer) => void) {
    this.#reader = new OutputReader((stream, part, last) => {
      this.#size += part.length;
      if (this.#size > longestEntry) throw new RangeError('the engine sent a log entry that is too long');
      this.#parts.push(last && this.#parts.length === 0 ? part : Buffer.from(part));
      if (!last) return;
      const entry = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
      this.#parts = [];
      this.#size = 0;
      each(stream, entry);
    });
  }

  push(chunk: Buffer): void {
    this.#reader.push(chunk);
  }
}

const longestEntry = 1 << 20;
