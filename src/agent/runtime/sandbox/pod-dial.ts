/** Connections into a pod: straight to its address, or to its loopback by a relay that runs in its network. */
import { existsSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { connectTo } from '../../shim/shim-socket.ts';
import { RuntimeFailure } from '../runtime.ts';
import type { ShimLauncher } from '../shim-launcher.ts';
import type { PodPlace } from './pods.ts';

const connectLimit = 10_000;

export class PodDialer {
  readonly #launcher: ShimLauncher;
  readonly #relays = new Map<string, Promise<void>>();

  constructor(launcher: ShimLauncher) {
    this.#launcher = launcher;
  }

  async dial(pod: PodPlace, port: number): Promise<Duplex> {
    const direct = await open(() => connect({ host: pod.config.hostNetwork ? '127.0.0.1' : pod.ip, port }));
    if (!(direct instanceof Error)) return direct;
    if (direct.code !== 'ECONNREFUSED' || pod.config.hostNetwork) throw refused(port, direct);
    return this.#throughRelay(pod, port);
  }

  /** An application that listens on 127.0.0.1 only. */
  async #throughRelay(pod: PodPlace, port: number): Promise<Duplex> {
    const path = join(pod.directory, 'relay.sock');
    let socket = existsSync(path) ? await open(() => connectTo(path)) : undefined;
    if (!socket || socket instanceof Error) {
      await (this.#relays.get(path) ?? this.#startRelay(pod, path));
      socket = await open(() => connectTo(path));
    }
    if (socket instanceof Error) throw refused(port, socket);
    const stream = socket;
    stream.write(`${port}\n`);
    const answer = await firstLine(stream);
    if (answer === 'ok') return stream;
    stream.destroy();
    throw refused(port, new Error(answer.replace(/^error /, '')));
  }

  #startRelay(pod: PodPlace, path: string): Promise<void> {
    rmSync(path, { force: true });
    const started = this.#launcher.run(['nsenter', '-t', String(pod.holder.pid), '-n'], ['relay', path]).then(
      () => undefined,
      (cause: Error) => {
        throw new RuntimeFailure('PortForwardFailed', cause.message, { cause });
      },
    );
    this.#relays.set(path, started);
    void started.then(() => this.#relays.delete(path), () => this.#relays.delete(path));
    return started;
  }
}

function refused(port: number, cause: Error): RuntimeFailure {
  return new RuntimeFailure('PortForwardFailed', `nothing answers on port ${port} in the pod: ${cause.message}`, { cause });
}

function open(make: () => Socket): Promise<Socket | NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    const socket = make();
    const timer = setTimeout(() => socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })), connectLimit);
    const failed = (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      resolve(Object.assign(error, { code: error.code ?? 'EFAIL' }));
    };
    socket.once('error', failed);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', failed);
      resolve(socket);
    });
  });
}

/** Reads byte-exact up to the first newline; what follows stays in the stream. */
function firstLine(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let head = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf(10);
      if (end < 0) return;
      socket.off('data', onData);
      socket.pause();
      if (end + 1 < head.length) socket.unshift(head.subarray(end + 1));
      resolve(head.subarray(0, end).toString('utf8'));
    };
    socket.on('data', onData);
    socket.once('close', () => resolve('error the relay ended'));
  });
}
