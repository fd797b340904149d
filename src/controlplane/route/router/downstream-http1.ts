/** HTTP/1.1 clients, over node:http. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { clientIdleMs, clientStallMs, plainAddress, type Downstream, type DownstreamListener, type Upgrade } from './downstream.ts';
import { pageOf, pageHeaders, type PageStatus } from '../data-plane/pages.ts';

/** Largest body that leaves in one write with its head. */
const largestJoined = 16 * 1024;

export class Http1Downstream implements Downstream {
  readonly method: string;
  readonly url: string;
  readonly host: string;
  readonly rawHeaders: readonly string[];
  readonly cookies: string | undefined;
  readonly secure: boolean;
  readonly http2 = false;
  readonly trailers: boolean;
  readonly client: string;
  readonly port: number;
  readonly body: Readable | undefined;
  readonly bodyLength: number | undefined;
  readonly upgrade: Upgrade | undefined;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #listener: DownstreamListener | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, secure: boolean, upgrade?: Upgrade) {
    const { headers, socket } = request;
    this.#request = request;
    this.#response = response;
    this.method = request.method ?? 'GET';
    this.url = request.url ?? '/';
    this.host = headers.host ?? '';
    this.rawHeaders = request.rawHeaders;
    this.cookies = headers.cookie;
    this.secure = secure;
    this.trailers = headers.te !== undefined && /\btrailers\b/i.test(String(headers.te));
    this.client = plainAddress(socket.remoteAddress);
    this.port = socket.localPort ?? 0;
    this.upgrade = upgrade;
    const chunked = headers['transfer-encoding'] !== undefined;
    const length = headers['content-length'];
    this.bodyLength = upgrade || chunked || length === undefined ? undefined : Number(length);
    this.body = !upgrade && (chunked || (this.bodyLength ?? 0) > 0) ? request : undefined;
  }

  get begun(): boolean {
    return this.#response.headersSent;
  }

  open(timeoutMs: number, listener: DownstreamListener): void {
    this.#listener = listener;
    this.#response.once('close', () => listener.onGone());
    const { socket } = this.#request;
    if (timeoutMs > clientIdleMs) socket.setTimeout(timeoutMs);
    if (!this.body) return;
    socket.setTimeout(clientStallMs);
    this.#request.once('end', () => {
      socket.setTimeout(Math.max(clientIdleMs, timeoutMs));
    });
  }

  head(status: number, text: string, headers: string[]): void {
    const response = this.#response;
    response.sendDate = false;
    if (text === '') response.writeHead(status, headers);
    else response.writeHead(status, text, headers);
  }

  write(chunk: Buffer, last: boolean): boolean {
    const response = this.#response;
    if (last && chunk.length <= largestJoined) {
      // Head and body leave in one write: half of the system calls of a small response.
      response.end(chunk.toString('latin1'), 'latin1');
      return true;
    }
    if (response.write(chunk)) return true;
    // Without a listener of its own a timeout destroys the socket.
    response.socket?.setTimeout(clientStallMs);
    response.once('drain', () => {
      response.socket?.setTimeout(clientIdleMs);
      this.#listener?.onDrain();
    });
    return false;
  }

  end(trailers: readonly string[]): void {
    const response = this.#response;
    if (trailers.length > 0 && response.chunkedEncoding) response.addTrailers(pairs(trailers));
    if (!response.writableEnded) response.end();
  }

  page(status: PageStatus): void {
    const response = this.#response;
    if (response.destroyed) return;
    if (this.body && !this.#request.complete) {
      response.shouldKeepAlive = false;
      this.#request.resume();
    }
    const page = pageOf(status);
    response.writeHead(status, pageHeaders(page));
    response.end(page.body);
  }

  redirect(location: string): void {
    this.#response.writeHead(302, { Location: location, 'Content-Length': 0, 'Cache-Control': 'no-cache' });
    this.#response.end();
    this.#request.resume();
  }

  cut(): void {
    this.#response.destroy();
    this.#request.socket.destroy();
  }

  /** For what comes after a switch of protocols: the socket is the caller's from here on. */
  detach(): void {
    if (this.upgrade) this.#response.detachSocket(this.upgrade.socket);
  }
}

function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) list.push([String(flat[at]), String(flat[at + 1])]);
  return list;
}
