/** How a server is reached and as whom: shared by REST calls, watches and streams. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { StatusError } from '../api/status.ts';
import type { Disposable } from '../base/disposable.ts';

export interface Credentials {
  token?: string | undefined;
  basic?: { username: string; password: string } | undefined;
  /** PEM; both or none. */
  certificate?: string | undefined;
  key?: string | undefined;
}

/** Credentials that change while a connection lives: a token file, an exec plugin. */
export interface CredentialSource {
  current(): Promise<Credentials>;
  /** The server answered 401. True if `current` may now give other credentials, so that one more try makes sense. */
  refused(): boolean;
}

export interface TransportOptions {
  /** `https://host:port`, optionally with a path prefix; `http:` only for a local proxy. */
  server: string;
  /** PEM; the system's authorities if absent. */
  ca?: string | undefined;
  certificate?: string | undefined;
  key?: string | undefined;
  token?: string | undefined;
  credentials?: CredentialSource | undefined;
  /** A unix socket that carries the same TLS; the host in `server` (or `serverName`) is still what the certificate must name. */
  socketPath?: string | undefined;
  serverName?: string | undefined;
  insecureSkipVerify?: boolean | undefined;
  /** Extra headers, e.g. impersonation. */
  headers?: Record<string, string | string[]> | undefined;
  userAgent?: string | undefined;
  /** Connections for short requests; further ones wait for a free connection. Default 16. Watches and streams are not counted. */
  maxSockets?: number | undefined;
  /** Makes the agents instead, e.g. to go through a proxy. */
  agents?: ((options: AgentOptions) => Agents) | undefined;
}

export interface AgentOptions {
  secure: boolean;
  maxSockets: number;
  tls: { ca?: string; cert?: string; key?: string; servername?: string; rejectUnauthorized: boolean };
  socketPath?: string | undefined;
}

export interface Agents {
  requests: HttpAgent;
  streams: HttpAgent;
}

export interface Transport extends Disposable {
  readonly server: URL;
  /** True for loopback and unix sockets, where compression only costs time. */
  readonly local: boolean;
  url(path: string): string;
  open(): Promise<Agents & { headers: Record<string, string | string[]> }>;
  /** See `CredentialSource.refused`. */
  refused(): boolean;
}

/** Watches and streams open at once through one transport; what comes after waits. Far above what a UI or agent opens. */
const maxStreams = 512;

export function transport(options: TransportOptions): Transport {
  const server = new URL(options.server);
  const prefix = server.pathname.replace(/\/+$/, '');
  const fixed: Credentials = { token: options.token, certificate: options.certificate, key: options.key };
  let made: { certificate: string | undefined; agents: Agents } | undefined;

  const agentsFor = (credentials: Credentials): Agents => {
    if (made && made.certificate === credentials.certificate) return made.agents;
    // Requests in flight keep their sockets: only idle ones of the old identity are let go.
    if (made) for (const agent of [made.agents.requests, made.agents.streams]) agent.maxFreeSockets = 0;
    const make = options.agents ?? directAgents;
    const agents = make({
      secure: server.protocol === 'https:',
      maxSockets: options.maxSockets ?? 16,
      socketPath: options.socketPath,
      tls: {
        ...(options.ca && { ca: options.ca }),
        ...(credentials.certificate && credentials.key && { cert: credentials.certificate, key: credentials.key }),
        ...serverName(options.serverName ?? hostOf(server)),
        rejectUnauthorized: !options.insecureSkipVerify,
      },
    });
    made = { certificate: credentials.certificate, agents };
    return agents;
  };

  return {
    server,
    local: options.socketPath !== undefined || isLoopback(hostOf(server)),
    url: (path) => `${server.origin}${prefix}${path}`,
    async open() {
      const credentials = options.credentials ? { ...fixed, ...(await given(options.credentials)) } : fixed;
      return {
        ...agentsFor(credentials),
        headers: { 'User-Agent': options.userAgent ?? 'slipway', ...authorization(credentials), ...options.headers },
      };
    },
    refused: () => options.credentials?.refused() ?? false,
    dispose() {
      made?.agents.requests.destroy();
      made?.agents.streams.destroy();
    },
  };
}

/** Without credentials there is nobody to be: the same to callers as being refused, with the reason. */
async function given(source: CredentialSource): Promise<Credentials> {
  try {
    return await source.current();
  } catch (error) {
    throw new StatusError(401, 'Unauthorized', error instanceof Error ? error.message : String(error));
  }
}

export function directAgents({ secure, maxSockets, tls, socketPath }: AgentOptions): Agents {
  const common = { keepAlive: true, scheduling: 'lifo' as const, ...(socketPath && { socketPath }) };
  const make = (limits: { maxSockets: number; maxFreeSockets: number }) =>
    secure ? new HttpsAgent({ ...common, ...limits, ...tls }) : new HttpAgent({ ...common, ...limits });
  return { requests: make({ maxSockets, maxFreeSockets: maxSockets }), streams: make({ maxSockets: maxStreams, maxFreeSockets: 0 }) };
}

function authorization({ token, basic }: Credentials): Record<string, string> {
  if (token) return { Authorization: `Bearer ${token}` };
  if (basic) return { Authorization: `Basic ${Buffer.from(`${basic.username}:${basic.password}`).toString('base64')}` };
  return {};
}

/** TLS forbids an IP address as server name; the certificate is then checked against the address itself. */
function serverName(host: string): { servername?: string } {
  return /^[\d.]+$|:/.test(host) ? { servername: '' } : { servername: host };
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.') || host.endsWith('.localhost');
}
