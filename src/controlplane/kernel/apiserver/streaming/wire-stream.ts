import { Duplex } from 'node:stream';

/** Bytes one stream may hold for a reader, or for the connection, before its sender is held back. */
const streamBuffer = 128 * 1024;
/** Larger writes are cut into frames of this size, so that streams of one connection take turns. */
const largestFrame = 32 * 1024;

/**
 * One logical stream of a multiplexed connection. Losing the connection (or the peer's reset) aborts it: the reader gets what had arrived and then
 * the end, writes are discarded, so that whatever is piped through comes to its own end. `aborted` is emitted once for those who want to stop sooner.
 */
export abstract class WireStream extends Duplex {
  #aborted = false;
  #pendingWrite: (() => void) | undefined;

  constructor() {
    super({ readableHighWaterMark: streamBuffer, writableHighWaterMark: streamBuffer, emitClose: true });
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  /** Hands one frame to the connection and calls `done` when it will take another. */
  protected abstract transmit(frame: Buffer, done: () => void): void;
  /** Tells the peer that nothing more follows. */
  protected abstract transmitEnd(): void;
  /** The reader has room again. */
  protected abstract onRoom(): void;

  /** Gives bytes that arrived to the reader; false when it wants no more for now. */
  deliver(bytes: Buffer): boolean {
    if (this.#aborted || this.destroyed || this.readableEnded) return true;
    return this.push(bytes);
  }

  deliverEnd(): void {
    if (!this.#aborted && !this.destroyed) this.push(null);
  }

  abort(): void {
    if (this.#aborted) return;
    if (!this.destroyed) this.push(null);
    this.#aborted = true;
    this.onRoom();
    this.#releaseWrite();
    this.emit('aborted');
  }

  override _read(): void {
    this.onRoom();
  }

  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    this.#transmitFrom(chunk, 0, callback);
  }

  override _final(callback: () => void): void {
    if (!this.#aborted) this.transmitEnd();
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#releaseWrite();
    this.onRoom();
    callback(error);
  }

  #transmitFrom(chunk: Buffer, start: number, callback: () => void): void {
    if (this.#aborted || start >= chunk.length) return callback();
    let called = false;
    const next = () => {
      if (called) return;
      called = true;
      this.#pendingWrite = undefined;
      this.#transmitFrom(chunk, start + largestFrame, callback);
    };
    this.#pendingWrite = next;
    this.transmit(chunk.subarray(start, start + largestFrame), next);
  }

  #releaseWrite(): void {
    this.#pendingWrite?.();
  }
}
