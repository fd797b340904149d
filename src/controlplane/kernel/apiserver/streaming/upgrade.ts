/** Answers to `Upgrade` requests: which protocol a client may have, or a refusal it can print. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';

/** A WebSocket message over this size ends the connection (close code 1009). Clients write 32 KiB; some a whole small file. */
const largestMessage = 32 * 1024 * 1024;

const webSockets = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: largestMessage, handleProtocols: () => false });

export function wantsWebSocket(request: IncomingMessage): boolean {
  return (request.headers.upgrade ?? '').toLowerCase() === 'websocket';
}

export function wantsSpdy(request: IncomingMessage): boolean {
  return (request.headers.upgrade ?? '').toLowerCase() === 'spdy/3.1';
}

/** The subprotocols a client offers, in its order. A bearer token that travels as one is not among them. */
export function offeredProtocols(request: IncomingMessage): string[] {
  return listOf(request.headers['sec-websocket-protocol']).filter((name) => !name.startsWith('base64url.bearer.authorization.k8s.io.'));
}

/** Kubernetes' own header for protocols over SPDY; clients repeat it, Node joins the values. */
export function offeredStreamProtocols(request: IncomingMessage): string[] {
  return listOf(request.headers['x-stream-protocol-version']);
}

function listOf(header: string | string[] | undefined): string[] {
  return [header ?? []].flat().join(',').split(',').map((one) => one.trim()).filter(Boolean);
}

/**
 * Completes a WebSocket handshake. `protocol` is one the client offered, or undefined if it offered none. Names such as `SPDY/3.1+portforward.k8s.io` are no
 * HTTP tokens and would be refused by the library, hence the offer is hidden from it and the answer is added by hand.
 * Resolves to undefined when the handshake itself was wrong and has been answered.
 */
export function acceptWebSocket(request: IncomingMessage, socket: Duplex, head: Buffer, protocol: string | undefined): Promise<WebSocket | undefined> {
  delete request.headers['sec-websocket-protocol'];
  return new Promise((resolve) => {
    const refused = () => resolve(undefined);
    socket.once('close', refused);
    const addProtocol = (headers: string[], upgraded: IncomingMessage) => {
      if (upgraded === request && protocol) headers.push(`Sec-WebSocket-Protocol: ${protocol}`);
    };
    // Headers are written within the call; another handshake cannot come between.
    webSockets.on('headers', addProtocol);
    try {
      webSockets.handleUpgrade(request, socket, head, (ws) => {
        socket.off('close', refused);
        ws.on('error', () => ws.terminate());
        resolve(ws);
      });
    } finally {
      webSockets.off('headers', addProtocol);
    }
  });
}

/** Completes the handshake of a raw SPDY connection; the socket then carries frames. */
export function acceptSpdy(socket: Duplex, head: Buffer, protocol: string | undefined): Duplex {
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: SPDY/3.1'];
  if (protocol) lines.push(`X-Stream-Protocol-Version: ${protocol}`);
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  if (head.length) socket.unshift(head);
  return socket;
}

/** Ends an upgrade request with 400 and a text. */
export function refuseUpgrade(socket: Duplex, text: string, headers: readonly string[] = []): void {
  const lines = ['HTTP/1.1 400 Bad Request', 'Connection: close', 'Content-Type: text/plain; charset=utf-8', `Content-Length: ${Buffer.byteLength(text)}`, ...headers];
  socket.on('error', () => socket.destroy());
  socket.end(`${lines.join('\r\n')}\r\n\r\n${text}`);
}
