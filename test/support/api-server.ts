/** A real API server: SQLite store in a folder of its own, HTTPS on a free port, an administrator's certificate. */
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request as httpsRequest, type Server } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock, type Clock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Client } from '../../src/client/client.ts';
import { createApiServer, type ApiServer, type ApiServerOptions } from '../../src/controlplane/kernel/apiserver/api-server.ts';
import type { RequestLogEntry } from '../../src/controlplane/kernel/apiserver/http/request-log.ts';
import type { Kind } from '../../src/controlplane/kernel/apiserver/kind.ts';
import { openSqliteStore, type SqliteStore } from '../../src/controlplane/kernel/store/sqlite/sqlite-store.ts';
import { authority, type Pair } from './certificates.ts';

export interface Reply<T = Record<string, never>> {
  status: number;
  headers: IncomingMessage['headers'];
  text: string;
  /** The body as JSON; throws if it is none. */
  readonly json: T;
}

export interface Ask {
  body?: unknown;
  headers?: Record<string, string>;
  /** `system:admin` unless a token or `nobody` is named. */
  as?: 'admin' | 'nobody' | { token: string };
}

export interface RunningApi {
  readonly url: string;
  readonly ca: string;
  readonly admin: Pair;
  readonly store: SqliteStore;
  readonly server: ApiServer;
  /** As `system:masters`. */
  readonly client: Client;
  readonly requests: RequestLogEntry[];
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- replies are looked into freely by tests
  ask<T = any>(method: string, path: string, ask?: Ask): Promise<Reply<T>>;
  /** The lines of a streamed answer, as they come; `close` ends it. */
  follow(path: string, headers?: Record<string, string>): Promise<Followed>;
  dispose(): Promise<void>;
}

export interface Followed {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** The next line as JSON; undefined at the end. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  next(): Promise<any>;
  close(): void;
}

let signed: Promise<{ ca: string; server: Pair; admin: Pair; bob: Pair }> | undefined;

/** Keys are made once a process: they are not what is tested. */
function keys() {
  signed ??= (async () => {
    const root = await authority();
    return {
      ca: root.certificate,
      server: await root.sign('CN=kubernetes', ['localhost', '127.0.0.1']),
      admin: await root.sign('CN=system:admin,O=system:masters'),
      bob: await root.sign('CN=bob,O=developers'),
    };
  })();
  return signed;
}

export async function startApi(kinds: readonly Kind[], options: Partial<ApiServerOptions> & { clock?: Clock } = {}): Promise<RunningApi> {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-api-'));
  const { ca, server: own, admin } = await keys();
  const store = await openSqliteStore({ file: path.join(folder, 'store.db') });
  const requests: RequestLogEntry[] = [];
  const api = createApiServer({
    store, kinds, clock: systemClock, log: silentLog, authorize: () => ({ allowed: false }), requests: (entry) => requests.push(entry), ...options,
  });
  const server: Server = api.listener({ key: own.key, cert: own.certificate, ca });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const agents = {
    admin: new Agent({ ca, cert: admin.certificate, key: admin.key, keepAlive: true, maxSockets: 64 }),
    nobody: new Agent({ ca, keepAlive: true }),
  };

  const open = (method: string, target: string, { body, headers = {}, as = 'admin' }: Ask): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const bytes = body === undefined ? undefined : Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
      const request = httpsRequest({
        host: '127.0.0.1', port, method, path: target, agent: as === 'admin' ? agents.admin : agents.nobody,
        headers: { 'User-Agent': 'tester/1', ...(bytes && { 'Content-Type': 'application/json', 'Content-Length': String(bytes.length) }), ...(typeof as === 'object' && { Authorization: `Bearer ${as.token}` }), ...headers },
      });
      request.once('response', resolve).once('error', reject).end(bytes);
    });

  return {
    url: `https://127.0.0.1:${port}`,
    ca,
    admin,
    store,
    server: api,
    client: api.client({ username: 'system:admin', groups: ['system:masters'] }),
    requests,
    async ask(method, target, ask = {}) {
      const response = await open(method, target, ask);
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      return {
        status: response.statusCode ?? 0,
        headers: response.headers,
        text,
        get json() {
          return JSON.parse(text) as never;
        },
      };
    },
    async follow(target, headers = {}) {
      const response = await open('GET', target, { headers });
      const lines = linesOf(response);
      return {
        status: response.statusCode ?? 0,
        headers: response.headers,
        async next() {
          const { value, done } = await lines.next();
          return done ? undefined : (JSON.parse(value) as unknown);
        },
        close: () => void response.destroy(),
      };
    },
    async dispose() {
      await api.dispose();
      for (const agent of Object.values(agents)) agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await store.dispose();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string, undefined> {
  let rest = '';
  for await (const chunk of response) {
    const parts = (rest + String(chunk)).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) if (line) yield line;
  }
  if (rest) yield rest;
  return undefined;
}
