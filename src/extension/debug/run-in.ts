/** A short command in a container, and what it says. */
import type { Connection } from '../../client/connection.ts';
import type { ContainerAt } from '../../client/exec.ts';

/** Bytes of each output that are kept. */
const most = 1024 * 1024;

export interface Answer {
  code: number;
  stdout: string;
  stderr: string;
}

/** Rejects as `ExecSession.exit` does. */
export async function runIn(connection: Connection, at: ContainerAt, command: readonly string[], signal: AbortSignal): Promise<Answer> {
  const session = await connection.exec({ ...at, command });
  const stop = () => session.close();
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  const read = async (stream: AsyncIterable<Buffer>): Promise<string> => {
    const parts: Buffer[] = [];
    let size = 0;
    for await (const part of stream) if ((size += part.length) <= most) parts.push(part);
    return Buffer.concat(parts).toString();
  };
  try {
    const [stdout, stderr, { code }] = await Promise.all([read(session.stdout), read(session.stderr), session.exit]);
    return { code, stdout, stderr };
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
