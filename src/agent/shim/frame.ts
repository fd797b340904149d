/** Frames of protocol/agent.ts: one byte channel, four bytes big-endian length, payload. */
import { maxFrame } from '../../protocol/agent.ts';

/** `payload` as one frame or several. */
export function encodeFrames(channel: number, payload: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at === 0 || at < payload.length; at += maxFrame) {
    const part = payload.subarray(at, at + maxFrame);
    const head = Buffer.allocUnsafe(5);
    head[0] = channel;
    head.writeUInt32BE(part.length, 1);
    parts.push(head, part);
  }
  return Buffer.concat(parts);
}

/** Throws on a frame over `maxFrame`; holds at most one incomplete frame. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);
  readonly #each: (channel: number, payload: Buffer) => void;

  constructor(each: (channel: number, payload: Buffer) => void) {
    this.#each = each;
  }

  push(chunk: Buffer): void {
    let data = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    while (data.length >= 5) {
      const length = data.readUInt32BE(1);
      if (length > maxFrame) throw new RangeError(`a frame of ${length} bytes is over the limit of ${maxFrame}`);
      if (data.length < 5 + length) break;
      this.#each(data[0]!, data.subarray(5, 5 + length));
      data = data.subarray(5 + length);
    }
    this.#rest = Buffer.from(data);
  }
}
