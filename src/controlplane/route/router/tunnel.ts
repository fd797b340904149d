/** Two connections joined byte for byte, as after an upgrade or for TLS passed through. */
import type net from 'node:net';
import type { Duplex } from 'node:stream';
import type { AccessLog } from '../data-plane/access-log.ts';
import { pick } from './balance.ts';
import { dialPod } from './dial.ts';
import { plainAddress } from './downstream.ts';
import type { Endpoint } from './endpoint.ts';
import type { Statistics } from './statistics.ts';
import type { Target } from './table.ts';
import { connectMs } from './upstream.ts';

/** Half-closed connections have this long to finish. */
const finMs = 1_000;

export function joinTunnel(client: Duplex, endpoint: Duplex, idleMs: number, statistics: Statistics): void {
  statistics.tunnels += 1;
  let open = true;
  const close = () => {
    if (!open) return;
    open = false;
    statistics.tunnels -= 1;
    client.destroy();
    endpoint.destroy();
  };
  for (const [from, to] of [[client, endpoint], [endpoint, client]] as const) {
    // Who has said all may still be answered.
    from.allowHalfOpen = true;
    from.on('error', close);
    from.once('close', close);
    from.once('end', () => (to as net.Socket).setTimeout?.(finMs, close));
    (from as net.Socket).setTimeout?.(idleMs, close);
    (from as net.Socket).setNoDelay?.(true);
    from.pipe(to);
  }
}

/** TLS that ends in the application: `client` is joined to an endpoint as it is. */
export function passThrough(client: net.Socket, target: Target, { statistics, accessLog }: { statistics: Statistics; accessLog: AccessLog | undefined }): void {
  const { counters, guard } = target;
  const address = plainAddress(client.remoteAddress);
  counters.requests += 1;
  if (guard && !guard.enter(address)) return void client.destroy();
  counters.inFlight += 1;
  const started = Date.now();
  client.once('close', () => {
    accessLog?.write({ time: new Date(started).toISOString(), client: address, protocol: 'TLS', host: target.route.host, route: target.route.key, bytesIn: client.bytesRead, bytesOut: client.bytesWritten, milliseconds: Date.now() - started });
    counters.inFlight -= 1;
    guard?.leave(address);
  });
  tryEndpoint(client, address, target, statistics, []);
}

function tryEndpoint(client: net.Socket, address: string, target: Target, statistics: Statistics, tried: readonly Endpoint[]): void {
  const server = client.destroyed ? undefined : pick(target.servers, target.route.balance, address, tried);
  if (!server) return void client.destroy();
  const { endpoint } = server;
  server.requests += 1;
  const socket = dialPod(endpoint.host, endpoint.port);
  const gone = () => socket.destroy();
  client.once('close', gone);
  let settled = false;
  const fail = () => {
    if (settled) return;
    settled = true;
    socket.destroy();
    client.off('close', gone);
    endpoint.refused();
    statistics.connectFailures += 1;
    target.counters.connectFailures += 1;
    tryEndpoint(client, address, target, statistics, [...tried, endpoint]);
  };
  socket.setTimeout(connectMs, fail);
  socket.on('error', fail);
  socket.once('connect', () => {
    settled = true;
    socket.removeAllListeners('timeout');
    endpoint.answered();
    endpoint.openTunnel();
    socket.once('close', () => endpoint.closeTunnel());
    joinTunnel(client, socket, target.route.tunnelTimeoutMs, statistics);
  });
}
