/** Addresses of sockets whose path may be longer than the 107 bytes that the system takes before it cuts silently. */
import { closeSync, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { connect, type Socket } from 'node:net';

const longest = 107;

/** Windows has pipes with names instead of paths. */
export function listenAddress(path: string): string {
  if (process.platform !== 'win32') return path;
  // Loaded there only: it would cost every shim memory.
  const { createHash } = process.getBuiltinModule('node:crypto');
  return `\\\\.\\pipe\\slipway-${createHash('sha256').update(path.toLowerCase()).digest('hex').slice(0, 24)}`;
}

/** Connects to the socket at `path`, through its folder's descriptor where the path is too long. */
export function connectTo(path: string): Socket {
  if (process.platform !== 'linux' || Buffer.byteLength(path) <= longest) return connect(listenAddress(path));
  const folder = openSync(dirname(path), 'r');
  const socket = connect(`/proc/self/fd/${folder}/${basename(path)}`);
  // The address is resolved when the connection is made, at once for local sockets.
  socket.once('connect', () => closeSync(folder)).once('error', () => close(folder));
  return socket;
}

function close(descriptor: number): void {
  try {
    closeSync(descriptor);
  } catch {
    // Closed by the other outcome.
  }
}
