/** The agent's end of one shim: follows its status, sends it requests. */
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { shimFiles, type ShimRequest, type ShimStatus } from '../../protocol/shim.ts';
import { connectTo } from '../shim/shim-socket.ts';

export interface ShimConnection {
  send(request: ShimRequest): void;
  close(): void;
}

/** Resolves with the connection after the first status. `changed` is called for each one, `lost` when the shim is gone. */
export function watchShim(directory: string, changed: (status: ShimStatus) => void, lost: () => void): Promise<ShimConnection> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connectTo(join(directory, shimFiles.socket));
    let text = '';
    let closing = false;
    let connected = false;
    const send = (request: ShimRequest) => void socket.write(`${JSON.stringify(request)}\n`);
    socket.setEncoding('utf8');
    socket.once('connect', () => send({ op: 'watch' }));
    socket.on('data', (chunk: string) => {
      text += chunk;
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n')) {
        const status = JSON.parse(text.slice(0, at)) as ShimStatus;
        text = text.slice(at + 1);
        changed(status);
        if (connected) continue;
        connected = true;
        resolve({
          send,
          close: () => {
            closing = true;
            socket.destroy();
          },
        });
      }
    });
    socket.on('error', (error) => reject(error));
    socket.once('close', () => {
      if (!connected) reject(new Error('the shim closed the connection'));
      else if (!closing) lost();
    });
  });
}
