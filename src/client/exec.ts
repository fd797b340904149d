/** A command in a container, over `v5.channel.k8s.io` (or v4, which cannot tell the end of stdin). */
import { Readable, Writable } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { pods } from '../api/kinds/core.ts';
import { resourcePath } from '../api/resource.ts';
import { StatusError, type Status } from '../api/status.ts';
import { ConnectionError } from './client.ts';
import type { Transport } from './transport.ts';
import { keepAlive, openWebSocket } from './web-socket.ts';

export interface ContainerAt {
  namespace: string;
  pod: string;
  /** The only or default container if absent. */
  container?: string | undefined;
}

export interface ExecOptions extends ContainerAt {
  command: readonly string[];
  tty?: boolean;
  stdin?: boolean;
}

export interface ExecSession {
  /** Present if asked for. Ending it gives the command its end of input. */
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  /** Empty with a tty. */
  readonly stderr: Readable;
  resize(columns: number, rows: number): void;
  /** Rejects with `StatusError` if the command could not be started, with `ConnectionError` if the connection broke. */
  readonly exit: Promise<{ code: number }>;
  /** Leaves: what runs gets a hang-up from the other side. */
  close(): void;
}

export const exec = (over: Transport, { command, ...options }: ExecOptions): Promise<ExecSession> => session(over, 'exec', options, command);

/** The streams of the container's own process. */
export const attach = (over: Transport, options: Omit<ExecOptions, 'command'>): Promise<ExecSession> => session(over, 'attach', options, []);

const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;
const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
/** Bytes of one message of stdin. */
const mostMessage = 32 * 1024;

async function session(over: Transport, verb: 'exec' | 'attach', options: Omit<ExecOptions, 'command'>, command: readonly string[]): Promise<ExecSession> {
  const { namespace, pod, container, tty = false, stdin = false } = options;
  const query = [
    ...command.map((word) => `command=${encodeURIComponent(word)}`),
    ...(container ? [`container=${encodeURIComponent(container)}`] : []),
    `stdin=${stdin}`, 'stdout=true', `stderr=${!tty}`, `tty=${tty}`,
  ].join('&');
  const path = `${resourcePath(pods, { namespace, name: pod, subresource: verb })}?${query}`;
  const socket = await openWebSocket(over, path, protocols);
  keepAlive(socket);
  return streams(socket, stdin);
}

function streams(socket: WebSocket, withStdin: boolean): ExecSession {
  // Reading from the connection rests while either reader is behind.
  const full = new Set<Readable>();
  const readable = (): Readable => {
    const stream: Readable = new Readable({
      read() {
        if (full.delete(stream) && full.size === 0) socket.resume();
      },
      destroy(error, done) {
        if (full.delete(stream) && full.size === 0) socket.resume();
        done(error);
      },
    });
    return stream;
  };
  const stdout = readable();
  const stderr = readable();
  const send = (number: number, bytes: Uint8Array, done: (error?: Error | null) => void = () => undefined) => {
    if (socket.readyState !== socket.OPEN) return done(new ConnectionError('the connection is closed'));
    socket.send(Buffer.concat([Buffer.of(number), bytes]), done);
  };
  const stdin = withStdin
    ? new Writable({
        write(bytes: Buffer, _, done) {
          for (let start = 0; start < bytes.length; start += mostMessage) {
            const last = start + mostMessage >= bytes.length;
            send(channel.stdin, bytes.subarray(start, start + mostMessage), last ? done : undefined);
          }
          if (bytes.length === 0) done();
        },
        final(done) {
          if (socket.protocol.startsWith('v5')) send(channel.close, Buffer.of(channel.stdin), () => done());
          else done();
        },
      })
    : undefined;
  // Whoever writes after the end learns of it from `exit`.
  stdin?.on('error', () => undefined);

  let failure: Error | undefined;
  let result: { code: number } | StatusError | undefined;
  const deliver = (stream: Readable, bytes: Buffer) => {
    if (stream.destroyed || stream.push(bytes)) return;
    full.add(stream);
    socket.pause();
  };
  socket.on('message', (data: RawData) => {
    const message = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
    const bytes = message.subarray(1);
    if (bytes.length === 0) return;
    if (message[0] === channel.stdout) deliver(stdout, bytes);
    else if (message[0] === channel.stderr) deliver(stderr, bytes);
    else if (message[0] === channel.error) result = outcome(bytes.toString());
  });
  socket.on('error', (error) => (failure = error));
  const exit = new Promise<{ code: number }>((resolve, reject) => {
    socket.once('close', (code) => {
      stdin?.destroy();
      stdout.push(null);
      stderr.push(null);
      if (result instanceof StatusError) reject(result);
      else if (result) resolve(result);
      else reject(new ConnectionError(`the connection to the container was lost${failure ? `: ${failure.message}` : code === 1000 ? '' : ` (code ${code})`}`));
    });
  });
  exit.catch(() => undefined);
  socket.resume();
  return {
    stdin, stdout, stderr, exit,
    resize: (columns, rows) => send(channel.resize, Buffer.from(JSON.stringify({ Width: columns, Height: rows }))),
    close: () => {
      // Nobody reads any more: what still comes must not keep the close from being seen.
      full.clear();
      socket.resume();
      socket.close(1000);
    },
  };
}

/** What the error channel says: a `Status` whose cause `ExitCode` carries the code of a command that ran and failed. */
function outcome(text: string): { code: number } | StatusError {
  let status: Status;
  try {
    status = JSON.parse(text) as Status;
  } catch {
    return new StatusError(500, 'InternalError', text);
  }
  if (status.status === 'Success') return { code: 0 };
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
  return status.reason === 'NonZeroExitCode' && code !== undefined ? { code: Number(code) } : StatusError.from(status);
}
