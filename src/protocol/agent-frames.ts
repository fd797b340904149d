/** The frames of agent.ts: one byte channel, four bytes big-endian length, payload. */
import { maxFrame } from './agent.ts';

const headSize = 5;

/** `payload` as as many frames as it needs; an empty one is one frame. */
export function frames(channel: number, payload: Uint8Array): Buffer {
  const count = Math.max(1, Math.ceil(payload.length / maxFrame));
  const out = Buffer.allocUnsafe(payload.length + count * headSize);
  let at = 0;
  for (let index = 0; index < count; index++) {
    const part = payload.subarray(index * maxFrame, (index + 1) * maxFrame);
    out[at] = channel;
    out.writeUInt32BE(part.length, at + 1);
    out.set(part, at + headSize);
    at += headSize + part.length;
  }
  return out;
}

export const jsonFrame = (channel: number, value: unknown): Buffer => frames(channel, Buffer.from(JSON.stringify(value)));

/** Calls `each` for every whole frame pushed; keeps at most one unfinished frame. Throws on one that is too long. */
export function frameReader(each: (channel: number, payload: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let at = 0;
    while (bytes.length - at >= headSize) {
      const length = bytes.readUInt32BE(at + 1);
      if (length > maxFrame) throw new RangeError(`a frame of ${length} bytes is longer than ${maxFrame}`);
      if (bytes.length - at < headSize + length) break;
      each(bytes[at] ?? 0, bytes.subarray(at + headSize, at + headSize + length));
      at += headSize + length;
    }
    // A copy, so that a few bytes do not keep a whole chunk alive.
    rest = Buffer.from(bytes.subarray(at));
  };
}
