/** Serves protocol/agent.ts on the agent's unix socket. */
import { chmod, mkdir, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import path from 'node:path';
import { pipeline, Readable, type Duplex } from 'node:stream';
import { internalError, notFound, StatusError } from '../../api/status.ts';
import { pods, type Pod } from '../../api/kinds/core.ts';
import type { Clock } from '../../base/clock.ts';
import type { Disposable } from '../../base/disposable.ts';
import type { Log } from '../../base/log.ts';
import { agentUpgrade } from '../../protocol/agent.ts';
import type { StatsSummary } from '../../protocol/stats.ts';
import type { RuntimeCache } from '../pods/runtime-cache.ts';
import { instancesOf } from '../pods/pod-view.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { logInstance, logOptions } from './log-request.ts';
import { readLog } from './log-reader.ts';
import { resourceMetrics } from './stats.ts';
import { serveSession } from './stream-session.ts';

export interface ServerParts {
  runtime: Runtime;
  cache: RuntimeCache;
  /** The pod with its newest status. */
  pod(namespace: string, name: string): Pod | undefined;
  stats(): Promise<StatsSummary>;
  clock: Clock;
  log: Log;
}

/** Streams at once (logs that follow, shells, forwarded ports); further ones are refused. */
const mostStreams = 512;

export class AgentServer implements Disposable {
  readonly #parts: ServerParts;
  readonly #server: Server;
  readonly #streams = new Set<Duplex>();

  private constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head));
    // A log that follows is silent for as long as its container is.
    this.#server.requestTimeout = 0;
    this.#server.timeout = 0;
  }

  static async listen(socket: string, parts: ServerParts): Promise<AgentServer> {
    const server = new AgentServer(parts);
    await mkdir(path.dirname(socket), { recursive: true, mode: 0o700 });
    await rm(socket, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject);
      server.#server.listen(socket, resolve);
    });
    await chmod(socket, 0o600);
    return server;
  }

  async dispose(): Promise<void> {
    for (const stream of this.#streams) stream.destroy();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { parts, query } = routeOf(request);
      if (parts[0] === 'healthz') return void response.end('ok');
      if (parts.join('/') === 'stats/summary') return void response.setHeader('Content-Type', 'application/json').end(JSON.stringify(await this.#parts.stats()));
      if (parts.join('/') === 'metrics/resource') return void response.setHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8').end(resourceMetrics(await this.#parts.stats()));
      if (parts[0] === 'logs' && parts.length === 4) return this.#logs(parts[1] ?? '', parts[2] ?? '', parts[3] ?? '', query, response);
      throw new StatusError(404, 'NotFound', `the agent does not serve ${request.url}`);
    } catch (error) {
      refuse(response, error);
    }
  }

  #logs(namespace: string, name: string, container: string, query: URLSearchParams, response: ServerResponse): void {
    const { cache, clock } = this.#parts;
    const pod = this.#parts.pod(namespace, name);
    const uid = pod?.metadata.uid ?? '';
    const status = [...(pod?.status?.containerStatuses ?? []), ...(pod?.status?.initContainerStatuses ?? []), ...(pod?.status?.ephemeralContainerStatuses ?? [])].find((one) => one.name === container);
    const instance = logInstance(pod, { pod: name, container }, status, cache.observe(uid), ['true', '1'].includes(query.get('previous') ?? ''));
    const options = logOptions(query, clock.now());

    const ended = new AbortController();
    const gone = new AbortController();
    const look = () => {
      const now = cache.observe(uid).containers.find(({ id }) => id === instance.id);
      if (now?.state !== 'running') ended.abort();
    };
    const subscription = cache.onChange((changed) => changed === uid && look());
    look();
    response.once('close', () => {
      gone.abort();
      void subscription.dispose();
    });
    response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' });
    response.flushHeaders();
    pipeline(Readable.from(readLog(instance.logPath, options, ended.signal, gone.signal), { objectMode: false }), response, () => undefined);
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => undefined);
    try {
      if (request.headers.upgrade !== agentUpgrade) throw new StatusError(400, 'BadRequest', `this agent speaks ${agentUpgrade}`);
      if (this.#streams.size >= mostStreams) throw new StatusError(503, 'ServiceUnavailable', `the agent already serves ${mostStreams} streams; close some`);
      const { parts, query } = routeOf(request);
      const [verb, namespace = '', name = '', container = ''] = parts;
      if (verb === 'portforward') return await this.#portForward(namespace, name, Number(query.get('port')), socket, head);
      const running = this.#running(namespace, name, container);
      const options = { tty: query.get('tty') === 'true', stdin: query.get('stdin') === 'true' };
      const open = verb === 'exec' ? this.#parts.runtime.exec(running, query.getAll('command'), options) : verb === 'attach' ? this.#parts.runtime.attach(running, options) : undefined;
      if (!open) throw new StatusError(404, 'NotFound', `the agent does not serve ${request.url}`);
      const session = await open;
      if (socket.destroyed) return session.kill();
      this.#accept(socket);
      await serveSession(session, socket, head);
    } catch (error) {
      refuseUpgrade(socket, error);
    }
  }

  async #portForward(namespace: string, name: string, port: number, socket: Duplex, head: Buffer): Promise<void> {
    const pod = this.#parts.pod(namespace, name);
    const sandbox = pod && this.#parts.cache.sandboxOf(pod.metadata.uid ?? '');
    if (!sandbox?.ready) throw new StatusError(404, 'NotFound', `pod ${name} is not running`);
    const target = await this.#parts.runtime.dial(sandbox.id, port);
    this.#accept(socket);
    if (head.length > 0) target.write(head);
    pipeline(socket, target, socket, () => {
      target.destroy();
      socket.destroy();
    });
  }

  #running(namespace: string, name: string, container: string): string {
    const pod = this.#parts.pod(namespace, name);
    if (!pod) throw notFound(pods, name);
    const instance = instancesOf(this.#parts.cache.observe(pod.metadata.uid ?? ''), container).find(({ state }) => state === 'running');
    if (!instance) throw new StatusError(404, 'NotFound', `container not found ("${container}")`);
    return instance.id;
  }

  #accept(socket: Duplex): void {
    this.#streams.add(socket);
    socket.once('close', () => this.#streams.delete(socket));
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${agentUpgrade}\r\n\r\n`);
  }
}

function routeOf(request: IncomingMessage): { parts: string[]; query: URLSearchParams } {
  const url = new URL(request.url ?? '/', 'http://agent');
  return { parts: url.pathname.split('/').filter(Boolean).map(decodeURIComponent), query: url.searchParams };
}

function statusOf(error: unknown): StatusError {
  return error instanceof StatusError ? error : internalError(error instanceof Error ? error.message : String(error));
}

function refuse(response: ServerResponse, error: unknown): void {
  const { status, code } = statusOf(error);
  if (response.headersSent) return void response.destroy();
  response.writeHead(code, { 'Content-Type': 'application/json' }).end(JSON.stringify(status));
}

function refuseUpgrade(socket: Duplex, error: unknown): void {
  const { status, code } = statusOf(error);
  const body = JSON.stringify(status);
  socket.end(`HTTP/1.1 ${code} Refused\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}
