/** Listening sockets that outlive the workers that serve them. */
import net from 'node:net';
import type { Disposable } from '../../../base/disposable.ts';

/** A bound socket. The first worker that gets its descriptor makes it listen; between two workers connections wait in its queue. */
export interface BoundSocket extends Disposable {
  readonly port: number;
  readonly descriptor: number;
}

interface Handle {
  fd: number;
  close(): void;
  getsockname(out: { port?: number }): number;
}

/** What node:cluster uses to bind without listening: there is no other way to hold a socket that this process does not accept from. */
const makeHandle = (net as unknown as { _createServerHandle?(address: string | null, port: number, type: 4, fd: number): Handle | number })._createServerHandle;

/** Windows knows no inherited sockets. */
export const canHandOver = process.platform !== 'win32' && makeHandle !== undefined;

/** Ports tried after the preferred one when nobody asked for it by number. */
const further = 100;

export class PortTaken extends Error {
  readonly port: number;
  constructor(port: number, host: string) {
    super(`port ${port} on ${host} is in use: end the program that holds it, or choose another port for the router`);
    this.name = 'PortTaken';
    this.port = port;
  }
}

/** The first port at or after `preferred` that nobody listens on; with `exact` that one or `PortTaken`. */
export async function freePort(host: string, preferred: number, exact: boolean, taken: ReadonlySet<number> = new Set()): Promise<number> {
  if (exact) {
    if (!(await isFree(host, preferred))) throw new PortTaken(preferred, host);
    return preferred;
  }
  for (let port = preferred; port <= Math.min(preferred + further, 65_535); port += 1) if (!taken.has(port) && (await isFree(host, port))) return port;
  return anyPort(host);
}

export function bindSocket(host: string, port: number): BoundSocket {
  const handle = makeHandle?.(host, port, 4, -1);
  if (handle === undefined || typeof handle === 'number') throw new PortTaken(port, host);
  const name: { port?: number } = {};
  // An address in use is reported only when the socket is first asked for something.
  if (handle.getsockname(name) !== 0) {
    handle.close();
    throw new PortTaken(port, host);
  }
  return { port: name.port ?? port, descriptor: handle.fd, dispose: () => handle.close() };
}

/** Port of a socket that was handed in; it stays open for as long as this process. */
export function portOfDescriptor(descriptor: number): number {
  const handle = makeHandle?.(null, 0, 4, descriptor);
  const name: { port?: number } = {};
  if (handle === undefined || typeof handle === 'number' || handle.getsockname(name) !== 0) throw new Error(`descriptor ${descriptor} is no socket`);
  return name.port ?? 0;
}

function listenOnce(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      const { port: got } = server.address() as net.AddressInfo;
      server.close(() => resolve(got));
    });
  });
}

async function isFree(host: string, port: number): Promise<boolean> {
  try {
    await listenOnce(host, port);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE' || code === 'EACCES') return false;
    throw error;
  }
}

const anyPort = (host: string) => listenOnce(host, 0);
