/** gRPC over node:http2, as its protocol description has it (PROTOCOL-HTTP2): length-prefixed messages, the status in trailers. No code is generated: messages are plain bytes. */
import type http2 from 'node:http2';

/** One message with its prefix: not compressed, length. */
export function framed(text: string): Buffer {
  const message = Buffer.from(text);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** Whole messages at the beginning of `bytes`, and what is left. */
export function messagesOf(bytes: Buffer): { messages: string[]; rest: Buffer } {
  const messages: string[] = [];
  let rest = bytes;
  while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
    const end = 5 + rest.readUInt32BE(1);
    messages.push(rest.subarray(5, end).toString());
    rest = rest.subarray(end);
  }
  return { messages, rest };
}

/** Service `test.Echo`: `Say` answers each message at once (unary and both streams), `Fail` fails without a message. */
export function serveGrpc(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders, endpoint: number): void {
  if (!headers['content-type']?.startsWith('application/grpc')) return;
  stream.on('error', () => undefined);
  if (headers[':path'] === '/test.Echo/Fail') {
    // Trailers only: one block of fields ends the call.
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5', 'grpc-message': 'nothing here' }, { endStream: true });
    return;
  }
  stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto', 'x-te': headers.te ?? '-', 'x-endpoint': endpoint }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'well' }));
  let rest: Buffer = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    const read = messagesOf(Buffer.concat([rest, chunk]));
    rest = read.rest;
    for (const message of read.messages) stream.write(framed(`echo ${message}`));
  });
  stream.once('end', () => stream.end());
}

export interface GrpcCall {
  status: string | undefined;
  message: string | undefined;
  messages: string[];
  /** The head alone ended the call. */
  trailersOnly: boolean;
}

/** A call whose messages are sent one after the other, each when the one before was answered. */
export function call(session: http2.ClientHttp2Session, authority: string, method: string, say: readonly string[]): Promise<GrpcCall> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ':path': `/test.Echo/${method}`, ':authority': authority, 'content-type': 'application/grpc', te: 'trailers' });
    const left = [...say];
    const result: GrpcCall = { status: undefined, message: undefined, messages: [], trailersOnly: false };
    let rest: Buffer = Buffer.alloc(0);
    const next = () => {
      const message = left.shift();
      if (message === undefined) stream.end();
      else stream.write(framed(message));
    };
    const take = (fields: http2.IncomingHttpHeaders) => {
      if (fields['grpc-status'] === undefined) return;
      result.status = String(fields['grpc-status']);
      result.message = String(fields['grpc-message']);
    };
    stream.once('response', (fields, flags) => {
      take(fields);
      result.trailersOnly = (flags & 1) !== 0;
      if (fields[':status'] !== 200) reject(new Error(`status ${fields[':status']}`));
    });
    stream.on('data', (chunk: Buffer) => {
      const read = messagesOf(Buffer.concat([rest, chunk]));
      rest = read.rest;
      for (const message of read.messages) {
        result.messages.push(message);
        next();
      }
    });
    stream.on('trailers', take);
    stream.once('error', reject);
    stream.once('close', () => resolve(result));
    next();
  });
}
