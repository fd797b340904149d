/** Ports of this machine's loopback. */
import net from 'node:net';

/** Ports tried, counted from the one that is wanted. */
const tries = 50;

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** The first free one from `wanted` on; 0, which means any, if that neighbourhood is full. */
export async function freePortFrom(wanted: number): Promise<number> {
  for (let port = wanted; port < wanted + tries && port <= 65535; port += 1) if (await isFree(port)) return port;
  return 0;
}

/** Listens on the first port from `wanted` on that can be had; another window may take one in between. */
export async function listenFrom(wanted: number, listen: (port: number) => Promise<void>): Promise<void> {
  for (let from = wanted, left = tries; ; left -= 1) {
    const port = await freePortFrom(from);
    try {
      return await listen(port);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || left <= 1) throw error;
      from = port + 1;
    }
  }
}
