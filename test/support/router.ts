/** A router on free ports of its own process, applications behind it, and a browser that does not resolve names. */
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { RouterEndpoint, RouterLimits, RouterReport, RouterRoute } from '../../src/protocol/router.ts';
import { Router } from '../../src/controlplane/route/router/server.ts';
import { authority, type Pair } from './certificates.ts';

export interface TestRouter {
  readonly http: number;
  readonly https: number;
  readonly reports: RouterReport[];
  readonly router: Router;
  apply(...routes: RouterRoute[]): void;
  close(): Promise<void>;
}

let fallback: Promise<Pair> | undefined;
/** Made once a process. */
export const defaultCertificate = (): Promise<Pair> => (fallback ??= authority().then((root) => root.sign('CN=default', ['*.apps.localhost'])));

export async function startRouter(limits?: Partial<RouterLimits>): Promise<TestRouter> {
  const reports: RouterReport[] = [];
  const at = { host: '127.0.0.1', port: 0 };
  const router = new Router({ type: 'configure', http: at, https: at, defaultCertificate: await defaultCertificate(), ...(limits && { limits }) }, (report) => reports.push(report));
  await router.listen();
  const ready = reports.find((report) => report.type === 'ready');
  let version = 0;
  return {
    http: ready?.http ?? 0,
    https: ready?.https ?? 0,
    reports,
    router,
    apply: (...set) => router.apply({ version: ++version, replace: true, set, remove: [] }),
    close: () => router.stop(0),
  };
}

export const endpointsAt = (...addresses: string[]): RouterEndpoint[] => addresses.map((address) => ({ address, id: Buffer.from(address).toString('hex') }));

export function routeTo(host: string, endpoints: string[], more: Partial<RouterRoute> = {}): RouterRoute {
  return {
    key: `demo/${host}${more.path ?? ''}`, host, wildcard: false, path: '', insecure: 'serve',
    backends: [{ service: 'demo/web', weight: 100, endpoints: endpointsAt(...endpoints) }],
    balance: 'random', timeoutMs: 30_000, tunnelTimeoutMs: 60_000, forwardedHeaders: 'append', ...more,
  };
}

export interface Application {
  readonly address: string;
  readonly server: http.Server;
  /** Requests seen. */
  readonly seen: http.IncomingMessage[];
  close(): Promise<void>;
}

export async function application(answer: http.RequestListener, tls?: Pair): Promise<Application> {
  const seen: http.IncomingMessage[] = [];
  const listener: http.RequestListener = (request, response) => {
    seen.push(request);
    answer(request, response);
  };
  const server = tls ? https.createServer({ cert: tls.certificate, key: tls.key }, listener) : http.createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    seen,
    close: () => (server.closeAllConnections(), new Promise<void>((resolve) => void server.close(() => resolve()))),
  };
}

export interface Page {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
  /** Subject of the certificate that was shown. */
  certificate?: string;
}

export interface BrowseOptions {
  method?: string;
  headers?: http.OutgoingHttpHeaders;
  body?: string | Buffer;
  agent?: http.Agent;
}

/** `url` names the host; the connection goes to `port` on loopback. */
export function browse(port: number, url: string, { method = 'GET', headers = {}, body, agent }: BrowseOptions = {}): Promise<Page> {
  const { protocol, hostname, pathname, search } = new URL(url);
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method, path: pathname + search, headers: { Host: hostname, ...headers }, agent: agent ?? false };
    const request = protocol === 'https:' ? https.request({ ...options, servername: hostname, rejectUnauthorized: false }) : http.request(options);
    let certificate: string | undefined;
    if (protocol === 'https:') request.once('socket', (socket) => socket.once('secureConnect', () => (certificate = (socket as TLSSocket).getPeerCertificate().subject?.CN as string | undefined)));
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString(), ...(certificate && { certificate }) }));
    });
    request.once('error', reject);
    request.end(body);
  });
}
