/** A cluster of one resource (config maps) over real HTTPS, that can forget its past and cut its connections. */
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ConfigMap } from '../../src/api/kinds/core.ts';
import { expired, notFound, StatusError } from '../../src/api/status.ts';
import { authority, type Pair } from './certificates.ts';

export interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
  /** Common name of the client's certificate. */
  certificate: string | undefined;
}

export interface TinyCluster {
  server: string;
  ca: string;
  client: Pair;
  seen: Seen[];
  /** Answers before the cluster itself does; true: answered. */
  intercept: ((request: Seen, response: ServerResponse) => boolean) | undefined;
  readonly watchers: number;
  put(name: string, value: string): ConfigMap;
  remove(name: string): void;
  /** Sends watchers a revision without a change. */
  bookmark(): void;
  /** Everything before now is compacted. */
  forget(): void;
  /** Breaks open watches in the middle (`destroy`) or ends them in order (`end`). */
  cut(how: 'destroy' | 'end'): void;
  /** Resolves when `count` watches are open. */
  watched(count: number): Promise<void>;
  dispose(): Promise<void>;
}

const path = '/api/v1/namespaces/demo/configmaps';

export async function tinyCluster(listen?: (server: Server) => Promise<void>): Promise<TinyCluster> {
  const ca = await authority();
  const own = await ca.sign('CN=kubernetes', ['localhost', '127.0.0.1', 'kubernetes.default.svc']);
  const client = await ca.sign('CN=system:admin');
  const objects = new Map<string, ConfigMap>();
  const history: { revision: number; type: string; object: ConfigMap }[] = [];
  const watches = new Set<ServerResponse>();
  const waiting: { count: number; resolve(): void }[] = [];
  const seen: Seen[] = [];
  let revision = 10;
  let oldest = 10;

  const line = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`;
  const tell = (type: string, object: ConfigMap) => {
    history.push({ revision, type, object });
    for (const watch of watches) watch.write(line(type, object));
  };
  const json = (response: ServerResponse, code: number, body: unknown) => {
    response.writeHead(code, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  };

  const answer = (request: Seen, response: ServerResponse) => {
    const url = new URL(request.url, 'https://x');
    const query = url.searchParams;
    if (url.pathname !== path && !url.pathname.startsWith(`${path}/`)) return response.writeHead(404, { 'Content-Type': 'text/plain' }).end('404 page not found\n');
    const name = url.pathname.slice(path.length + 1);
    if (name) {
      const found = objects.get(name);
      return found ? json(response, 200, found) : json(response, 404, notFound({ group: '', plural: 'configmaps' }, name).status);
    }
    if (request.method === 'POST') return json(response, 201, { ...JSON.parse(request.body), posted: true });
    if (!query.get('watch')) {
      // Items of a list carry no type of their own, as on a real server.
      const all = [...objects.values()].map(({ metadata, data }) => ({ metadata, data }));
      const start = Number(query.get('continue') ?? 0);
      const end = start + Number(query.get('limit') ?? all.length);
      const next = end < all.length ? { continue: String(end) } : {};
      return json(response, 200, { apiVersion: 'v1', kind: 'ConfigMapList', metadata: { resourceVersion: String(revision), ...next }, items: all.slice(start, end) });
    }
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.flushHeaders();
    const since = Number(query.get('resourceVersion'));
    if (since < oldest) return response.end(line('ERROR', expired().status));
    for (const event of history) if (event.revision > since) response.write(line(event.type, event.object));
    watches.add(response);
    response.on('close', () => watches.delete(response));
    for (const one of waiting) if (watches.size >= one.count) one.resolve();
  };

  const server = createServer({ cert: own.certificate, key: own.key, ca: ca.certificate, requestCert: true, rejectUnauthorized: false }, (incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const request: Seen = {
        method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers, body: Buffer.concat(chunks).toString(),
        certificate: (incoming.socket as TLSSocket).getPeerCertificate().subject?.CN as string | undefined,
      };
      seen.push(request);
      try {
        if (!cluster.intercept?.(request, response)) answer(request, response);
      } catch (error) {
        json(response, 500, new StatusError(500, 'InternalError', String(error)).status);
      }
    });
  });
  await (listen?.(server) ?? new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  const address = server.address();

  const cluster: TinyCluster = {
    server: typeof address === 'string' ? 'https://kubernetes.default.svc' : `https://localhost:${(address as AddressInfo).port}`,
    ca: ca.certificate,
    client,
    seen,
    intercept: undefined,
    get watchers() {
      return watches.size;
    },
    put(name, value) {
      revision++;
      const before = objects.get(name);
      const metadata = { name, namespace: 'demo', uid: before?.metadata.uid ?? `uid-${name}-${revision}`, resourceVersion: String(revision) };
      const object: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { value } };
      objects.set(name, object);
      tell(before ? 'MODIFIED' : 'ADDED', object);
      return object;
    },
    remove(name) {
      const last = objects.get(name);
      if (!last) return;
      revision++;
      objects.delete(name);
      tell('DELETED', { ...last, metadata: { ...last.metadata, resourceVersion: String(revision) } });
    },
    bookmark() {
      for (const watch of watches) watch.write(line('BOOKMARK', { kind: 'ConfigMap', apiVersion: 'v1', metadata: { resourceVersion: String(revision) } }));
    },
    forget() {
      oldest = revision;
    },
    cut(how) {
      for (const watch of watches) if (how === 'end') watch.end(); else watch.destroy();
      watches.clear();
    },
    watched: (count) => (watches.size >= count ? Promise.resolve() : new Promise((resolve) => waiting.push({ count, resolve }))),
    async dispose() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return cluster;
}
