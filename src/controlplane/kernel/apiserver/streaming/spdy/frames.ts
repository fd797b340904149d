/** Frames of SPDY/3.1 (sections 2.2 and 2.6). */

export const frameType = { synStream: 1, synReply: 2, rstStream: 3, settings: 4, ping: 6, goAway: 7, headers: 8, windowUpdate: 9 } as const;
export const resetCode = { protocolError: 1, invalidStream: 2, refusedStream: 3, cancel: 5, internalError: 6 } as const;
export const flagFin = 1;
export const headerLength = 8;
/** A control frame over this size breaks the connection; data frames are handed on piece by piece, whatever their size. */
export const largestControlFrame = 64 * 1024;

export type FrameHeader =
  | { control: true; type: number; flags: number; length: number }
  | { control: false; stream: number; flags: number; length: number };

export function readHeader(bytes: Buffer): FrameHeader {
  const flags = bytes.readUInt8(4);
  const length = bytes.readUIntBE(5, 3);
  const first = bytes.readUInt32BE(0);
  if (first >>> 31) return { control: true, type: first & 0xffff, flags, length };
  return { control: false, stream: first & 0x7fffffff, flags, length };
}

export function controlFrame(type: number, payload: Buffer): Buffer {
  const frame = Buffer.alloc(headerLength + payload.length);
  frame.writeUInt16BE(0x8003, 0);
  frame.writeUInt16BE(type, 2);
  frame.writeUIntBE(payload.length, 5, 3);
  payload.copy(frame, headerLength);
  return frame;
}

export function dataFrame(stream: number, payload: Buffer, flags = 0): Buffer {
  const frame = Buffer.allocUnsafe(headerLength + payload.length);
  frame.writeUInt32BE(stream, 0);
  frame.writeUInt8(flags, 4);
  frame.writeUIntBE(payload.length, 5, 3);
  payload.copy(frame, headerLength);
  return frame;
}

/** Payloads that are nothing but 32-bit numbers. */
export function numbers(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeUInt32BE(value >>> 0, index * 4));
  return bytes;
}
