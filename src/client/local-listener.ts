/** A listener on the loopback that carries every connection somewhere else. */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Disposable } from '../base/disposable.ts';

export interface LocalListener extends Disposable {
  /** On `127.0.0.1`. */
  readonly localPort: number;
}

/** Connections through one listener at once; further ones are refused. */
const mostConnections = 256;

/** `dial` makes the other end of each connection: where it leads may change from one to the next. Rejects if `localPort` is taken; 0 takes any. */
export async function listenLocally(localPort: number, dial: () => Promise<Duplex>, onFailure: (error: Error) => void = () => undefined): Promise<LocalListener> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (local) => {
    if (open.size >= mostConnections) return void local.destroy();
    open.add(local);
    local.on('error', () => undefined);
    local.once('close', () => open.delete(local));
    dial()
      .then((remote) => Promise.all([pipeline(local, remote), pipeline(remote, local)]))
      .catch((error: Error) => {
        local.destroy();
        if (!isHangUp(error)) onFailure(error);
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(localPort, '127.0.0.1', resolve);
  });
  return {
    localPort: (server.address() as AddressInfo).port,
    async dispose() {
      for (const local of open) local.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The local program went away in the middle: its own affair. */
function isHangUp(error: Error): boolean {
  return ['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '');
}
