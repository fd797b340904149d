/** Connections to pods. Where this machine's network does not lead to them, a node's agent makes them (protocol/agent.ts, `EngineChoice.dialSocket`). */
import net from 'node:net';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import { podDialVariable } from '../../../protocol/router.ts';

/** A node's socket for it, if the router was given one. */
const relay = process.env[podDialVariable];

/** No pod of an engine has such an address; what listens there is this machine's own. */
const isHere = (host: string) => host.startsWith('127.');

/** Says `connect` when there is a connection, as any socket. */
export function dialPod(host: string, port: number): net.Socket {
  if (!relay || isHere(host)) return net.connect({ host, port, noDelay: true });
  // It behaves as one in everything that is used of a socket here.
  return new RelayedConnection(relay, host, port) as unknown as net.Socket;
}

/** How an endpoint's certificate is looked at. */
export interface EndpointTls {
  /** PEM; the system's authorities where absent. */
  ca: string | undefined;
  /** Of the service; asked for by SNI. */
  serverName: string;
  /** The certificate must be for that name. Otherwise the authority vouches for the endpoint. */
  verifyName: boolean;
}

/** Says `secureConnect` when the endpoint has shown its certificate. `protocols` are offered to it. */
export function dialTls(host: string, port: number, { ca, serverName, verifyName }: EndpointTls, protocols: string[]): tls.TLSSocket {
  return tls.connect({
    ...(relay && !isHere(host) ? { socket: dialPod(host, port) } : { host, port, noDelay: true }),
    servername: serverName, ALPNProtocols: protocols, ...(ca !== undefined && { ca }), ...(!verifyName && { checkServerIdentity: () => undefined }),
  });
}

/** An answer is one short word. */
const longestAnswer = 64;

class RelayedConnection extends Duplex {
  readonly #inner: net.Socket;
  #answer = '';
  #open = false;

  constructor(path: string, host: string, port: number) {
    super({ allowHalfOpen: true });
    const inner = net.connect({ path, allowHalfOpen: true });
    this.#inner = inner;
    inner.write(`${host} ${port}\n`);
    inner.on('data', (chunk: Buffer) => this.#received(chunk));
    inner.once('end', () => (this.#open ? this.push(null) : this.destroy(refused(host, port))));
    inner.once('error', (error) => this.destroy(error));
    inner.once('close', () => this.destroy());
    inner.on('timeout', () => this.emit('timeout'));
  }

  setTimeout(milliseconds: number, listener?: () => void): this {
    this.#inner.setTimeout(milliseconds);
    if (listener) this.once('timeout', listener);
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  override _read(): void {
    if (this.#open) this.#inner.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#inner.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#inner.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#inner.destroy();
    done(error);
  }

  #received(chunk: Buffer): void {
    if (this.#open) {
      if (!this.push(chunk)) this.#inner.pause();
      return;
    }
    const text = this.#answer + chunk.toString('latin1');
    const end = text.indexOf('\n');
    if (end < 0 && text.length < longestAnswer) {
      this.#answer = text;
      return;
    }
    if (text.slice(0, end) !== 'ok') return void this.destroy(new Error('the pod cannot be reached'));
    this.#open = true;
    const rest = chunk.subarray(chunk.length - (text.length - end - 1));
    this.emit('connect');
    if (rest.length > 0) this.push(rest);
  }
}

function refused(host: string, port: number): Error {
  return Object.assign(new Error(`connect ECONNREFUSED ${host}:${port}`), { code: 'ECONNREFUSED' });
}
