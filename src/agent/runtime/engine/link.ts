/**
 * Many streams over one: between a node's agent and its helper inside the engine, whose only way to each other may be the helper's standard input and output.
 *
 *   frame      four bytes number of the stream, one byte kind, four bytes length, payload; all big-endian
 *   open       JSON of what is wanted; each side numbers its own streams, one even, one odd
 *   data       at most as many bytes under way as the other side allowed: `window` bytes at first, then what each `more` adds
 *   end, reset the sender's half, or all, is over
 *   message    number 0; JSON for whoever listens
 */
import { Duplex, type Readable, type Writable } from 'node:stream';

const kinds = { open: 0, data: 1, end: 2, reset: 3, more: 4, message: 5 } as const;
/** Bytes of one stream under way in one direction. */
const window = 256 * 1024;
/** Longest piece of data; others can pass between two. */
const piece = 32 * 1024;
const headLength = 9;
/** A message holds a table of services at most. */
const longestPayload = 32 << 20;
/** Streams at a time; more are reset. */
const mostStreams = 4096;

export interface LinkOptions {
  /** The agent's side. */
  first: boolean;
  onStream(wanted: unknown, stream: Duplex): void;
  onMessage(message: unknown): void;
  onClose(): void;
}

export class Link {
  readonly #output: Writable;
  readonly #options: LinkOptions;
  readonly #streams = new Map<number, LinkStream>();
  #next: number;
  #rest: Buffer = Buffer.alloc(0);
  #closed = false;

  constructor(input: Readable, output: Writable, options: LinkOptions) {
    this.#output = output;
    this.#options = options;
    this.#next = options.first ? 2 : 1;
    input.on('data', (chunk: Buffer) => {
      try {
        this.#push(chunk);
      } catch {
        this.close();
      }
    });
    for (const stream of [input, output]) stream.on('error', () => this.close()).once('close', () => this.close());
    input.once('end', () => this.close());
  }

  open(wanted: unknown): Duplex {
    const id = this.#next;
    this.#next += 2;
    const stream = new LinkStream((kind, payload, done) => this.#send(id, kind, payload, done), () => this.#streams.delete(id));
    if (this.#closed || this.#streams.size >= mostStreams) {
      stream.destroy(new Error('the way into the container engine is closed'));
      return stream;
    }
    this.#streams.set(id, stream);
    this.#send(id, kinds.open, Buffer.from(JSON.stringify(wanted)));
    return stream;
  }

  message(message: unknown): void {
    this.#send(0, kinds.message, Buffer.from(JSON.stringify(message)));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stream of [...this.#streams.values()]) stream.cut();
    this.#streams.clear();
    this.#output.destroy();
    this.#options.onClose();
  }

  #send(id: number, kind: number, payload: Buffer, done?: () => void): void {
    if (this.#closed) return done?.();
    const head = Buffer.allocUnsafe(headLength);
    head.writeUInt32BE(id, 0);
    head[4] = kind;
    head.writeUInt32BE(payload.length, 5);
    this.#output.cork();
    this.#output.write(head);
    // An answer per piece: whoever sends faster than the carrier takes waits here.
    this.#output.write(payload, () => done?.());
    this.#output.uncork();
  }

  #push(chunk: Buffer): void {
    let data = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    while (data.length >= headLength) {
      const length = data.readUInt32BE(5);
      if (length > longestPayload) throw new RangeError('a frame is too long');
      if (data.length < headLength + length) break;
      this.#frame(data.readUInt32BE(0), data[4]!, data.subarray(headLength, headLength + length));
      data = data.subarray(headLength + length);
    }
    this.#rest = Buffer.from(data);
  }

  #frame(id: number, kind: number, payload: Buffer): void {
    if (kind === kinds.message) return this.#options.onMessage(JSON.parse(payload.toString('utf8')));
    if (kind === kinds.open) {
      const stream = new LinkStream((what, bytes, done) => this.#send(id, what, bytes, done), () => this.#streams.delete(id));
      if (this.#streams.size >= mostStreams) return stream.cut();
      this.#streams.set(id, stream);
      return this.#options.onStream(JSON.parse(payload.toString('utf8')), stream);
    }
    const stream = this.#streams.get(id);
    if (!stream) {
      // The other side has not yet heard that it is over.
      if (kind === kinds.data) this.#send(id, kinds.reset, Buffer.alloc(0));
      return;
    }
    if (kind === kinds.data) stream.received(Buffer.from(payload));
    else if (kind === kinds.end) stream.received(null);
    else if (kind === kinds.more) stream.allow(payload.readUInt32BE(0));
    else stream.cut();
  }
}

type Send = (kind: number, payload: Buffer, done?: () => void) => void;

class LinkStream extends Duplex {
  readonly #sendFrame: Send;
  readonly #gone: () => void;
  /** Bytes that may still be sent. */
  #credit = window;
  #waiting: (() => void) | undefined;
  /** Arrived, and not yet asked for: at most what was allowed. */
  readonly #arrived: (Buffer | null)[] = [];
  #wanted = false;
  /** Handed on since more was allowed. */
  #handedOn = 0;
  #over = false;

  constructor(send: Send, gone: () => void) {
    super({ allowHalfOpen: true });
    this.#sendFrame = send;
    this.#gone = gone;
    // Whoever cares listens too; a connection that breaks must not end the process.
    this.on('error', () => undefined);
  }

  received(data: Buffer | null): void {
    if (this.destroyed) return;
    this.#arrived.push(data);
    this.#handOn();
  }

  allow(bytes: number): void {
    this.#credit += bytes;
    const go = this.#waiting;
    this.#waiting = undefined;
    go?.();
  }

  /** The other side, or the carrier, is gone. */
  cut(): void {
    this.#over = true;
    this.destroy(Object.assign(new Error('the connection was closed by the other side'), { code: 'ECONNRESET' }));
  }

  override _read(): void {
    this.#wanted = true;
    this.#handOn();
  }

  #handOn(): void {
    while (this.#wanted && this.#arrived.length > 0) {
      const next = this.#arrived.shift()!;
      this.#handedOn += next?.length ?? 0;
      this.#wanted = this.push(next);
    }
    // Not for every piece: what is left out is far less than what may still come.
    if (this.#handedOn < window / 4) return;
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32BE(this.#handedOn);
    this.#handedOn = 0;
    this.#sendFrame(kinds.more, bytes);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#credit <= 0) {
      this.#waiting = () => this._write(chunk, _encoding, done);
      return;
    }
    const part = chunk.subarray(0, Math.min(this.#credit, piece));
    this.#credit -= part.length;
    const rest = chunk.subarray(part.length);
    this.#sendFrame(kinds.data, part, () => (rest.length > 0 ? this._write(rest, _encoding, done) : done()));
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#sendFrame(kinds.end, Buffer.alloc(0), () => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const complete = this.readableEnded && this.writableFinished;
    if (!this.#over && !complete) this.#sendFrame(kinds.reset, Buffer.alloc(0));
    this.#waiting = undefined;
    this.#gone();
    done(error);
  }
}
