/** The control plane's own door: status and stop, and the proof that only one runs on a home. */
import { chmodSync, mkdirSync, rmSync, statSync } from 'node:fs';
import net from 'node:net';
import type { Disposable } from '../../../base/disposable.ts';
import type { ControlRequest, RunInfo } from '../../../protocol/daemon.ts';

export interface ControlSocket extends Disposable {
  /** From now on `status` is answered with this. */
  ready(info: RunInfo): void;
}

/** Another control plane answers on this socket. */
export class AlreadyRunning extends Error {
  constructor() {
    super('another control plane runs on this home');
    this.name = 'AlreadyRunning';
  }
}

const longestRequest = 4096;

/** The folder of all sockets: this user's alone, or it is not used. */
export function makeRunDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { uid } = statSync(directory);
  const own = process.getuid?.();
  if (own !== undefined && uid !== own) throw new Error(`"${directory}" belongs to another user. Remove it and start again.`);
  chmodSync(directory, 0o700);
}

/** Rejects with `AlreadyRunning`. A socket left by a killed process is replaced. */
export async function openControlSocket(path: string, onStop: () => Promise<void>): Promise<ControlSocket> {
  if (await answers(path)) throw new AlreadyRunning();
  if (process.platform !== 'win32') rmSync(path, { force: true });
  let info: RunInfo | undefined;
  const server = net.createServer((socket) => {
    socket.on('error', () => socket.destroy());
    let text = '';
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (text.length > longestRequest) return socket.destroy();
      const end = text.indexOf('\n');
      if (end >= 0) void answer(socket, text.slice(0, end));
      return undefined;
    });
  });
  const answer = async (socket: net.Socket, line: string) => {
    const request = parse(line);
    if (request?.method === 'status') socket.end(`${JSON.stringify(info ?? {})}\n`);
    else if (request?.method === 'stop') {
      await onStop();
      socket.end('{}\n');
    } else socket.destroy();
  };
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  if (process.platform !== 'win32') chmodSync(path, 0o600);
  return {
    ready: (known) => (info = known),
    // Whoever asked for the end still waits for its answer on an open connection: only new ones are refused.
    dispose: () => void server.close(),
  };
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    socket.on('connect', () => (socket.destroy(), resolve(true)));
    socket.on('error', () => resolve(false));
  });
}

function parse(line: string): ControlRequest | undefined {
  try {
    return JSON.parse(line) as ControlRequest;
  } catch {
    return undefined;
  }
}
