/** Listeners that end with their owner, connections included. */
import { chmodSync, rmSync } from 'node:fs';
import net from 'node:net';
import type { Server as HttpsServer } from 'node:https';
import type { Disposable } from '../../../base/disposable.ts';

export interface Listening extends Disposable {
  readonly port: number;
}

/** The port asked for is taken. */
export class PortInUse extends Error {
  readonly port: number;
  constructor(port: number, cause: unknown) {
    super(`port ${port} of 127.0.0.1 is in use`, { cause });
    this.name = 'PortInUse';
    this.port = port;
  }
}

/** On 127.0.0.1 only. `preferred` ports are tried in turn when none is asked for; then any free one is taken. */
export async function listenOnLoopback(server: net.Server, asked: number | undefined, preferred: readonly number[] = []): Promise<Listening> {
  const ports = asked === undefined ? [...preferred, 0] : [asked];
  for (const [index, port] of ports.entries()) {
    try {
      await listen(server, { host: '127.0.0.1', port, exclusive: true });
      return { port: (server.address() as net.AddressInfo).port, dispose: () => close(server) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      if (index === ports.length - 1) throw new PortInUse(port, error);
    }
  }
  throw new Error('no port to listen on');
}

/** Carries connections of a unix socket (a named pipe on Windows) into `server` as if they had come by TCP: TLS and all. */
export async function listenOnSocket(server: HttpsServer, path: string): Promise<Disposable> {
  if (process.platform !== 'win32') rmSync(path, { force: true });
  const open = new Set<net.Socket>();
  const door = net.createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket)).on('error', () => socket.destroy());
    server.emit('connection', socket);
  });
  await listen(door, { path });
  if (process.platform !== 'win32') chmodSync(path, 0o600);
  return {
    dispose: async () => {
      for (const socket of open) socket.destroy();
      await close(door);
    },
  };
}

function listen(server: net.Server, where: net.ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(error);
    server.once('error', failed);
    server.listen(where, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

function close(server: net.Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    if ('closeAllConnections' in server) (server as HttpsServer).closeAllConnections();
  });
}
