/** Port forwarding: for each connection of the client a pair of streams, data and error, and a connection to the port. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { createWebSocketStream } from 'ws';
import { systemClock } from '../../../../base/clock.ts';
import type { ServePortForward } from '../ports.ts';
import { ChannelSocket, chooseChannelProtocol, type ChannelProtocol } from './channel-socket.ts';
import { endWithin, keepAlive } from './lifetime.ts';
import { SpdyConnection, type SpdyStream } from './spdy/connection.ts';
import { resetCode } from './spdy/frames.ts';
import { acceptSpdy, acceptWebSocket, offeredProtocols, offeredStreamProtocols, refuseUpgrade, wantsSpdy, wantsWebSocket } from './upgrade.ts';
import type { WireStream } from './wire-stream.ts';

const spdyProtocol = 'portforward.k8s.io';
const tunnelProtocol = `SPDY/3.1+${spdyProtocol}`;
/** Half pairs beyond this number are refused; a client opens both streams of a pair at once. */
const mostHalfPairs = 100;

type Open = (port: number) => Promise<Duplex>;

export const servePortForward: ServePortForward = async (request, socket, head, ports, open) => {
  if (wantsSpdy(request)) return serveSpdy(request, socket, head, open);
  if (!wantsWebSocket(request)) return refuseUpgrade(socket, 'unable to upgrade: the request must ask for websocket or SPDY/3.1');
  const offered = offeredProtocols(request);
  if (offered.includes(tunnelProtocol)) {
    const ws = await acceptWebSocket(request, socket, head, tunnelProtocol);
    if (ws) await forwardSpdy(createWebSocketStream(ws), open);
    return;
  }
  const protocol = chooseChannelProtocol(offered);
  if (!protocol) return refuseUpgrade(socket, `unable to upgrade: none of the subprotocols ${offered.join(', ')} is served; ${tunnelProtocol} and v4.channel.k8s.io are`);
  if (ports.length === 0) return refuseUpgrade(socket, 'query parameter "ports" is required');
  const ws = await acceptWebSocket(request, socket, head, protocol.name);
  if (ws) await forwardChannels(new ChannelSocket(ws, protocol), protocol, ports, open);
};

async function serveSpdy(request: IncomingMessage, socket: Duplex, head: Buffer, open: Open): Promise<void> {
  const offered = offeredStreamProtocols(request);
  if (offered.length > 0 && !offered.includes(spdyProtocol)) {
    const text = `unable to upgrade: unable to negotiate protocol: client supports ${offered.join(', ')}, server accepts ${spdyProtocol}`;
    return refuseUpgrade(socket, text, [`X-Accepted-Stream-Protocol-Versions: ${spdyProtocol}`]);
  }
  await forwardSpdy(acceptSpdy(socket, head, offered.length > 0 ? spdyProtocol : undefined), open);
}

async function forwardSpdy(transport: Duplex, open: Open): Promise<void> {
  const halves = new Map<string, { data?: SpdyStream; error?: SpdyStream }>();
  const connection = new SpdyConnection(transport, (stream) => {
    const type = stream.headers.get('streamtype');
    const port = Number(stream.headers.get('port'));
    if ((type !== 'data' && type !== 'error') || !isPort(port)) return stream.reset(resetCode.refusedStream);
    // Clients older than the header open the error stream first, then the data stream.
    const pair = stream.headers.get('requestid') ?? String(type === 'error' ? stream.id : stream.id - 2);
    const half = { ...halves.get(pair), [type]: stream };
    if (half.data && half.error) {
      halves.delete(pair);
      void forward(half.data, half.error, port, open);
    } else if (halves.size >= mostHalfPairs) stream.reset(resetCode.refusedStream);
    else {
      halves.set(pair, half);
      stream.once('aborted', () => halves.delete(pair));
    }
  });
  const pings = keepAlive(systemClock, () => connection.ping());
  await connection.closed;
  void pings.dispose();
}

/** Two channels a port, data then error, each starting with the port's number (little-endian); one connection a port. */
async function forwardChannels(connection: ChannelSocket, protocol: ChannelProtocol, ports: readonly number[], open: Open): Promise<void> {
  const pings = keepAlive(systemClock, () => connection.ping());
  const all = ports.map(async (port, index) => {
    const data = connection.channel(index * 2);
    const error = connection.channel(index * 2 + 1);
    const number = Buffer.alloc(2);
    number.writeUInt16LE(port);
    data.write(number);
    error.write(number);
    await forward(data, error, port, open, protocol.version < 5);
  });
  await Promise.race([connection.closed, Promise.all(all)]);
  connection.end();
  await endWithin(connection, systemClock);
  void pings.dispose();
}

/** Resolves when the connection to the port has ended. `endsTogether`: the client cannot say that it ends, nor hear it, so the port's end ends all. */
async function forward(data: WireStream, error: WireStream, port: number, open: Open, endsTogether = false): Promise<void> {
  error.resume();
  let target: Duplex;
  try {
    target = await open(port);
  } catch (failure) {
    error.end(`error forwarding port ${port}: ${failure instanceof Error ? failure.message : String(failure)}`);
    data.end();
    data.resume();
    return;
  }
  const abandon = () => void target.destroy();
  data.once('aborted', abandon);
  if (data.aborted) abandon();
  target.on('error', (failure: Error) => {
    if (!data.aborted && !error.writableEnded) error.write(`error forwarding port ${port}: ${failure.message}`);
  });
  if (endsTogether) target.on('end', () => target.end());
  data.pipe(target);
  target.pipe(data);
  if (!target.closed) await new Promise((resolve) => target.once('close', resolve));
  data.unpipe(target);
  data.resume();
  data.end();
  error.end();
  await Promise.all([data, error].map((stream) => finished(stream, { readable: false }).catch(() => undefined)));
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65536;
}
