/** Copies a container's log from the engine into our own form, followed while it runs. Goes on where an earlier agent stopped: no entry twice, none left out. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Readable } from 'node:stream';
import type { Log } from '../../../base/log.ts';
import { partLimit } from '../../shim/log-line.ts';
import { LogFile } from '../../shim/log-file.ts';
import { isEngineError, type EngineClient } from './engine-client.ts';
import { EntryStamps, positionIn, sinceOf, type LogPosition } from './log-position.ts';
import { EntryReader, type OutputStream } from './stream-frames.ts';

export interface LogCopierOptions {
  engine: EngineClient;
  log: Log;
  containerId: string;
  logPath: string;
  tty: boolean;
}

/** Between attempts while the engine does not answer. */
const againMs = 1000;

const newline = Buffer.from('\n');

export class LogCopier {
  readonly #options: LogCopierOptions;
  readonly #file: LogFile;
  /** Of what is in the file. */
  #position: LogPosition;
  /** The last entry, if its line has not ended: what follows makes it a part, the end of the log makes it whole. */
  #open: { stamp: string; stream: OutputStream; text: Buffer } | undefined;
  /** Streams whose last line in the file is a part. */
  readonly #unended = new Set<OutputStream>();
  #following: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(options: LogCopierOptions, position: LogPosition) {
    this.#options = options;
    this.#position = position;
    this.#file = new LogFile(options.logPath);
  }

  static async open(options: LogCopierOptions): Promise<LogCopier> {
    return new LogCopier(options, await positionIn(options.logPath));
  }

  /** While the container runs; comes back after a break of the engine. */
  follow(): void {
    if (this.#following || this.#closed) return;
    const stop = new AbortController();
    this.#following = stop;
    this.#running = (async () => {
      while (!stop.signal.aborted) {
        await this.#read(true, stop.signal).catch((error: unknown) => {
          if (!stop.signal.aborted && !isEngineError(error, 404)) this.#options.log.debug('the log of a container broke off', { container: this.#options.containerId, error });
        });
        await sleep(againMs, undefined, { signal: stop.signal }).catch(() => undefined);
      }
    })();
  }

  /** The container has ended: what is left is copied, and the file closed. */
  async finish(): Promise<void> {
    if (this.#closed) return;
    await this.#halt();
    try {
      await this.#read(false, AbortSignal.timeout(60_000));
    } catch (error) {
      if (!isEngineError(error, 404)) throw error;
    }
    this.#closed = true;
    this.#flush('F');
    for (const stream of [...this.#unended]) this.#write(this.#position.stamp, stream, 'F', Buffer.alloc(0));
    this.#file.close();
  }

  /** The agent ends; the next one goes on. */
  async dispose(): Promise<void> {
    await this.#halt();
    if (this.#closed) return;
    this.#closed = true;
    this.#file.close();
  }

  async #halt(): Promise<void> {
    this.#following?.abort();
    await this.#running;
    this.#following = undefined;
  }

  async #read(follow: boolean, signal: AbortSignal): Promise<void> {
    const { engine, containerId, tty } = this.#options;
    // What is open has not been written: it comes again.
    const stamps = new EntryStamps(this.#position);
    this.#open = undefined;
    const stream: Readable = await engine.stream('GET', `/containers/${containerId}/logs`, { query: { stdout: 1, stderr: 1, timestamps: 1, follow: follow ? 1 : 0, since: sinceOf(this.#position) }, signal });
    const take = (name: OutputStream, entry: Buffer) => this.#entry(stamps, name, entry);
    const reader = tty ? new LineEntries((entry) => take('stdout', entry)) : new EntryReader(take);
    for await (const chunk of stream) {
      // Nothing is written after the end was asked for: the last reading begins where this one stopped.
      if (signal.aborted) return;
      reader.push(chunk as Buffer);
    }
  }

  #entry(stamps: EntryStamps, stream: OutputStream, entry: Buffer): void {
    const space = entry.indexOf(32);
    if (space < 0) return;
    const stamp = stamps.next(entry.toString('latin1', 0, space));
    if (stamp === undefined) return;
    const text = entry.subarray(space + 1);
    // Everything before it first, so that the file never holds an entry without those before it.
    this.#flush('P');
    if (text.at(-1) === 10) this.#write(stamp, stream, 'F', text.subarray(0, -1));
    else this.#open = { stamp, stream, text: Buffer.from(text) };
  }

  #flush(tag: 'P' | 'F'): void {
    const open = this.#open;
    this.#open = undefined;
    if (open) this.#write(open.stamp, open.stream, tag, open.text);
  }

  #write(stamp: string, stream: OutputStream, tag: 'P' | 'F', text: Buffer): void {
    const line = tag === 'F' && text.at(-1) === 13 && this.#options.tty ? text.subarray(0, -1) : text;
    this.#file.write(Buffer.concat([Buffer.from(`${stamp} ${stream} ${tag} `), line, newline]));
    this.#position = { stamp, count: stamp === this.#position.stamp ? this.#position.count + 1 : 1 };
    if (tag === 'P') this.#unended.add(stream);
    else this.#unended.delete(stream);
  }
}

/** With a terminal there are no frames: each line begins with its time. */
class LineEntries {
  readonly #each: (entry: Buffer) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(each: (entry: Buffer) => void) {
    this.#each = each;
  }

  push(chunk: Buffer): void {
    let data = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    for (let at = data.indexOf(10); at >= 0; at = data.indexOf(10)) {
      this.#each(data.subarray(0, at + 1));
      data = data.subarray(at + 1);
    }
    if (data.length > partLimit * 2) throw new RangeError('the engine sent a log entry that is too long');
    this.#rest = Buffer.from(data);
  }
}
