/** Joins two TCP-like streams so that each side's end and failure reach the other. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Connections of one listener at a time; more are closed at once. */
const connectionLimit = 10_000;

export function join(client: Socket, far: Duplex): void {
  client.pipe(far).pipe(client);
  client.once('close', () => far.destroy());
  far.once('close', () => client.destroy());
  far.on('error', () => client.destroy());
}

export type Dial = (ip: string, port: number) => Promise<Duplex>;

/** Connects to the first target that answers; undefined if none does. */
export async function connectFirst<T extends { ip: string; port: number }>(targets: readonly T[], timeout: number, dial?: Dial): Promise<{ socket: Duplex; target: T } | undefined> {
  for (const target of targets) {
    const socket = dial ? await dial(target.ip, target.port).catch(() => undefined) : await new Promise<Socket | undefined>((resolve) => {
      const trying = connect({ host: target.ip, port: target.port, noDelay: true, allowHalfOpen: true });
      const timer = setTimeout(() => trying.destroy(new Error('timeout')), timeout);
      trying.once('error', () => {
        clearTimeout(timer);
        resolve(undefined);
      });
      trying.once('connect', () => {
        clearTimeout(timer);
        resolve(trying);
      });
    });
    if (socket) return { socket, target };
  }
  return undefined;
}

/** A listener whose connections `take` looks after. */
export function tcpListener(host: string, port: number, take: (client: Socket) => void): Promise<Server> {
  const server = createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    client.on('error', () => client.destroy());
    take(client);
  });
  server.maxConnections = connectionLimit;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: 1024 }, () => {
      server.off('error', reject);
      server.on('error', () => undefined);
      resolve(server);
    });
  });
}
