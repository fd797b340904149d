/** The CRI's log form: `<RFC3339Nano> <stream> <tag> <text>`, tag `P` for a part of a line and `F` for its end. */

/** Longest text of one entry, bytes. */
export const partLimit = 16 * 1024;

/** Cuts a byte stream into entries. A line that never ends takes at most `partLimit` bytes of memory. */
export class LineCutter {
  readonly #stream: 'stdout' | 'stderr';
  readonly #stamp: () => string;
  #rest: Buffer[] = [];
  #restLength = 0;

  constructor(stream: 'stdout' | 'stderr', stamp: () => string) {
    this.#stream = stream;
    this.#stamp = stamp;
  }

  /** Entries that `chunk` completes, as bytes for the file. */
  push(chunk: Buffer): Buffer {
    const out: Buffer[] = [];
    let from = 0;
    while (from < chunk.length) {
      const newline = chunk.indexOf(10, from);
      const end = newline < 0 ? chunk.length : newline;
      while (this.#restLength + (end - from) > partLimit) {
        const cut = from + (partLimit - this.#restLength);
        this.#keep(chunk.subarray(from, cut));
        this.#entry(out, 'P');
        from = cut;
      }
      this.#keep(chunk.subarray(from, end));
      if (newline < 0) break;
      this.#entry(out, 'F');
      from = newline + 1;
    }
    return Buffer.concat(out);
  }

  /** What is left at the end of the stream. */
  end(): Buffer {
    const out: Buffer[] = [];
    if (this.#restLength > 0) this.#entry(out, 'F');
    return Buffer.concat(out);
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return;
    // A copy: a view would keep the whole chunk alive.
    this.#rest.push(Buffer.from(part));
    this.#restLength += part.length;
  }

  #entry(out: Buffer[], tag: 'P' | 'F'): void {
    out.push(Buffer.from(`${this.#stamp()} ${this.#stream} ${tag} `), ...this.#rest, newlineByte);
    this.#rest = [];
    this.#restLength = 0;
  }
}

const newlineByte = Buffer.from('\n');

/** Time stamps with nine digits that never repeat nor go back within a process. */
export function logClock(now: () => number = Date.now): () => string {
  let last = 0;
  let count = 0;
  return () => {
    const time = now();
    if (time > last) {
      last = time;
      count = 0;
    } else if (count < 999_999) count += 1;
    return `${new Date(last).toISOString().slice(0, -1)}${String(count).padStart(6, '0')}Z`;
  };
}
