/** Datagrams of many clients to endpoints: one socket a client, so that answers find back. */
import { createSocket, type Socket } from 'node:dgram';
import type { Chooser } from './chooser.ts';

const idleLimit = 60_000;
/** Clients at a time; the one that was quiet longest makes room. */
const clientLimit = 1024;

export interface UdpListener {
  /** Listens on. */
  readonly port: number;
  close(): void;
}

export function udpListener(host: string, port: number, chooser: Chooser): Promise<UdpListener> {
  const server = createSocket('udp4');
  const clients = new Map<string, { socket: Socket; timer: NodeJS.Timeout }>();
  const drop = (key: string) => {
    const client = clients.get(key);
    if (!client) return;
    clearTimeout(client.timer);
    client.socket.close();
    clients.delete(key);
  };
  server.on('message', (message, from) => {
    const key = `${from.address}:${from.port}`;
    let client = clients.get(key);
    if (!client) {
      const target = chooser.order(from.address)[0];
      if (!target) return;
      chooser.chosen(from.address, target);
      if (clients.size >= clientLimit) drop(clients.keys().next().value!);
      const socket = createSocket('udp4');
      socket.on('error', () => drop(key));
      socket.on('message', (answer) => server.send(answer, from.port, from.address));
      socket.connect(target.port, target.ip);
      client = { socket, timer: setTimeout(() => drop(key), idleLimit) };
      socket.once('connect', () => socket.send(message));
    } else {
      client.timer.refresh();
      clients.delete(key);
      try {
        client.socket.send(message);
      } catch {
        // Not connected yet: a datagram may be lost.
      }
    }
    clients.set(key, client);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.bind(port, host, () => {
      server.off('error', reject);
      server.on('error', () => undefined);
      resolve({
        port: server.address().port,
        close: () => {
          for (const key of [...clients.keys()]) drop(key);
          server.close();
        },
      });
    });
  });
}
