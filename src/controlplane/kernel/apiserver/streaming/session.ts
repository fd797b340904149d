/** A remote command as its handler sees it, and how its end reaches the client: the same for every protocol below. */
import { finished } from 'node:stream/promises';
import type { Readable, Writable } from 'node:stream';
import type { Status } from '../../../../api/status.ts';
import { StatusError } from '../../../../api/status.ts';
import type { RemoteCommand } from '../kind.ts';

/** The channels of one command. `end` closes the connection once everything written was handed on. */
export interface CommandChannels {
  /** Of `v<n>.channel.k8s.io`: from 4 on the error channel carries a Status, before it carries text on failure. */
  version: number;
  stdin: Readable | undefined;
  stdout: Writable | undefined;
  stderr: Writable | undefined;
  resize: Readable | undefined;
  error: Writable;
  tty: boolean;
  end(): void;
  closed: Promise<void>;
}

type Result = { code: number } | { error: string | Status };
type Size = { width: number; height: number };

/** Runs the command; resolves when its result was sent or the client has gone. */
export async function runSession(channels: CommandChannels, run: (session: RemoteCommand) => Promise<void>): Promise<void> {
  const result = await Promise.race([resultOf(channels, run), channels.closed]);
  if (!result) return;
  await Promise.race([channels.closed, sendResult(channels, result)]);
  channels.end();
}

function resultOf(channels: CommandChannels, run: (session: RemoteCommand) => Promise<void>): Promise<Result> {
  const { stdin, stdout, stderr, tty } = channels;
  const resizes = channels.resize ? sizes(channels.resize) : undefined;
  return new Promise((resolve) => {
    run({ stdin, stdout, stderr, tty, onResize: (listener) => resizes?.(listener), exit: resolve }).then(
      () => resolve({ code: 0 }),
      (error: unknown) => resolve({ error: error instanceof StatusError ? error.status : error instanceof Error ? error.message : String(error) }),
    );
  });
}

/** Output comes first, whole; then the result. */
async function sendResult(channels: CommandChannels, result: Result): Promise<void> {
  await Promise.all([endOf(channels.stdout), endOf(channels.stderr)]);
  const text = channels.version >= 4 ? JSON.stringify(statusOf(result)) : failureText(result);
  if (text) channels.error.write(text);
  await endOf(channels.error);
}

async function endOf(output: Writable | undefined): Promise<void> {
  if (!output || output.destroyed) return;
  if (!output.writableEnded) output.end();
  await finished(output, { readable: false }).catch(() => undefined);
}

function statusOf(result: Result): Partial<Status> {
  if ('error' in result) {
    if (typeof result.error !== 'string') return result.error;
    return { metadata: {}, status: 'Failure', message: `Internal error occurred: ${result.error}`, reason: 'InternalError', code: 500, details: { causes: [{ message: result.error }] } };
  }
  if (result.code === 0) return { metadata: {}, status: 'Success' };
  return {
    metadata: {}, status: 'Failure', reason: 'NonZeroExitCode', message: `command terminated with non-zero exit code: exit status ${result.code}`,
    details: { causes: [{ reason: 'ExitCode', message: String(result.code) }] },
  };
}

function failureText(result: Result): string {
  const { status, message } = statusOf(result);
  return status === 'Failure' ? (message ?? 'the command failed') : '';
}

/** Sizes arrive as JSON documents one after the other, whatever the frames; the last one is kept for a listener that comes later. */
function sizes(resize: Readable): (listener: (size: Size) => void) => void {
  const longest = 4096;
  const listeners: ((size: Size) => void)[] = [];
  let last: Size | undefined;
  let text = '';
  resize.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString('latin1')).slice(-longest);
    for (let end = text.indexOf('}'); end >= 0; end = text.indexOf('}')) {
      const size = sizeOf(text.slice(0, end + 1));
      text = text.slice(end + 1);
      if (!size) continue;
      last = size;
      for (const listener of listeners) listener(size);
    }
  });
  return (listener) => {
    listeners.push(listener);
    if (last) listener(last);
  };
}

function sizeOf(document: string): Size | undefined {
  try {
    const { Width: width, Height: height } = JSON.parse(document) as { Width?: unknown; Height?: unknown };
    return typeof width === 'number' && typeof height === 'number' && width > 0 && height > 0 ? { width, height } : undefined;
  } catch {
    return undefined;
  }
}
