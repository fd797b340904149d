/** Reads the server name out of the first bytes of a TLS connection (RFC 8446 section 4.1.2, RFC 6066 section 3). */

/** `more`: not all bytes are here yet. `name` is empty when the client names no server; lower case otherwise. */
export type ClientHello = { kind: 'more' } | { kind: 'name'; name: string } | { kind: 'notTls' };

/** A hello longer than this is taken for rubbish. */
export const longestHello = 16 * 1024 + 5;

const handshakeRecord = 22;
const clientHelloMessage = 1;
const serverNameExtension = 0;
const hostNameType = 0;

export function readClientHello(bytes: Buffer): ClientHello {
  if (bytes.length < 5) return bytes.length > 0 && bytes[0] !== handshakeRecord ? { kind: 'notTls' } : { kind: 'more' };
  if (bytes[0] !== handshakeRecord) return { kind: 'notTls' };
  const end = 5 + bytes.readUInt16BE(3);
  if (end > longestHello) return { kind: 'notTls' };
  if (bytes.length < end) return { kind: 'more' };
  try {
    return { kind: 'name', name: serverName(bytes.subarray(5, end)) };
  } catch {
    // Lengths that point outside of the record.
    return { kind: 'notTls' };
  }
}

function serverName(message: Buffer): string {
  if (message[0] !== clientHelloMessage) return '';
  // type 1, length 3, version 2, random 32
  let at = 38;
  at += 1 + message.readUInt8(at);
  at += 2 + message.readUInt16BE(at);
  at += 1 + message.readUInt8(at);
  if (at + 2 > message.length) return '';
  const end = at + 2 + message.readUInt16BE(at);
  at += 2;
  while (at + 4 <= end) {
    const type = message.readUInt16BE(at);
    const length = message.readUInt16BE(at + 2);
    at += 4;
    if (type === serverNameExtension && length >= 5 && message.readUInt8(at + 2) === hostNameType) {
      const size = message.readUInt16BE(at + 3);
      return message.subarray(at + 5, at + 5 + size).toString('latin1').toLowerCase();
    }
    at += length;
  }
  return '';
}
