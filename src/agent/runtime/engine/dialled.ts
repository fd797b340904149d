/** A connection made by a program inside a pod, whose standard input and output it is. */
import { Duplex, type Readable } from 'node:stream';
import { RuntimeFailure, type ExecSession } from '../runtime.ts';

/** The program's first byte says that it is connected. */
export async function dialled(session: ExecSession, port: number): Promise<Duplex> {
  session.stderr.resume();
  const refused = () => new RuntimeFailure('PortForwardFailed', `nothing answers on port ${port} of the pod`);
  await firstByte(session.stdout).catch(() => {
    throw refused();
  });
  const stream = new Duplex({
    allowHalfOpen: true,
    read: () => void session.stdout.resume(),
    write: (chunk: Buffer, _encoding, done) => void session.stdin.write(chunk, () => done()),
    final: (done) => void session.stdin.end(() => done()),
    destroy: (error, done) => {
      session.kill();
      done(error);
    },
  });
  session.stdout.on('data', (chunk: Buffer) => {
    if (!stream.push(chunk)) session.stdout.pause();
  });
  session.stdout.once('end', () => stream.push(null));
  return stream;
}

function firstByte(stdout: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (stdout.read(1) === null) return;
      stdout.off('readable', look);
      resolve();
    };
    stdout.on('readable', look);
    stdout.once('end', () => reject(new Error('it ended')));
  });
}
