/** Connections to registries: TCP, a unix socket, or whatever `dial` gives, with TLS on top. */
import { Agent, request, type ClientRequestArgs, type IncomingMessage } from 'node:http';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';

export type Dial = (target: { host: string; port: number }) => Promise<Duplex>;

export interface ConnectionOptions {
  /** PEM certificates trusted instead of the system's. */
  ca?: string | Buffer;
  /** Accept any certificate. */
  insecure?: boolean;
  /** For hosts that only this knows the way to (a proxy, another network namespace). Default: TCP. */
  dial?: Dial;
}

type Target = ClientRequestArgs & { secure?: boolean };

const connectTimeout = 20_000;

/**
 * Keeps at most 8 idle connections a host. Connections in use are not limited here but by callers: Node's agent would forget the requests
 * that wait when a connection it makes for them asynchronously fails.
 */
export class RegistryAgent extends Agent {
  readonly #options: ConnectionOptions;

  constructor(options: ConnectionOptions) {
    super({ keepAlive: true, maxFreeSockets: 8, scheduling: 'lifo' });
    this.#options = options;
  }

  override getName(target: Target): string {
    return `${target.secure ? 'https' : 'http'}:${super.getName(target)}`;
  }

  override createConnection(target: Target, done?: (error: Error | null, stream: Duplex) => void): undefined {
    this.#connect(target).then(
      (stream) => done?.(null, stream),
      (error: unknown) => done?.(error as Error, undefined as unknown as Duplex),
    );
  }

  async #connect(target: Target): Promise<Duplex> {
    const host = (target.host ?? 'localhost').replace(/^\[|\]$/g, '');
    const port = Number(target.port ?? (target.secure ? 443 : 80));
    const socket = this.#options.dial && !target.socketPath ? await this.#options.dial({ host, port }) : await plain(target.socketPath ? { path: target.socketPath } : { host, port, autoSelectFamily: true });
    if (!target.secure) return socket;
    const tls = connectTls({
      socket,
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: !this.#options.insecure,
      ...(isIP(host) === 0 && { servername: host }),
      ...(isIP(host) !== 0 && { host }),
      ...(this.#options.ca !== undefined && { ca: this.#options.ca }),
    });
    return settled(tls, 'secureConnect', `TLS with ${host}:${port}`);
  }
}

function plain(options: { path: string } | { host: string; port: number; autoSelectFamily: boolean }): Promise<Duplex> {
  return settled(connectTcp(options), 'connect', 'path' in options ? options.path : `${options.host}:${options.port}`);
}

function settled<T extends Duplex>(socket: T, event: string, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(Object.assign(new Error(`no answer from ${what} within ${connectTimeout / 1000} s`), { code: 'ETIMEDOUT' })), connectTimeout);
    const failed = (error: Error): void => {
      clearTimeout(timer);
      reject(error);
    };
    socket.once('error', failed).once(event, () => {
      clearTimeout(timer);
      socket.off('error', failed);
      resolve(socket);
    });
  });
}

/** A `dial` through an HTTP proxy (CONNECT, RFC 9110 9.3.6) that listens on a unix socket or a TCP address. */
export function dialThroughProxy(proxy: { socketPath: string } | { host: string; port: number; authorization?: string }): Dial {
  return ({ host, port }) =>
    new Promise((resolve, reject) => {
      const path = `${host.includes(':') ? `[${host}]` : host}:${port}`;
      const headers = { host: path, ...('authorization' in proxy && proxy.authorization && { 'proxy-authorization': proxy.authorization }) };
      const asked = request({ ...('socketPath' in proxy ? { socketPath: proxy.socketPath } : { host: proxy.host, port: proxy.port }), method: 'CONNECT', path, headers, agent: false, timeout: connectTimeout });
      asked.once('connect', (response: IncomingMessage, socket: Duplex, head: Buffer) => {
        (socket as Socket).setTimeout(0);
        if (response.statusCode === 200) {
          if (head.length > 0) socket.unshift(head);
          resolve(socket);
        } else {
          socket.destroy();
          reject(Object.assign(new Error(`the proxy refused a connection to ${path}: ${response.statusCode} ${response.statusMessage ?? ''}`), { code: 'EPROXY' }));
        }
      });
      asked.once('response', (response) => {
        response.resume();
        reject(new Error(`the proxy answered CONNECT with ${response.statusCode}`));
      });
      asked.once('timeout', () => asked.destroy(Object.assign(new Error('the proxy does not answer'), { code: 'ETIMEDOUT' })));
      asked.once('error', reject);
      asked.end();
    });
}
