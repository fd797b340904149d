/** One connection to an endpoint: one request at a time, kept for the next one if the response allows it. */
import type net from 'node:net';
import type { Readable } from 'node:stream';
import { dialPod, dialTls } from './dial.ts';
import { BadResponse, ResponseParser, type ResponseHandler, type ResponseHead } from './response-parser.ts';
import { connectMs, freshMs, idleMs, type Carrier, type EndpointAddress, type UpstreamFailure, type UpstreamRequest } from './upstream.ts';

/** What the owner of connections hears. */
export interface ConnectionOwner {
  /** It may carry another request. */
  onIdle(connection: Connection): void;
  onClosed(connection: Connection): void;
}


export class Connection implements ResponseHandler, Carrier {
  readonly #owner: ConnectionOwner;
  readonly #socket: net.Socket;
  readonly #parser = new ResponseParser(this);
  #request: UpstreamRequest | undefined;
  #connected = false;
  #begun = false;
  #uploaded = true;
  #paused = false;
  #timeoutMs = 0;
  #idleSince = 0;
  #closed = false;
  #switched: ResponseHead | undefined;
  readonly #listeners: readonly [event: string, listener: (...values: unknown[]) => void][];

  constructor({ host, port, tls }: EndpointAddress, owner: ConnectionOwner) {
    this.#owner = owner;
    this.#socket = tls ? dialTls(host, port, tls, ['http/1.1']) : dialPod(host, port);
    this.#listeners = [
      [tls ? 'secureConnect' : 'connect', () => this.#opened()],
      ['data', (chunk) => this.#read(chunk as Buffer)],
      ['end', () => this.#ended()],
      ['error', (error) => this.#fail((error as Error).message)],
      ['close', () => this.#gone()],
      ['timeout', () => this.#timedOut()],
    ];
    for (const [event, listener] of this.#listeners) this.#socket.on(event, listener);
    this.#setTimeout(connectMs);
  }

  get idle(): boolean {
    return this.#request === undefined && this.#connected && !this.#closed;
  }

  /** It was used a moment ago. */
  get fresh(): boolean {
    return Date.now() - this.#idleSince <= freshMs;
  }

  /** Takes a request, at once or as soon as it is connected. */
  send(request: UpstreamRequest): void {
    this.#request = request;
    this.#begun = false;
    this.#uploaded = true;
    request.onCarrier(this);
    if (this.#connected) this.#write(request);
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }

  /** The request is no longer wanted, and the connection is in the middle of it. */
  abort(): void {
    this.#request = undefined;
    this.#socket.destroy();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Whoever is not connected yet never will be: the request goes elsewhere at once. */
  giveUpConnecting(): void {
    if (!this.#connected) this.#fail('the endpoint was removed', 'connect');
  }

  onHead(head: ResponseHead): void {
    const request = this.#request as UpstreamRequest;
    this.#begun = true;
    if (head.status === 101) this.#switched = head;
    else request.onHead(head);
  }

  onBody(chunk: Buffer): void {
    const request = this.#request;
    if (request && !request.onBody(chunk)) {
      this.#paused = true;
      this.#socket.pause();
    }
  }

  onEnd(trailers: string[]): void {
    const request = this.#request;
    this.#request = undefined;
    request?.onEnd(trailers);
  }

  #opened(): void {
    this.#connected = true;
    if (this.#request) this.#write(this.#request);
    else this.#becomeIdle();
  }

  #write(request: UpstreamRequest): void {
    this.#setTimeout(request.timeoutMs);
    this.#parser.begin(request.method, request.upgrade !== undefined);
    let head = `${request.method} ${request.path} HTTP/1.1\r\n`;
    for (let at = 0; at < request.headers.length; at += 2) head += `${request.headers[at]}: ${request.headers[at + 1]}\r\n`;
    if (request.upgrade !== undefined) head += `Connection: Upgrade\r\nUpgrade: ${request.upgrade}\r\n`;
    if (request.bodyLength !== undefined) head += `Content-Length: ${request.bodyLength}\r\n`;
    else if (request.body) head += 'Transfer-Encoding: chunked\r\n';
    this.#socket.write(`${head}\r\n`, 'latin1');
    if (request.body) this.#upload(request, request.body);
  }

  #upload(request: UpstreamRequest, body: Readable): void {
    const socket = this.#socket;
    const chunked = request.bodyLength === undefined;
    this.#uploaded = false;
    const drained = () => void body.resume();
    const done = () => {
      body.off('data', data);
      body.off('end', end);
      socket.off('drain', drained);
      socket.off('close', done);
      // Whoever has its answer early may be sending still, and read it only then.
      body.resume();
    };
    const data = (chunk: Buffer) => {
      if (this.#request !== request) return done();
      request.onUpload(chunk.length);
      if (chunked) {
        socket.cork();
        socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
        socket.write(chunk);
        socket.write('\r\n', 'latin1');
        process.nextTick(() => socket.uncork());
      } else socket.write(chunk);
      if (socket.writableNeedDrain) body.pause();
    };
    const end = () => {
      done();
      if (this.#request !== request) return;
      this.#uploaded = true;
      if (chunked) socket.write('0\r\n\r\n', 'latin1');
    };
    socket.on('drain', drained);
    socket.once('close', done);
    body.on('data', data);
    body.once('end', end);
  }

  #read(chunk: Buffer): void {
    try {
      this.#parser.execute(chunk);
    } catch (error) {
      return this.#fail(error instanceof BadResponse ? error.message : String(error), 'broken');
    }
    if (this.#switched) this.#handOver(this.#switched);
    else if (this.#request === undefined && !this.#closed) this.#becomeIdle();
  }

  #becomeIdle(): void {
    if (!this.#parser.reusable || !this.#uploaded || this.#socket.readableEnded) {
      // An application still being sent a body it did not wait for sees the connection end.
      this.#socket.destroy();
      return;
    }
    this.#setTimeout(idleMs);
    this.#idleSince = Date.now();
    this.#owner.onIdle(this);
  }

  #ended(): void {
    if (this.#request && this.#parser.finish() && this.#request === undefined) this.#socket.destroy();
    else this.#fail('the endpoint closed the connection');
  }

  #timedOut(): void {
    if (!this.#request) this.#socket.destroy();
    else if (!this.#connected) this.#fail('the endpoint does not take connections', 'connect');
    // A client that reads slowly is not the endpoint's fault.
    else if (!this.#paused) this.#fail('the endpoint did not answer in time', 'timeout');
  }

  #fail(message: string, kind?: UpstreamFailure['kind']): void {
    const request = this.#request;
    this.#request = undefined;
    this.#socket.destroy();
    request?.onFailure({ kind: kind ?? (!this.#connected ? 'connect' : this.#begun ? 'broken' : 'lost'), message });
  }

  #gone(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#fail('the connection was closed');
    this.#owner.onClosed(this);
  }

  #setTimeout(ms: number): void {
    if (this.#timeoutMs === ms) return;
    this.#timeoutMs = ms;
    this.#socket.setTimeout(ms);
  }

  /** The socket is the requester's from here on. */
  #handOver(head: ResponseHead): void {
    const request = this.#request;
    this.#request = undefined;
    this.#closed = true;
    for (const [event, listener] of this.#listeners) this.#socket.off(event, listener);
    this.#socket.setTimeout(0);
    this.#socket.pause();
    const rest = this.#parser.takeRest();
    if (rest.length > 0) this.#socket.unshift(rest);
    this.#owner.onClosed(this);
    if (request) request.onUpgrade(head, this.#socket);
    else this.#socket.destroy();
  }
}
