/** Joins an exec or attach session to a connection that carries frames. */
import type { Duplex } from 'node:stream';
import { channel } from '../../protocol/agent.ts';
import { frameReader, frames, jsonFrame } from '../../protocol/agent-frames.ts';
import type { ExecSession } from '../runtime/runtime.ts';

/** Resolves when either side has ended. A client that goes away ends the session. */
export function serveSession(session: ExecSession, connection: Duplex, head: Buffer): Promise<void> {
  const send = (id: number, source: NodeJS.ReadableStream) => {
    source.on('data', (chunk: Buffer) => {
      if (connection.writable && !connection.write(frames(id, chunk))) {
        source.pause();
        connection.once('drain', () => source.resume());
      }
    });
    return new Promise<void>((resolve) => {
      source.once('end', resolve);
      source.once('close', resolve);
    });
  };
  const outputs = [send(channel.stdout, session.stdout), send(channel.stderr, session.stderr)];

  const read = frameReader((id, payload) => {
    if (id === channel.stdin) {
      if (!session.stdin.write(Buffer.from(payload))) {
        connection.pause();
        session.stdin.once('drain', () => connection.resume());
      }
    } else if (id === channel.stdinEnd) session.stdin.end();
    else if (id === channel.resize) {
      const { width, height } = JSON.parse(payload.toString()) as { width: number; height: number };
      session.resize(width, height);
    }
  });
  const take = (chunk: Buffer) => {
    try {
      read(chunk);
    } catch (error) {
      connection.destroy(error as Error);
    }
  };
  session.stdin.on('error', () => undefined);
  if (head.length > 0) take(head);
  connection.on('data', take);

  return new Promise((resolve) => {
    let over = false;
    connection.on('error', () => undefined);
    connection.once('close', () => {
      if (!over) session.kill();
      resolve();
    });
    void session.exit.then(async (exit) => {
      // A process that left children with the pipes open must not hold the answer back for ever.
      await Promise.race([Promise.all(outputs), new Promise((end) => setTimeout(end, 1_000).unref())]);
      over = true;
      connection.end(jsonFrame(channel.exit, exit));
    });
  });
}
