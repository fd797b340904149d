/** Upgrades: exec, attach and port-forward on the streaming protocols; watches and logs over WebSocket for browsers. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { internalError, StatusError, type Status } from '../../../../api/status.ts';
import { authorize } from '../authorize.ts';
import type { Authenticate } from '../authenticate.ts';
import type { Call } from '../call.ts';
import { messageForm } from '../encode/forms.ts';
import { includeOf } from '../encode/table.ts';
import type { Metrics } from '../paths/metrics.ts';
import { callFor, type Pipeline } from '../pipeline.ts';
import { attributesOf, isTrue, routeOf } from '../route.ts';
import { subresourceOf } from '../verbs/subresource.ts';
import { watch } from '../verbs/watch.ts';
import { mostBuffered } from './http-watch.ts';
import { HttpRequest } from './serve.ts';
import type { RequestSink } from './request-log.ts';

export interface UpgradeOptions {
  pipeline: Pipeline;
  authenticate: Authenticate;
  metrics: Metrics;
  requests: RequestSink | undefined;
  /** How a path is shown in logs. */
  shown(url: string): string;
}

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export function upgradeHandler(options: UpgradeOptions): UpgradeHandler {
  return (message, socket, head) => {
    // A client that breaks off is no failure of ours.
    socket.on('error', () => socket.destroy());
    upgrade(options, message, socket, head).catch((error: unknown) => {
      const failure = error instanceof StatusError ? error : internalError(error instanceof Error ? error.message : String(error));
      if (!(error instanceof StatusError)) options.pipeline.core.log.error('upgrade failed', { path: options.shown(message.url ?? '/'), error });
      refuse(socket, failure.status);
    });
  };
}

async function upgrade(options: UpgradeOptions, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const began = performance.now();
  const { core } = options.pipeline;
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  const request = new HttpRequest(message, gone);
  const user = await options.authenticate(message);
  socket.once('close', () => {
    options.metrics.count(request.method, 101);
    options.requests?.({
      time: new Date().toISOString(), method: request.method, path: options.shown(message.url ?? '/'), userAgent: request.userAgent ?? '', user: user.username, status: 101, milliseconds: performance.now() - began,
    });
  });
  const target = routeOf(request.method, request.path, request.query);
  await authorize(core.authorize, user, attributesOf(target));
  const call = target.type === 'resource' ? callFor(core, user, target, request) : undefined;
  if (!call) throw new StatusError(404, 'NotFound', 'the server could not find the requested resource');

  const part = subresourceOf(call);
  if (part?.type === 'stream') return stream(call, part, message, socket, head);
  if (part?.type === 'text') return sendText(call, await part.run(call), message, socket, head);
  if (!part && isTrue(request.query.get('watch'))) return sendEvents(options, call, message, socket, head);
  throw new StatusError(400, 'BadRequest', 'this resource cannot be upgraded');
}

async function stream(call: Call, part: Extract<ReturnType<typeof subresourceOf>, { type: 'stream' }>, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const { query } = call;
  if (part.protocol === 'remotecommand') {
    const { serveRemoteCommand } = await import('../streaming/remote-command.ts');
    const wanted = (name: string) => isTrue(query.get(name));
    const tty = wanted('tty');
    // With a terminal there is one output.
    return serveRemoteCommand(message, socket, head, { tty, stdin: wanted('stdin'), stdout: wanted('stdout'), stderr: wanted('stderr') && !tty }, (session) => part.run(call, session));
  }
  const { servePortForward } = await import('../streaming/port-forward.ts');
  const ports = query.getAll('ports').flatMap((text) => text.split(',')).map(Number).filter((port) => Number.isInteger(port) && port > 0 && port < 65536);
  return servePortForward(message, socket, head, ports, (port) => part.run(call, port));
}

async function accept(message: IncomingMessage, socket: Duplex, head: Buffer): Promise<{ socket: WebSocket; protocol: string } | undefined> {
  const { acceptWebSocket, offeredProtocols, wantsWebSocket } = await import('../streaming/upgrade.ts');
  if (!wantsWebSocket(message)) throw new StatusError(400, 'BadRequest', 'only WebSocket upgrades are served here');
  const protocol = offeredProtocols(message).find((one) => one === 'base64.binary.k8s.io' || one === 'binary.k8s.io');
  const opened = await acceptWebSocket(message, socket, head, protocol);
  return opened && { socket: opened, protocol: protocol ?? '' };
}

/** One text message an event, as the real server sends it. */
async function sendEvents({ pipeline }: UpgradeOptions, call: Call, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const answer = watch(call);
  if (answer.type !== 'watch') return;
  const opened = await accept(message, socket, head);
  if (!opened) return;
  const { core } = pipeline;
  const form = messageForm({ served: call.served, negotiated: { as: 'json', metaVersion: 'v1' }, include: includeOf(call.query), clock: core.clock });
  const following = core.hub.open(answer.plan, form, {
    send(texts) {
      if (opened.socket.bufferedAmount > mostBuffered) {
        opened.socket.terminate();
        return false;
      }
      for (const text of texts) opened.socket.send(text);
      return true;
    },
    end: () => opened.socket.close(1000),
  });
  opened.socket.on('error', () => opened.socket.terminate());
  opened.socket.once('close', () => void following.dispose());
}

/** A log that is followed in a browser: binary messages, or base64 where that was asked for. */
async function sendText(call: Call, readable: NodeJS.ReadableStream & { destroy(): void }, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const opened = await accept(message, socket, head);
  if (!opened) return readable.destroy();
  const client = opened.socket;
  client.on('error', () => client.terminate());
  client.once('close', () => readable.destroy());
  try {
    for await (const chunk of readable) {
      const bytes = Buffer.from(chunk as Buffer | string);
      await new Promise<void>((resolve, reject) => client.send(opened.protocol === 'base64.binary.k8s.io' ? bytes.toString('base64') : bytes, (error) => (error ? reject(error) : resolve())));
    }
    client.close(1000);
  } catch {
    client.terminate();
  }
}

function refuse(socket: Duplex, status: Status): void {
  if (socket.destroyed) return;
  const body = `${JSON.stringify(status)}\n`;
  socket.end(`HTTP/1.1 ${status.code ?? 500} ${status.reason || 'Error'}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`);
}
