/** Ports of this machine's loopback. */
import net from 'node:net';

/** Ports tried, counted from the one that is wanted. */
const tries = 50;

let turn: Promise<unknown> = Promise.resolve();

/** One after the other: a port that is tried for a moment is not free to whoever tries it in that moment. */
function inTurn<T>(run: () => Promise<T>): Promise<T> {
  const mine = turn.then(run);
  turn = mine.catch(() => undefined);
  return mine;
}

export function isFree(port: number): Promise<boolean> {
  return inTurn(() => new Promise((resolve) => {
    const server = net.createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  }));
}

/** The first free one from `wanted` on; 0, which means any, if that neighbourhood is full. */
export async function freePortFrom(wanted: number): Promise<number> {
  for (const port of neighbours(wanted)) if (await isFree(port)) return port;
  return 0;
}

/** Listens on the first port from `wanted` on that can be had, else on any. */
export async function listenFrom(wanted: number, listen: (port: number) => Promise<void>): Promise<void> {
  for (const port of [...neighbours(wanted), 0]) {
    try {
      return await inTurn(() => listen(port));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || port === 0) throw error;
    }
  }
}

function neighbours(wanted: number): number[] {
  return Array.from({ length: tries }, (_, index) => wanted + index).filter((port) => port > 0 && port <= 65535);
}
