/** The API server put together: what it is given, what it hands out. */
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { Client } from '../../../client/client.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Disposable } from '../../../base/disposable.ts';
import type { Log } from '../../../base/log.ts';
import type { Store } from '../store/store.ts';
import { authenticator } from './authenticate.ts';
import type { Core } from './core.ts';
import { shownPath, type RequestSink } from './http/request-log.ts';
import { httpHandler, type Handler } from './http/serve.ts';
import { upgradeHandler, type UpgradeHandler } from './http/upgrade.ts';
import { impersonating } from './impersonate.ts';
import { inProcessClient } from './in-process-client.ts';
import type { Kind, UserInfo } from './kind.ts';
import { KindTable } from './kind-table.ts';
import type { HealthCheck } from './paths/health.ts';
import { Metrics } from './paths/metrics.ts';
import { pathHandler } from './paths/paths.ts';
import type { VersionInfo } from './paths/version.ts';
import type { Pipeline } from './pipeline.ts';
import type { Admission, Authorizer, TokenReviewer } from './ports.ts';
import { WatchHub } from './watch/watch-hub.ts';

export interface ApiServerOptions {
  store: Store;
  kinds: readonly Kind[];
  clock: Clock;
  log: Log;
  authorize: Authorizer;
  /** Without one, bearer tokens are refused. */
  tokens?: TokenReviewer;
  admission?: readonly Admission[];
  /** Overrides parts of `/version`. */
  version?: Partial<VersionInfo>;
  /** Named parts of `/readyz`, beside `ping`. */
  checks?: Readonly<Record<string, HealthCheck>>;
  /** Told about every HTTP request that ended. */
  requests?: RequestSink;
}

export interface ApiServer extends Disposable {
  /** For `request` events of any HTTP server. */
  readonly handle: Handler;
  /** For `upgrade` events. */
  readonly upgrade: UpgradeHandler;
  /** An HTTPS server with both in place, not yet listening. `ca` makes client certificates of that authority identities. */
  listener(tls: Pick<ServerOptions, 'key' | 'cert' | 'ca' | 'SNICallback'>): Server;
  /** Calls in this process as `user`: no JSON, no socket, the same rules. `manager` names the owner of written fields. */
  client(user: UserInfo, manager?: string): Client;
}

/** Idle connections of Go clients live 90 s; ours outlive them, so that a client never writes into one that is being closed. */
const keepAlive = 120_000;

export function createApiServer(options: ApiServerOptions): ApiServer {
  const { store, clock, log } = options;
  const kinds = new KindTable(options.kinds);
  const hub = new WatchHub(store, clock);
  const core: Core = {
    store,
    kinds,
    clock,
    log,
    authorize: options.authorize,
    admission: options.admission ?? [],
    hub,
    namespaces: kinds.find('v1', 'namespaces'),
  };
  const metrics = new Metrics(store, hub);
  const pipeline: Pipeline = { core, paths: pathHandler({ kinds, metrics, checks: { ping: () => undefined, ...options.checks }, version: options.version ?? {} }) };
  const http = { pipeline, authenticate: impersonating(authenticator(options.tokens, clock), options.authorize), metrics, requests: options.requests, shown: shownPath(kinds) };
  const handle = httpHandler(http);
  const upgrade = upgradeHandler(http);

  return {
    handle,
    upgrade,
    listener(tls) {
      const server = createServer({ ...tls, ALPNProtocols: ['http/1.1'], minVersion: 'TLSv1.2', requestCert: tls.ca !== undefined, rejectUnauthorized: false, keepAliveTimeout: keepAlive, requestTimeout: 0 }, handle);
      server.on('upgrade', upgrade);
      // A peer that breaks off its handshake is no failure of ours.
      server.on('tlsClientError', (_error, socket) => socket.destroy());
      return server;
    },
    client: (user, manager) => inProcessClient(pipeline, user, manager ?? user.username.split(':').at(-1) ?? user.username),
    dispose: () => hub.dispose(),
  };
}
