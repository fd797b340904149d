/** One JSON line for each request, in a file of bounded size with the one before it. What is asked for stands without its query, which may hold secrets. */
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

export interface AccessEntry {
  /** Start, as a date in text. */
  time: string;
  client: string;
  protocol: 'HTTP/1.1' | 'HTTP/2' | 'TLS';
  method?: string;
  host: string;
  path?: string;
  /** 0: the client went away before there was one. */
  status?: number;
  /** `<namespace>/<name>`; absent where no route was found. */
  route?: string;
  service?: string;
  endpoint?: string;
  pod?: string;
  bytesIn?: number;
  bytesOut?: number;
  milliseconds: number;
}

const largestFile = 10 * 1024 * 1024;
/** Lines leave together: this many bytes, or this long after the first of them. */
const batchBytes = 64 * 1024;
const batchMs = 100;

/** Lines that cannot be written, e.g. on a full disk, are dropped: a log must not end what it tells about. */
export class AccessLog {
  readonly #path: string;
  /** Undefined once it is closed: the number may be another file's then. */
  #file: number | undefined;
  #size: number;
  #lines: string[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#file = openSync(path, 'a', 0o600);
    this.#size = fstatSync(this.#file).size;
  }

  write(entry: AccessEntry): void {
    const line = `${JSON.stringify(entry)}\n`;
    this.#lines.push(line);
    this.#bytes += line.length;
    if (this.#bytes >= batchBytes) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), batchMs).unref();
  }

  close(): void {
    this.#flush();
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const text = this.#lines.join('');
    this.#lines = [];
    this.#bytes = 0;
    if (text === '' || this.#file === undefined) return;
    try {
      this.#size += writeSync(this.#file, text);
      if (this.#size < largestFile) return;
      renameSync(this.#path, `${this.#path}.1`);
      const full = this.#file;
      this.#file = openSync(this.#path, 'a', 0o600);
      this.#size = 0;
      closeSync(full);
    } catch {
      // See above.
    }
  }
}
