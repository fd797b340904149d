/** HTTP/2 clients: a request is a stream of their connection. */
import http2 from 'node:http2';
import type { Readable } from 'node:stream';
import { clientStallMs, plainAddress, type Downstream, type DownstreamListener } from './downstream.ts';
import { addField, sayFields } from './http2-request.ts';
import { pageOf, pageHeaders, type PageStatus } from '../data-plane/pages.ts';

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = http2.constants;
/** Flag of the frame that a request came in: it has no body. */
const endStream = 1;

export class Http2Downstream implements Downstream {
  readonly method: string;
  readonly url: string;
  readonly host: string;
  readonly rawHeaders: readonly string[];
  readonly cookies: string | undefined;
  readonly secure: boolean;
  readonly http2 = true;
  readonly trailers: boolean;
  readonly client: string;
  readonly ambiguous = false;
  readonly port: number;
  readonly body: Readable | undefined;
  readonly bodyLength: number | undefined;
  readonly upgrade = undefined;
  readonly #stream: http2.ServerHttp2Stream;
  #listener: DownstreamListener | undefined;
  #trailers: readonly string[] = [];
  #empty = false;
  #ignores = false;
  #watched = false;

  constructor(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders, flags: number, raw: readonly string[], secure: boolean) {
    this.#stream = stream;
    this.method = headers[':method'] ?? 'GET';
    this.url = headers[':path'] ?? '';
    this.host = headers[':authority'] ?? headers.host ?? '';
    this.rawHeaders = withHost(raw, this.host, headers.cookie);
    this.cookies = headers.cookie;
    this.secure = secure;
    this.trailers = headers.te === 'trailers';
    const socket = stream.session?.socket;
    this.client = plainAddress(socket?.remoteAddress);
    this.port = socket?.localPort ?? 0;
    const length = headers['content-length'];
    this.bodyLength = length === undefined ? undefined : Number(length);
    this.body = (flags & endStream) === 0 ? stream : undefined;
    stream.on('error', () => undefined);
  }

  get begun(): boolean {
    return this.#stream.headersSent;
  }

  open(_timeoutMs: number, listener: DownstreamListener): void {
    const stream = this.#stream;
    this.#listener = listener;
    stream.once('close', () => listener.onGone());
    if (!this.body) return;
    this.#ignoreRest();
    this.#watch();
    stream.once('end', () => stream.setTimeout(0));
  }

  /** Cuts off a client that is silent too long. Listened to once: a long answer stalls thousands of times. */
  #watch(): void {
    const stream = this.#stream;
    if (!this.#watched) stream.on('timeout', () => {
      // Silent since nobody takes what it sends.
      if (stream.isPaused() && !stream.writableNeedDrain) stream.setTimeout(clientStallMs);
      else stream.close(NGHTTP2_CANCEL);
    });
    this.#watched = true;
    stream.setTimeout(clientStallMs);
  }

  head(status: number, _text: string, headers: string[], length: number): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    const fields: http2.OutgoingHttpHeaders = { ':status': status };
    for (let at = 0; at < headers.length; at += 2) addField(fields, (headers[at] as string).toLowerCase(), headers[at + 1] as string);
    // Without a body nothing may follow the head: gRPC calls that fail at once are told by it alone.
    const empty = length === 0 || this.method === 'HEAD' || status === 204 || status === 304;
    this.#empty = empty;
    // After a body of known length none come.
    const waitForTrailers = !empty && length < 0;
    const options = { endStream: empty, waitForTrailers, sendDate: false } as http2.ServerStreamResponseOptions;
    try {
      sayFields((said) => stream.respond(said, options), fields);
    } catch {
      // A field that HTTP/2 has no way to say.
      stream.close(NGHTTP2_INTERNAL_ERROR);
      return;
    }
    if (!waitForTrailers) return;
    stream.once('wantTrailers', () => {
      const trailers: http2.OutgoingHttpHeaders = {};
      for (let at = 0; at < this.#trailers.length; at += 2) addField(trailers, (this.#trailers[at] as string).toLowerCase(), this.#trailers[at + 1] as string);
      stream.sendTrailers(trailers);
    });
  }

  write(chunk: Buffer, last: boolean): boolean {
    const stream = this.#stream;
    if (!stream.writable) return true;
    if (last) {
      stream.end(chunk);
      return true;
    }
    if (stream.write(chunk)) return true;
    this.#watch();
    stream.once('drain', () => {
      stream.setTimeout(0);
      this.#listener?.onDrain();
    });
    return false;
  }

  end(trailers: readonly string[]): void {
    this.#trailers = trailers;
    if (!this.#empty && this.#stream.writable) this.#stream.end();
  }

  page(status: PageStatus): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    const page = pageOf(status);
    stream.respond({ ':status': status, ...lower(pageHeaders(page)) }, { endStream: this.method === 'HEAD' });
    if (this.method !== 'HEAD') stream.end(page.body);
    this.#ignoreRest();
  }

  redirect(location: string): void {
    if (this.#stream.destroyed || this.#stream.closed) return;
    this.#stream.respond({ ':status': 302, location, 'cache-control': 'no-cache' }, { endStream: true });
    this.#ignoreRest();
  }

  cut(): void {
    this.#stream.close(NGHTTP2_INTERNAL_ERROR);
  }

  /** Once the answer is whole the client may stop sending (RFC 9113 section 8.1). */
  #ignoreRest(): void {
    const stream = this.#stream;
    if (!this.body || this.#ignores) return;
    this.#ignores = true;
    stream.once('finish', () => {
      if (!stream.readableEnded) stream.close(NGHTTP2_NO_ERROR);
    });
  }
}

/** Pseudo fields are said otherwise; the authority is the host. Cookies come in pieces and go on as one (RFC 9113 section 8.2.3). */
function withHost(raw: readonly string[], host: string, cookies: string | undefined): string[] {
  const headers = cookies === undefined ? ['Host', host] : ['Host', host, 'cookie', cookies];
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as string;
    if (name.charCodeAt(0) !== 58 && name !== 'host' && name !== 'cookie') headers.push(name, raw[at + 1] as string);
  }
  return headers;
}

const lower = (headers: Record<string, string | number>) => Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
