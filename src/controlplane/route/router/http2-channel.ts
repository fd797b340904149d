/** HTTP/2 to one endpoint: many requests over few connections. Whether an endpoint behind TLS speaks it turns out with the first one. */
import http2 from 'node:http2';
import type net from 'node:net';
import type { TLSSocket } from 'node:tls';
import { dialPod, dialTls } from './dial.ts';
import { Http2Request } from './http2-request.ts';
import { connectMs, idleMs, type EndpointAddress, type UpstreamRequest } from './upstream.ts';

/** Above it requests wait for one to end. */
const mostSessions = 8;
const usualStreams = 100;
/** Bytes that may be under way to us for one request, for all of a session. */
const streamWindow = 256 * 1024;
const sessionWindow = 4 * 1024 * 1024;

export interface ChannelOwner {
  /** The endpoint chose HTTP/1.1: these requests are for it to send. */
  onHttp1(requests: readonly UpstreamRequest[]): void;
}

interface Session {
  inner: http2.ClientHttp2Session;
  streams: number;
  closing: boolean;
}

export class Http2Channel {
  readonly #address: EndpointAddress;
  readonly #owner: ChannelOwner;
  readonly #sessions = new Set<Session>();
  readonly #opening = new Set<net.Socket>();
  /** Bounded by whoever dispatches: `requestsPerEndpoint`. */
  #waiting: UpstreamRequest[] = [];
  #retired = false;

  constructor(address: EndpointAddress, owner: ChannelOwner) {
    this.#address = address;
    this.#owner = owner;
  }

  dispatch(request: UpstreamRequest): void {
    for (const session of this.#sessions) if (!session.closing && session.streams < mostStreams(session.inner)) return this.#send(session, request);
    this.#waiting.push(request);
    if (this.#opening.size === 0 && this.#sessions.size < mostSessions) this.#open();
  }

  withdraw(request: UpstreamRequest): void {
    const at = this.#waiting.indexOf(request);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  /** What is under way ends in peace, what waits goes elsewhere. */
  retire(): void {
    this.#retired = true;
    for (const socket of this.#opening) socket.destroy();
    for (const session of this.#sessions) session.inner.close();
    this.#fail('the endpoint was removed');
  }

  destroy(): void {
    this.retire();
    for (const session of this.#sessions) session.inner.destroy();
  }

  #open(): void {
    const { host, port, tls } = this.#address;
    const socket = tls ? dialTls(host, port, tls, ['h2', 'http/1.1']) : dialPod(host, port);
    this.#opening.add(socket);
    const over = (message: string) => {
      if (!this.#opening.delete(socket)) return;
      socket.destroy();
      this.#fail(message);
    };
    socket.setTimeout(connectMs, () => over('the endpoint does not take connections'));
    socket.once('error', (error) => over(error.message));
    socket.once('close', () => over('the connection was closed'));
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      if (!this.#opening.delete(socket)) return;
      socket.setTimeout(0);
      if (!tls || (socket as TLSSocket).alpnProtocol === 'h2') return this.#begin(socket, tls ? 'https' : 'http');
      socket.destroy();
      this.#owner.onHttp1(this.#waiting.splice(0));
    });
  }

  #begin(socket: net.Socket, scheme: 'http' | 'https'): void {
    const inner = http2.connect(`${scheme}://endpoint`, { createConnection: () => socket, settings: { enablePush: false, initialWindowSize: streamWindow } });
    const session: Session = { inner, streams: 0, closing: false };
    this.#sessions.add(session);
    inner.once('connect', () => inner.setLocalWindowSize(sessionWindow));
    inner.once('goaway', () => (session.closing = true));
    inner.on('error', () => (session.closing = true));
    inner.setTimeout(idleMs, () => {
      if (session.streams === 0) inner.close();
    });
    inner.once('close', () => {
      session.closing = true;
      this.#sessions.delete(session);
      if (this.#waiting.length > 0 && this.#opening.size === 0 && !this.#retired) this.#open();
    });
    this.#serveWaiting(session);
  }

  #send(session: Session, request: UpstreamRequest): void {
    session.streams += 1;
    new Http2Request(session.inner, request, this.#address.tls ? 'https' : 'http', () => {
      session.streams -= 1;
      if (this.#retired && session.streams === 0) session.inner.close();
      else this.#serveWaiting(session);
    });
  }

  #serveWaiting(session: Session): void {
    while (this.#waiting.length > 0 && !session.closing && session.streams < mostStreams(session.inner)) this.#send(session, this.#waiting.shift() as UpstreamRequest);
    if (this.#waiting.length > 0 && this.#opening.size === 0 && this.#sessions.size < mostSessions && !this.#retired) this.#open();
  }

  #fail(message: string): void {
    for (const request of this.#waiting.splice(0)) request.onFailure({ kind: 'connect', message });
  }
}

function mostStreams(session: http2.ClientHttp2Session): number {
  return Math.min(usualStreams, (session.remoteSettings as http2.Settings | undefined)?.maxConcurrentStreams ?? usualStreams);
}
