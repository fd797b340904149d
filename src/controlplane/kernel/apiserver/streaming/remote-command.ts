/** exec and attach: the client's protocol on one side, a `RemoteCommand` on the other. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { delay, systemClock, type Clock } from '../../../../base/clock.ts';
import type { RemoteCommandOptions, ServeRemoteCommand } from '../ports.ts';
import { ChannelSocket, chooseChannelProtocol } from './channel-socket.ts';
import { endWithin, keepAlive, type Connection } from './lifetime.ts';
import { runSession, type CommandChannels } from './session.ts';
import { SpdyConnection, type SpdyStream } from './spdy/connection.ts';
import { resetCode } from './spdy/frames.ts';
import { acceptSpdy, acceptWebSocket, offeredProtocols, offeredStreamProtocols, refuseUpgrade, wantsSpdy, wantsWebSocket } from './upgrade.ts';

/** A SPDY client opens its streams one by one; one that does not is let go. */
const streamsWithin = 30_000;

const channelNumbers = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;
type StreamType = keyof typeof channelNumbers;

export const serveRemoteCommand: ServeRemoteCommand = async (request, socket, head, options, run) => {
  const clock = systemClock;
  const open = wantsWebSocket(request) ? openWebSocket : wantsSpdy(request) ? openSpdy : undefined;
  if (!open) return refuseUpgrade(socket, 'unable to upgrade: the request must ask for websocket or SPDY/3.1');
  const opened = await open(request, socket, head, options, clock);
  if (!opened) return;
  const { connection, channels } = opened;
  const pings = keepAlive(clock, () => connection.ping());
  try {
    await runSession(channels, run);
    await endWithin(connection, clock);
  } finally {
    void pings.dispose();
  }
};

type Opened = { connection: Connection; channels: CommandChannels };

async function openWebSocket(request: IncomingMessage, socket: Duplex, head: Buffer, options: RemoteCommandOptions): Promise<Opened | undefined> {
  const offered = offeredProtocols(request);
  const protocol = chooseChannelProtocol(offered);
  if (!protocol) return void refuseUpgrade(socket, `unable to upgrade: none of the subprotocols ${offered.join(', ')} is served; v5.channel.k8s.io is`);
  const ws = await acceptWebSocket(request, socket, head, protocol.name);
  if (!ws) return undefined;
  const connection = new ChannelSocket(ws, protocol);
  const channel = (name: StreamType) => connection.channel(channelNumbers[name]);
  const channels: CommandChannels = {
    version: protocol.version,
    tty: options.tty,
    stdin: options.stdin ? channel('stdin') : undefined,
    stdout: options.stdout ? channel('stdout') : undefined,
    stderr: options.stderr && !options.tty ? channel('stderr') : undefined,
    resize: options.tty ? channel('resize') : undefined,
    error: channel('error'),
    end: () => connection.end(),
    closed: connection.closed,
  };
  // Tells the client that the session stands, as the real server does.
  connection.send(channelNumbers[options.stdout ? 'stdout' : options.stderr ? 'stderr' : 'error'], Buffer.alloc(0), () => undefined);
  return { connection, channels };
}

async function openSpdy(request: IncomingMessage, socket: Duplex, head: Buffer, options: RemoteCommandOptions, clock: Clock): Promise<Opened | undefined> {
  const offered = offeredStreamProtocols(request);
  const served = ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io', 'v1.channel.k8s.io'];
  const name = offered.find((one) => served.includes(one));
  if (offered.length > 0 && !name) {
    const text = `unable to upgrade: unable to negotiate protocol: client supports ${offered.join(', ')}, server accepts ${served.join(', ')}`;
    return void refuseUpgrade(socket, text, served.map((one) => `X-Accepted-Stream-Protocol-Versions: ${one}`));
  }
  const version = Number(/^v(\d)/.exec(name ?? '')?.[1] ?? 1);
  const expected = expectedStreams(options, version);
  const streams = new Map<StreamType, SpdyStream>();
  let complete: () => void = () => undefined;
  const all = new Promise<void>((resolve) => (complete = resolve));
  const connection = new SpdyConnection(acceptSpdy(socket, head, name), (stream) => {
    const type = (stream.headers.get('streamtype') ?? '') as StreamType;
    if (!expected.has(type) || streams.has(type)) return stream.reset(resetCode.refusedStream);
    streams.set(type, stream);
    if (streams.size === expected.size) complete();
  });
  if (!(await arrived(all, connection, clock))) return undefined;
  const error = streams.get('error');
  if (!error) return undefined;
  const channels: CommandChannels = {
    version, error, tty: options.tty, stdin: streams.get('stdin'), stdout: streams.get('stdout'), stderr: streams.get('stderr'), resize: streams.get('resize'),
    end: () => connection.end(), closed: connection.closed,
  };
  return { connection, channels };
}

function expectedStreams(options: RemoteCommandOptions, version: number): Set<StreamType> {
  const expected = new Set<StreamType>(['error']);
  if (options.stdin) expected.add('stdin');
  if (options.stdout) expected.add('stdout');
  if (options.stderr && !options.tty) expected.add('stderr');
  if (options.tty && version >= 3) expected.add('resize');
  return expected;
}

async function arrived(all: Promise<void>, connection: SpdyConnection, clock: Clock): Promise<boolean> {
  const stop = new AbortController();
  const late = delay(clock, streamsWithin, stop.signal).then(() => false, () => false);
  const complete = await Promise.race([all.then(() => true), connection.closed.then(() => false), late]);
  stop.abort();
  if (!complete) connection.destroy();
  return complete;
}
