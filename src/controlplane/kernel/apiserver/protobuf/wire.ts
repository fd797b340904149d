/** The protobuf wire format (encoding specification, "Message Structure"): just enough to read proto2 messages. */

/** The bytes are not a well-formed message. */
export class WireError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'WireError';
  }
}

export type WireValue = number | Buffer;

/** Calls `each` for every field: a number for varints, the raw bytes for everything else. Groups are refused, as Kubernetes has none. */
export function readFields(bytes: Buffer, each: (field: number, value: WireValue, wireType: number) => void): void {
  const reader = new Reader(bytes);
  while (!reader.done) {
    const key = reader.varint();
    const wireType = key & 7;
    each(Math.floor(key / 8), reader.value(wireType), wireType);
  }
}

/** Varints packed into one length-delimited field (`[packed=true]`); unpacked ones arrive field by field. */
export function readPacked(bytes: Buffer): number[] {
  const reader = new Reader(bytes);
  const values: number[] = [];
  while (!reader.done) values.push(reader.varint());
  return values;
}

class Reader {
  #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  value(wireType: number): WireValue {
    if (wireType === 0) return this.varint();
    if (wireType === 1) return this.#take(8);
    if (wireType === 2) return this.#take(this.varint());
    if (wireType === 5) return this.#take(4);
    throw new WireError(`wire type ${wireType} is not supported`);
  }

  /** A 64-bit two's complement number; beyond 2^53 its low bits are lost, which no API field reaches. */
  varint(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new WireError('unexpected end of the message');
      const bits = byte & 0x7f;
      if (shift < 28) low += bits * 2 ** shift;
      else high += bits * 2 ** (shift - 28);
      if (byte < 0x80) return high < 2 ** 35 ? low + high * 2 ** 28 : low + (high - 2 ** 36) * 2 ** 28;
    }
    throw new WireError('a number is longer than ten bytes');
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (!(length >= 0) || end > this.#bytes.length) throw new WireError('unexpected end of the message');
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }
}
