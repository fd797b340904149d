/** Ports of this machine for pods that have no address of their own. */
import { createServer } from 'node:net';

/** As many different ports as asked for, free at this moment; all are held until the last is found. */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
      const server = createServer();
      server.once('error', reject);
      server.listen(0, host, () => resolve(server));
    })),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** The port a pod is taken to serve when it names none; what builders' images listen on. */
export const usualPort = 8080;

export async function assignPorts(wanted: readonly number[]): Promise<Record<number, number>> {
  const ports = wanted.length > 0 ? [...new Set(wanted)] : [usualPort];
  const free = await freePorts(ports.length);
  return Object.fromEntries(ports.map((port, index) => [port, free[index]!]));
}
