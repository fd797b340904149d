/** One request to an endpoint as a stream of an HTTP/2 connection (RFC 9113). */
import http2 from 'node:http2';
import type { Readable } from 'node:stream';
import type { Carrier, UpstreamFailure, UpstreamRequest } from './upstream.ts';

const { HTTP2_HEADER_METHOD, HTTP2_HEADER_PATH, HTTP2_HEADER_SCHEME, HTTP2_HEADER_AUTHORITY, NGHTTP2_CANCEL, NGHTTP2_REFUSED_STREAM } = http2.constants;
/** Flag of a frame: nothing follows it. */
const endStream = 1;

export class Http2Request implements Carrier {
  #stream: http2.ClientHttp2Stream | undefined;
  #request: UpstreamRequest | undefined;
  #begun = false;
  #trailers: string[] = [];

  /** `done` is called once, after the request has heard its end. */
  constructor(session: http2.ClientHttp2Session, request: UpstreamRequest, scheme: 'http' | 'https', done: () => void) {
    this.#request = request;
    request.onCarrier(this);
    try {
      this.#stream = sayFields((fields) => session.request(fields, { endStream: request.body === undefined }), headersOf(request, scheme));
    } catch (error) {
      // The session has just ended, or a field cannot be said in HTTP/2.
      this.#fail(session.closed || session.destroyed ? 'connect' : 'broken', (error as Error).message);
      done();
      return;
    }
    this.#listen(this.#stream, request, done);
    if (request.body) upload(this.#stream, request.body, request);
  }

  resume(): void {
    this.#stream?.resume();
  }

  abort(): void {
    this.#request = undefined;
    this.#stream?.close(NGHTTP2_CANCEL);
  }

  #listen(stream: http2.ClientHttp2Stream, request: UpstreamRequest, done: () => void): void {
    stream.setTimeout(request.timeoutMs, () => {
      // A client that reads slowly is not the endpoint's fault.
      if (!stream.isPaused()) this.#fail('timeout', 'the endpoint did not answer in time');
    });
    stream.once('response', (headers, flags) => {
      this.#begun = true;
      const { ':status': status = 502, ...fields } = headers;
      try {
        this.#request?.onHead({ status, text: '', headers: flatten(fields), length: (flags & endStream) !== 0 ? 0 : lengthOf(fields) });
      } catch (error) {
        // A status or field that the client's protocol has no way to say.
        this.#fail('broken', String(error));
      }
    });
    stream.on('data', (chunk: Buffer) => {
      if (this.#request && !this.#request.onBody(chunk)) stream.pause();
    });
    stream.once('trailers', (trailers) => (this.#trailers = flatten(trailers)));
    stream.once('end', () => {
      if (!this.#begun) return;
      const ended = this.#request;
      this.#request = undefined;
      ended?.onEnd(this.#trailers);
      // It has answered without waiting for the rest of the body.
      if (!stream.writableEnded) stream.close(NGHTTP2_CANCEL);
    });
    stream.on('error', () => undefined);
    stream.once('close', () => {
      const untouched = stream.rstCode === NGHTTP2_REFUSED_STREAM || stream.id === undefined;
      this.#fail(this.#begun ? 'broken' : untouched ? 'connect' : 'lost', 'the endpoint closed the stream');
      done();
    });
  }

  #fail(kind: UpstreamFailure['kind'], message: string): void {
    const request = this.#request;
    this.#request = undefined;
    if (!request) return;
    this.#stream?.close(NGHTTP2_CANCEL);
    request.onFailure({ kind, message });
  }
}

function upload(stream: http2.ClientHttp2Stream, body: Readable, request: UpstreamRequest): void {
  const data = (chunk: Buffer) => {
    if (!stream.writable) return;
    request.onUpload(chunk.length);
    if (!stream.write(chunk)) body.pause();
  };
  const end = () => void stream.end();
  stream.on('drain', () => body.resume());
  stream.once('close', () => {
    body.off('data', data);
    body.off('end', end);
    body.resume();
  });
  body.on('data', data);
  body.once('end', end);
}

function headersOf({ method, path, headers, bodyLength, trailers }: UpstreamRequest, scheme: string): http2.OutgoingHttpHeaders {
  const made: http2.OutgoingHttpHeaders = { [HTTP2_HEADER_METHOD]: method, [HTTP2_HEADER_PATH]: path, [HTTP2_HEADER_SCHEME]: scheme };
  for (let at = 0; at < headers.length; at += 2) {
    const name = (headers[at] as string).toLowerCase();
    if (name === 'host') made[HTTP2_HEADER_AUTHORITY] = headers[at + 1] as string;
    else addField(made, name, headers[at + 1] as string);
  }
  if (bodyLength !== undefined) made['content-length'] = String(bodyLength);
  if (trailers) made.te = 'trailers';
  return made;
}

/** Several fields of one name stay several. */
export function addField(headers: http2.OutgoingHttpHeaders, name: string, value: string): void {
  const before = headers[name];
  headers[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [String(before)]), value];
}

/** `say` with these fields, and if it refuses those that stand there more than once and may not, with the first of each: so do those who read HTTP/1.1. */
export function sayFields<T>(say: (fields: http2.OutgoingHttpHeaders) => T, fields: http2.OutgoingHttpHeaders): T {
  try {
    return say(fields);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_HTTP2_HEADER_SINGLE_VALUE') throw error;
    return say(Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, Array.isArray(value) && name !== 'set-cookie' ? value[0] : value])));
  }
}

function flatten(headers: http2.IncomingHttpHeaders): string[] {
  const flat: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(':') || value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) flat.push(name, one);
  }
  return flat;
}

function lengthOf(headers: http2.IncomingHttpHeaders): number {
  const length = Number(headers['content-length'] ?? -1);
  return Number.isSafeInteger(length) ? length : -1;
}
