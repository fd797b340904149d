/** Ports of this machine's loopback for pods that have no address of their own. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** The port a pod is taken to serve when it names none; what builders' images listen on. */
export const usualPort = 8080;

/** Below the numbers that systems give to outgoing connections and the ones of node ports, so that a port stays free while its application restarts. */
export const podPorts = { first: 20_000, count: 10_000 } as const;

export class PortPool {
  readonly #taken = new Set<number>();

  /** Ports of pods that are there already. */
  keep(ports: Iterable<number>): void {
    for (const port of ports) this.#taken.add(port);
  }

  give(ports: Iterable<number>): void {
    for (const port of ports) this.#taken.delete(port);
  }

  /** undefined if every port is taken. */
  async take(): Promise<number | undefined> {
    const start = randomInt(podPorts.count);
    for (let offset = 0; offset < podPorts.count; offset += 1) {
      const port = podPorts.first + ((start + offset) % podPorts.count);
      if (this.#taken.has(port)) continue;
      this.#taken.add(port);
      if (await isFree(port)) return port;
      this.#taken.delete(port);
    }
    return undefined;
  }
}

/** Nobody listens on it, found by doing so. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
