/** An `ExecSession` over the attach connection of a shim. */
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { channel } from '../../protocol/agent.ts';
import { shimFiles } from '../../protocol/shim.ts';
import { encodeFrames, FrameReader } from '../shim/frame.ts';
import { connectTo } from '../shim/shim-socket.ts';
import { RuntimeFailure, type ExecSession } from './runtime.ts';

export function attachToShim(directory: string, options: { tty: boolean; stdin: boolean }): Promise<ExecSession> {
  const socket = connectTo(join(directory, shimFiles.socket));
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const streams: Record<number, PassThrough> = { [channel.stdout]: stdout, [channel.stderr]: stderr };
  let over: (end: { code: number } | { error: string }) => void = () => undefined;
  const exit = new Promise<{ code: number } | { error: string }>((resolve) => (over = resolve));
  const reader = new FrameReader((id, payload) => {
    if (id === channel.exit) over(JSON.parse(payload.toString('utf8')) as { code: number });
    // The shim cuts off who reads too slowly; until then a full stream holds the socket back.
    else if (streams[id]?.write(Buffer.from(payload)) === false) {
      socket.pause();
      streams[id].once('drain', () => socket.resume());
    }
  });
  socket.on('data', (chunk: Buffer) => {
    try {
      reader.push(chunk);
    } catch (error) {
      socket.destroy(error as Error);
    }
  });
  socket.once('close', () => {
    over({ error: 'the connection to the container was closed' });
    stdout.end();
    stderr.end();
  });
  // Who does not send leaves the container's input to others.
  const sent = (id: number, chunk: Buffer, done: () => void) => void (options.stdin ? socket.write(encodeFrames(id, chunk), done) : done());
  const stdin = new Writable({
    write: (chunk: Buffer, _encoding, done) => sent(channel.stdin, chunk, () => done()),
    final: (done) => sent(channel.stdinEnd, Buffer.alloc(0), () => done()),
  });
  stdin.on('error', () => undefined);
  if (!options.stdin) stdin.end();
  return new Promise((resolve, reject) => {
    socket.once('error', (cause) => reject(new RuntimeFailure('AttachFailed', `the container cannot be attached to: ${cause.message}`, { cause })));
    socket.once('connect', () => {
      socket.write(`${JSON.stringify({ op: 'attach', stdin: options.stdin })}\n`);
      resolve({
        stdin, stdout, stderr, exit,
        resize: (width, height) => void socket.write(encodeFrames(channel.resize, Buffer.from(JSON.stringify({ width, height })))),
        kill: () => socket.destroy(),
      });
    });
  });
}
