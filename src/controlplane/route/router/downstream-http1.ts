/** HTTP/1.1 clients, over node:http. */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
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
  readonly ambiguous: boolean;
  readonly port: number;
  readonly body: Readable | undefined;
  readonly bodyLength: number | undefined;
  readonly upgrade: Upgrade | undefined;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #listener: DownstreamListener | undefined;
  #idleMs = clientIdleMs;

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
    this.ambiguous = hasSeveralHosts(request.rawHeaders) || (chunked && headers['transfer-encoding']?.toLowerCase() !== 'chunked');
    this.body = !upgrade && (chunked || (this.bodyLength ?? 0) > 0) ? request : undefined;
  }

  get begun(): boolean {
    return this.#response.headersSent;
  }

  open(timeoutMs: number, listener: DownstreamListener): void {
    this.#listener = listener;
    this.#response.once('close', () => listener.onGone());
    const request = this.#request;
    const { socket } = request;
    this.#idleMs = Math.max(clientIdleMs, timeoutMs);
    if (timeoutMs > clientIdleMs) socket.setTimeout(timeoutMs);
    if (!this.body) return;
    socket.setTimeout(clientStallMs);
    request.on('timeout', () => {
      // Silent since nobody takes what it sends.
      if (request.isPaused() && !this.#response.writableNeedDrain) socket.setTimeout(clientStallMs);
      else socket.destroy();
    });
    request.once('end', () => {
      socket.setTimeout(this.#idleMs);
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
      response.socket?.setTimeout(this.#idleMs);
      this.#listener?.onDrain();
    });
    return false;
  }

  end(trailers: readonly string[]): void {
    const response = this.#response;
    if (trailers.length > 0 && response.chunkedEncoding) response.addTrailers(pairs(trailers));
    if (!response.writableEnded) response.end();
    this.#linger();
  }

  /** What the client still sends is read: closing under it would take its answer from it (RFC 9112 section 9.6). */
  #linger(): void {
    const request = this.#request;
    if (!this.body || request.complete) return;
    const { socket } = request;
    socket.destroySoon = () => void socket.end();
    socket.setTimeout(clientStallMs);
    request.resume();
  }

  page(status: PageStatus): void {
    const response = this.#response;
    if (response.destroyed) return;
    if (this.body && !this.#request.complete) response.shouldKeepAlive = false;
    this.#linger();
    const page = pageOf(status);
    // The endpoint's phrase may be there already.
    response.writeHead(status, STATUS_CODES[status], pageHeaders(page));
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

/** RFC 9112 section 3.2: neither of them counts. */
function hasSeveralHosts(raw: readonly string[]): boolean {
  let hosts = 0;
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as string;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts > 1;
}

function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) list.push([String(flat[at]), String(flat[at + 1])]);
  return list;
}
