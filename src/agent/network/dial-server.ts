/** Connections to pods for others of this machine, where its own network does not lead there: a line `<ip> <port>`, answered by a line `ok`, then that connection. */
import { rm } from 'node:fs/promises';
import { createServer, isIPv4, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Disposable } from '../../base/disposable.ts';
import { join } from './tcp-relay.ts';

const longestLine = 64;
const askLimit = 5000;
const connectionLimit = 10_000;

/** On a unix socket of the platform's own run folder. */
export async function dialServer(path: string, dial: (ip: string, port: number) => Promise<Duplex>): Promise<Disposable> {
  await rm(path, { force: true });
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    open.add(client);
    client.once('close', () => open.delete(client));
    client.on('error', () => client.destroy());
    client.setTimeout(askLimit, () => client.destroy());
    void serve(client, dial);
  });
  server.maxConnections = connectionLimit;
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  return {
    dispose: () => new Promise((resolve) => {
      server.close(() => resolve());
      for (const client of open) client.destroy();
    }),
  };
}

async function serve(client: Socket, dial: (ip: string, port: number) => Promise<Duplex>): Promise<void> {
  const line = await firstLine(client);
  const [, ip = '', number = ''] = /^([0-9.]+) (\d{1,5})$/.exec(line ?? '') ?? [];
  if (!isIPv4(ip)) return void client.destroy();
  try {
    const far = await dial(ip, Number(number));
    client.setTimeout(0);
    far.on('error', () => client.destroy());
    client.write('ok\n');
    join(client, far);
  } catch {
    client.end();
  }
}

/** Whatever follows the line stays in the stream. */
function firstLine(client: Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = '';
    const look = () => {
      for (let byte = client.read(1) as Buffer | null; byte !== null; byte = client.read(1) as Buffer | null) {
        if (byte[0] !== 10 && (text += byte.toString('latin1')).length <= longestLine) continue;
        client.off('readable', look);
        return resolve(text);
      }
    };
    client.on('readable', look);
    client.once('close', () => resolve(undefined));
  });
}
