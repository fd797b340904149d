/** One blob on its way from another registry: into a file, from which any number of clients is served while it grows. */
import { open, type FileHandle } from 'node:fs/promises';

/** `run` fetches into `<path>.part` and tells how many bytes are written there; when it resolves, the content is verified and in the store. */
export class Fetch {
  readonly size: number;
  readonly #path: string;
  readonly #stored: () => Promise<FileHandle | undefined>;
  #written = 0;
  #state: 'running' | 'done' | 'failed' = 'running';
  #error: unknown;
  #waiting: (() => void)[] = [];
  readonly ended: Promise<void>;

  constructor(size: number, path: string, stored: () => Promise<FileHandle | undefined>, run: (onProgress: (bytes: number) => void) => Promise<void>) {
    this.size = size;
    this.#path = `${path}.part`;
    this.#stored = stored;
    this.ended = run((bytes) => {
      this.#written = bytes;
      this.#wake();
    }).then(
      () => this.#end('done'),
      (error: unknown) => {
        this.#error = error;
        this.#end('failed');
        throw error;
      },
    );
    // Whoever follows hears of it.
    this.ended.catch(() => undefined);
  }

  /** The content, wherever it stands now; an open file stays the same when the finished fetch is moved. */
  async openFile(): Promise<FileHandle> {
    await this.until(0);
    const file = (await open(this.#path, 'r').catch(() => undefined)) ?? (await this.ended.then(this.#stored));
    if (!file) throw new Error('the content went while it was opened');
    return file;
  }

  /** Resolves with the number of bytes that may be read once they are more than `position`. The last byte waits for the digest: nobody gets the whole of what is not verified. */
  async until(position: number): Promise<number> {
    for (;;) {
      if (this.#state === 'failed') throw this.#error;
      const readable = this.#state === 'done' ? this.size : Math.min(this.#written, this.size - 1);
      if (this.#state === 'done' || readable > position) return readable;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #end(state: 'done' | 'failed'): void {
    this.#state = state;
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
