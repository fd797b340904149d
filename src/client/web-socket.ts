/** Opens WebSockets of the API, with refusals turned into the errors the rest of the client has. */
import { WebSocket } from 'ws';
import { systemClock } from '../base/clock.ts';
import type { Disposable } from '../base/disposable.ts';
import { ConnectionError } from './client.ts';
import { refusal } from './http-client.ts';
import type { Transport } from './transport.ts';

/** Proxies drop connections that are silent for a minute; a peer that misses two pings in a row is gone. */
const pingMs = 25_000;
const handshakeMs = 30_000;
/** Longest refusal read. */
const mostRefusal = 64 * 1024;

/** The socket is paused: resume it once its messages are listened to, or the first ones are lost. */
export async function openWebSocket(over: Transport, path: string, protocols: readonly string[]): Promise<WebSocket> {
  const attempt = async () => {
    const { streams, headers } = await over.open();
    const socket = new WebSocket(over.url(path).replace(/^http/, 'ws'), [...protocols], {
      agent: streams,
      headers,
      perMessageDeflate: false,
      handshakeTimeout: handshakeMs,
      // Real API servers refuse some of these requests without it.
      origin: over.server.origin,
    });
    await opened(over, socket);
    return socket;
  };
  try {
    return await attempt();
  } catch (error) {
    if ((error as { code?: unknown }).code !== 401 || !over.refused()) throw error;
    return attempt();
  }
}

function opened(over: Transport, socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      socket.pause();
      resolve();
    });
    socket.once('error', (error) => reject(new ConnectionError(`cannot reach ${over.server.host}: ${error.message}`, { cause: error })));
    socket.once('unexpected-response', (request, response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const finish = () => {
        reject(refusal(response.statusCode ?? 500, response.headers['content-type'], Buffer.concat(chunks).toString()));
        request.destroy();
      };
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= mostRefusal) chunks.push(chunk);
      });
      response.on('end', finish);
      response.on('error', finish);
    });
  });
}

/** Pings until the socket closes, and ends it when the peer no longer answers. */
export function keepAlive(socket: WebSocket): Disposable {
  let unanswered = 0;
  let timer: Disposable;
  socket.on('pong', () => (unanswered = 0));
  // Any message shows life as well: a pong waits behind what was sent before it.
  socket.on('message', () => (unanswered = 0));
  const next = () => {
    timer = systemClock.after(pingMs, () => {
      // While our own reader holds the connection back, answers wait unread: that says nothing about the peer.
      unanswered = socket.isPaused ? 0 : unanswered + 1;
      if (unanswered > 2) return socket.terminate();
      if (socket.readyState === socket.OPEN) socket.ping();
      next();
    });
  };
  next();
  socket.once('close', () => void timer.dispose());
  return { dispose: () => timer.dispose() };
}
