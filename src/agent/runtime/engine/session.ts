/** A connection that the engine handed over, as an `ExecSession`. */
import { PassThrough, Writable, type Duplex } from 'node:stream';
import type { ExecSession } from '../runtime.ts';
import { OutputReader } from './stream-frames.ts';

export interface SessionParts {
  connection: Duplex;
  tty: boolean;
  stdin: boolean;
  /** Asked once, after the last output. */
  exit(): Promise<{ code: number } | { error: string }>;
  resize(width: number, height: number): void;
  kill(): void;
}

export function engineSession({ connection, tty, stdin: input, exit, resize, kill }: SessionParts): ExecSession {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const streams = { stdout, stderr };
  const take = (name: 'stdout' | 'stderr', part: Buffer) => {
    if (streams[name].write(Buffer.from(part))) return;
    connection.pause();
    streams[name].once('drain', () => connection.resume());
  };
  const frames = new OutputReader(take);
  connection.on('data', (chunk: Buffer) => {
    try {
      if (tty) take('stdout', chunk);
      else frames.push(chunk);
    } catch (error) {
      connection.destroy(error as Error);
    }
  });
  const over = new Promise<void>((resolve) => {
    const done = () => {
      stdout.end();
      stderr.end();
      resolve();
    };
    connection.once('end', done).once('close', done).once('error', done);
  });
  const stdin = new Writable({
    write: (chunk: Buffer, _encoding, done) => void connection.write(chunk, () => done()),
    // Closing our half tells the engine that the input has ended; output goes on.
    final: (done) => void connection.end(() => done()),
  });
  stdin.on('error', () => undefined);
  if (!input) stdin.end();
  return { stdin, stdout, stderr, exit: over.then(exit), resize, kill };
}
