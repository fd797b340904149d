/** The server's end of a SPDY/3.1 connection over any byte stream (a socket, or a WebSocket that carries the bytes). */
import type { Duplex } from 'node:stream';
import { WireStream } from '../wire-stream.ts';
import { controlFrame, dataFrame, flagFin, frameType, headerLength, largestControlFrame, numbers, readHeader, resetCode, type FrameHeader } from './frames.ts';
import { HeaderReader, HeaderWriter } from './headers.ts';
import { SendWindow, updateEvery } from './windows.ts';

/** More streams at a time are refused (REFUSED_STREAM). */
const mostStreams = 2000;

export class SpdyStream extends WireStream {
  readonly id: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly window: SendWindow;
  /** Bytes taken by the reader that the peer was not yet told of. */
  #untold = 0;
  #room: (() => void) | undefined;
  #connection: SpdyConnection;

  constructor(connection: SpdyConnection, id: number, headers: ReadonlyMap<string, string>, window: SendWindow) {
    super();
    this.#connection = connection;
    this.id = id;
    this.headers = headers;
    this.window = window;
  }

  /** Resolves when the reader can take more; at once unless its buffer is full. */
  async receive(bytes: Buffer): Promise<void> {
    this.#untold += bytes.length;
    if (this.deliver(bytes)) this.#tell();
    else await new Promise<void>((resolve) => (this.#room = resolve));
  }

  /** RST_STREAM: both directions end at once. */
  reset(code: number = resetCode.cancel): void {
    if (this.aborted || this.destroyed) return;
    this.#connection.sendControl(frameType.rstStream, numbers(this.id, code));
    this.abort();
  }

  protected override transmit(frame: Buffer, done: () => void): void {
    this.#connection.sendData(this, frame, done);
  }

  protected override transmitEnd(): void {
    this.#connection.write(dataFrame(this.id, Buffer.alloc(0), flagFin));
  }

  protected override onRoom(): void {
    this.#tell();
    const room = this.#room;
    this.#room = undefined;
    room?.();
  }

  #tell(): void {
    if (this.#untold < updateEvery || this.aborted) return;
    this.#connection.sendControl(frameType.windowUpdate, numbers(this.id, this.#untold));
    this.#untold = 0;
  }
}

/**
 * Frames are handled strictly one after the other, and reading stops while a stream's buffer is full: what a connection holds is bounded by its streams.
 * `onStream` is called for each stream the peer opens, after it was accepted (SYN_REPLY).
 */
export class SpdyConnection {
  /** Resolves when the connection has ended, for whatever reason; every stream is aborted by then. */
  readonly closed: Promise<void>;
  #transport: Duplex;
  #onStream: (stream: SpdyStream) => void;
  #streams = new Map<number, SpdyStream>();
  #reader = new HeaderReader();
  #writer = new HeaderWriter();
  #window = new SendWindow();
  #untold = 0;
  #lastStream = 0;
  #leaving = false;
  #waiting: (() => void)[] = [];
  #pingId = 0;

  constructor(transport: Duplex, onStream: (stream: SpdyStream) => void) {
    this.#transport = transport;
    this.#onStream = onStream;
    transport.on('drain', () => this.#drained());
    transport.on('error', () => transport.destroy());
    transport.on('close', () => this.#abandon());
    this.closed = this.#run();
  }

  /** Bytes handed to the transport; true if it wants no more for now. */
  write(bytes: Buffer): boolean {
    if (this.#transport.destroyed || this.#transport.writableEnded) return false;
    return !this.#transport.write(bytes);
  }

  sendControl(type: number, payload: Buffer): void {
    this.write(controlFrame(type, payload));
  }

  sendData(stream: SpdyStream, frame: Buffer, done: () => void): void {
    stream.window.take(frame.length, (ofStream) => {
      if (stream.aborted) return done();
      this.#window.take(ofStream, (granted) => {
        if (granted < ofStream) stream.window.widen(ofStream - granted);
        if (stream.aborted) {
          this.#window.widen(granted);
          return done();
        }
        const rest = frame.subarray(granted);
        const next = rest.length > 0 ? () => this.sendData(stream, rest, done) : done;
        if (this.write(dataFrame(stream.id, frame.subarray(0, granted)))) this.#waiting.push(next);
        else next();
      });
    });
  }

  /** A frame that keeps proxies from ending an idle connection. */
  ping(): void {
    this.#pingId = (this.#pingId + 2) >>> 0;
    this.sendControl(frameType.ping, numbers(this.#pingId));
  }

  /** Says goodbye after everything written so far, and goes on discarding what still arrives until the peer closes. */
  end(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    this.sendControl(frameType.goAway, numbers(this.#lastStream, 0));
    for (const stream of this.#streams.values()) stream.abort();
    this.#transport.end();
  }

  destroy(): void {
    this.#transport.destroy();
  }

  async #run(): Promise<void> {
    try {
      await this.#receive();
      if (!this.#transport.writableEnded) this.#transport.end();
    } catch {
      this.#transport.destroy();
    }
    this.#abandon();
    this.#reader.close();
  }

  async #receive(): Promise<void> {
    let held: Buffer = Buffer.alloc(0);
    /** Of the data frame that is being received. */
    let current: { header: FrameHeader & { control: false }; left: number } | undefined;
    for await (const chunk of this.#transport.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      let bytes = held.length ? Buffer.concat([held, chunk]) : chunk;
      for (;;) {
        if (current) {
          const part = bytes.subarray(0, current.left);
          bytes = bytes.subarray(part.length);
          current.left -= part.length;
          await this.#data(current.header, part, current.left === 0);
          if (current.left > 0) break;
          current = undefined;
        }
        if (bytes.length < headerLength) break;
        const header = readHeader(bytes);
        if (!header.control) {
          bytes = bytes.subarray(headerLength);
          current = { header, left: header.length };
          if (bytes.length === 0 && header.length > 0) break;
          continue;
        }
        if (header.length > largestControlFrame) throw new Error('a SPDY control frame is too large');
        if (bytes.length < headerLength + header.length) break;
        await this.#control(header, bytes.subarray(headerLength, headerLength + header.length));
        bytes = bytes.subarray(headerLength + header.length);
      }
      held = bytes;
    }
  }

  async #data(header: FrameHeader & { control: false }, part: Buffer, last: boolean): Promise<void> {
    this.#untold += part.length;
    if (this.#untold >= updateEvery) {
      this.sendControl(frameType.windowUpdate, numbers(0, this.#untold));
      this.#untold = 0;
    }
    const stream = this.#streams.get(header.stream);
    if (!stream) return;
    if (part.length) await stream.receive(part);
    if (last && header.flags & flagFin) stream.deliverEnd();
  }

  async #control(header: FrameHeader & { control: true }, payload: Buffer): Promise<void> {
    switch (header.type) {
      case frameType.synStream:
        return this.#open(payload.readUInt32BE(0) & 0x7fffffff, await this.#reader.read(payload.subarray(10)), header.flags);
      case frameType.synReply:
      case frameType.headers:
        await this.#reader.read(payload.subarray(4));
        return;
      case frameType.rstStream:
        this.#streams.get(payload.readUInt32BE(0) & 0x7fffffff)?.abort();
        return;
      case frameType.ping:
        // Odd numbers are the client's own; even ones answer ours.
        if (payload.readUInt32BE(0) & 1) this.sendControl(frameType.ping, payload);
        return;
      case frameType.settings:
        return this.#settings(payload);
      case frameType.windowUpdate:
        return this.#widen(payload.readUInt32BE(0) & 0x7fffffff, payload.readUInt32BE(4) & 0x7fffffff);
      default:
        return;
    }
  }

  #open(id: number, headers: Map<string, string>, flags: number): void {
    if (this.#leaving || this.#streams.size >= mostStreams) return this.sendControl(frameType.rstStream, numbers(id, resetCode.refusedStream));
    if (id % 2 === 0 || id <= this.#lastStream) throw new Error('a SPDY stream has a number that it must not have');
    this.#lastStream = id;
    const stream = new SpdyStream(this, id, headers, this.#window.sibling());
    this.#streams.set(id, stream);
    stream.once('close', () => this.#streams.delete(id));
    stream.once('aborted', () => this.#streams.delete(id));
    // Nobody may be listening when the other side has gone.
    stream.on('error', () => undefined);
    this.sendControl(frameType.synReply, Buffer.concat([numbers(id), this.#writer.write(new Map())]));
    this.#onStream(stream);
    if (flags & flagFin) stream.deliverEnd();
  }

  #settings(payload: Buffer): void {
    const initialWindow = 7;
    for (let at = 4; at + 8 <= payload.length; at += 8) {
      if (payload.readUIntBE(at + 1, 3) !== initialWindow) continue;
      this.#window.engage();
      const size = payload.readUInt32BE(at + 4);
      for (const stream of this.#streams.values()) stream.window.resize(size);
      this.#window.siblingSize = size;
    }
  }

  #widen(id: number, by: number): void {
    this.#window.engage();
    for (const stream of this.#streams.values()) stream.window.engage();
    if (id === 0) this.#window.widen(by);
    else this.#streams.get(id)?.window.widen(by);
  }

  #drained(): void {
    for (const done of this.#waiting.splice(0)) done();
  }

  #abandon(): void {
    this.#leaving = true;
    for (const stream of [...this.#streams.values()]) stream.abort();
    this.#drained();
  }
}
