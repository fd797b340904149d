/** Ways to a cluster that lead through an HTTP proxy (RFC 9110, CONNECT). */
import { request } from 'node:http';
import { Agent, request as secureRequest, type AgentOptions, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect, type ConnectionOptions } from 'node:tls';
import type { Agents, TransportOptions } from './transport.ts';

const connectMs = 30_000;

/** The proxy for `server`: the kubeconfig's, else the environment's. Never for this machine. */
export function proxyFor(server: URL, configured: string | undefined, environment: NodeJS.ProcessEnv = process.env): URL | undefined {
  if (configured) return new URL(configured);
  const value = (name: string) => environment[name] ?? environment[name.toUpperCase()];
  const proxy = value(server.protocol === 'https:' ? 'https_proxy' : 'http_proxy');
  const host = server.hostname.replace(/^\[|\]$/g, '');
  if (!proxy || host === 'localhost' || host.startsWith('127.') || host === '::1') return undefined;
  const direct = (value('no_proxy') ?? '').split(',').map((one) => one.trim().replace(/^\*?\.?/, '')).filter((one) => one !== '');
  if ((value('no_proxy') ?? '').trim() === '*' || direct.some((one) => host === one || host.endsWith(`.${one}`) || `${host}:${server.port || 443}` === one)) return undefined;
  return URL.canParse(proxy) ? new URL(proxy) : undefined;
}

export function throughProxy(proxy: URL): NonNullable<TransportOptions['agents']> {
  if (!/^https?:$/.test(proxy.protocol)) throw new Error(`the proxy ${proxy.protocol}//${proxy.host} of the kubeconfig is of a kind that is not supported: use an http or https proxy`);
  return ({ maxSockets, tls }): Agents => ({
    requests: new TunnelAgent(proxy, { ...tls, keepAlive: true, maxSockets, scheduling: 'lifo' }),
    streams: new TunnelAgent(proxy, { ...tls, keepAlive: true, maxFreeSockets: 0 }),
  });
}

class TunnelAgent extends Agent {
  readonly #proxy: URL;

  constructor(proxy: URL, options: AgentOptions) {
    super(options);
    this.#proxy = proxy;
  }

  override createConnection(options: RequestOptions, done: (error: Error | null, socket: Duplex) => void = () => undefined): undefined {
    const { host, port } = options;
    const target = `${host?.includes(':') ? `[${host}]` : host}:${port}`;
    const { username, password } = this.#proxy;
    const authorization = username ? { 'Proxy-Authorization': `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}` } : {};
    const make = this.#proxy.protocol === 'https:' ? secureRequest : request;
    const asking = make(this.#proxy, { method: 'CONNECT', path: target, headers: { Host: target, ...authorization }, timeout: connectMs, agent: false });
    const fail = (error: Error) => done(error, undefined as unknown as Duplex);
    asking.once('connect', (response, socket) => {
      if (response.statusCode === 200) return done(null, tlsConnect({ ...(options as ConnectionOptions), socket }));
      socket.destroy();
      fail(new Error(`the proxy ${this.#proxy.host} refused the connection to ${target} (${response.statusCode})`));
    });
    asking.once('timeout', () => asking.destroy(new Error(`the proxy ${this.#proxy.host} did not answer within ${connectMs / 1000} s`)));
    asking.once('error', fail);
    asking.end();
    return undefined;
  }
}
