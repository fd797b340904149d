/** Connections to a port of a pod: one WebSocket with a pair of channels each, as API servers have spoken it since long before they tunnelled SPDY. */
import { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { pods } from '../api/kinds/core.ts';
import { resourcePath } from '../api/resource.ts';
import { ConnectionError } from './client.ts';
import { listenLocally, type LocalListener } from './local-listener.ts';
import type { Transport } from './transport.ts';
import { keepAlive, openWebSocket } from './web-socket.ts';

export interface PortAt {
  namespace: string;
  pod: string;
  port: number;
}

export type PortForward = LocalListener;

const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const channel = { data: 0, error: 1, close: 255 } as const;

/** Listens on the loopback and carries every connection to the pod. Rejects if `localPort` is taken; 0 takes any. */
export function portForward(over: Transport, at: PortAt & { localPort?: number }, onFailure?: (error: Error) => void): Promise<PortForward> {
  return listenLocally(at.localPort ?? 0, () => dial(over, at), onFailure);
}

/** One connection. Rejects if the pod cannot be reached; a port where nothing listens ends the stream with an error. */
export async function dial(over: Transport, { namespace, pod, port }: PortAt): Promise<Duplex> {
  const socket = await openWebSocket(over, `${resourcePath(pods, { namespace, name: pod, subresource: 'portforward' })}?ports=${port}`, protocols);
  keepAlive(socket);
  return duplex(socket);
}

function duplex(socket: WebSocket): Duplex {
  const send = (number: number, bytes: Uint8Array, done: (error?: Error | null) => void) => {
    if (socket.readyState !== socket.OPEN) return done(new ConnectionError('the connection is closed'));
    socket.send(Buffer.concat([Buffer.of(number), bytes]), done);
  };
  const stream = new Duplex({
    read: () => socket.resume(),
    write: (bytes: Buffer, _, done) => send(channel.data, bytes, done),
    final(done) {
      // Version 4 cannot say that one side has ended; the other side ends it all.
      if (socket.protocol.startsWith('v5')) send(channel.close, Buffer.of(channel.data), () => done());
      else done();
    },
    destroy(error, done) {
      if (error) socket.terminate();
      else {
        socket.resume();
        socket.close(1000);
      }
      done(error);
    },
  });
  let failure = '';
  const started = new Set<number>();
  socket.on('message', (data: RawData) => {
    const message = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
    const number = message[0] ?? channel.close;
    let bytes = message.subarray(1);
    if (number !== channel.data && number !== channel.error) return;
    // Each channel begins with the number of its port.
    if (!started.has(number)) {
      started.add(number);
      bytes = bytes.subarray(2);
    }
    if (bytes.length === 0) return;
    if (number === channel.error) failure += bytes.toString();
    else if (!stream.destroyed && !stream.push(bytes)) socket.pause();
  });
  socket.on('error', (error) => stream.destroy(new ConnectionError(error.message, { cause: error })));
  socket.once('close', () => {
    if (failure) stream.destroy(new ConnectionError(failure.trim()));
    else stream.push(null);
  });
  socket.resume();
  return stream;
}
