/** A process as an `ExecSession`: its streams, size, end and disconnect. */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { resizeTerminal } from '../shim/container-process.ts';
import { startFailure, startFailureCode } from '../shim/start-failure.ts';
import type { PipeSets } from './pipe-sets.ts';
import { childrenOf } from './procfs.ts';
import type { ExecSession } from './runtime.ts';

export interface SessionCommand {
  argv: string[];
  environment: NodeJS.ProcessEnv;
  cwd: string;
  /** File given to the process as descriptor 4. */
  handOver?: string;
  /** Folder of the terminal's device. */
  terminals: string;
}

interface Streams {
  stdin: Writable | null;
  stdout: Readable;
  stderr: Readable;
  dispose(): void;
}

/** How long a process has after its client went away, and output after the process. */
const hangupMilliseconds = 2000;

/** `pipes` undefined: the system has no named pipes. */
export async function startSession(command: SessionCommand, options: { tty: boolean; stdin: boolean }, pipes: PipeSets | undefined): Promise<ExecSession> {
  const [file = '', ...rest] = command.argv;
  const input = options.stdin || options.tty;
  const set = await pipes?.take();
  const handOver = command.handOver === undefined ? undefined : openSync(command.handOver, 'r');
  const stdio: StdioOptions = [input ? (set?.theirs.stdin ?? 'pipe') : 'ignore', set?.theirs.stdout ?? 'pipe', set?.theirs.stderr ?? 'pipe', 'ignore', handOver ?? 'ignore'];
  let child: ChildProcess;
  try {
    child = spawn(file, rest, { detached: process.platform !== 'win32', windowsHide: true, stdio, env: command.environment, cwd: command.cwd });
  } finally {
    if (handOver !== undefined) closeSync(handOver);
    set?.closeTheirs();
  }
  const streams: Streams = set ?? {
    stdin: child.stdin, stdout: child.stdout!, stderr: child.stderr!,
    dispose: () => [child.stdin, child.stdout, child.stderr].forEach((stream) => stream?.destroy()),
  };
  return session(child, streams, options, command);
}

function session(child: ChildProcess, streams: Streams, options: { tty: boolean; stdin: boolean }, { argv: [file = ''], cwd, terminals }: SessionCommand): ExecSession {
  const stdin = streams.stdin ?? new PassThrough().resume();
  stdin.on('error', () => undefined);
  const stdout = streams.stdout.pipe(new PassThrough());
  const stderr = streams.stderr.pipe(new PassThrough());
  const ends = Promise.all([streams.stdout, streams.stderr].map((stream) => new Promise<void>((resolve) => stream.once('close', () => resolve()))));
  const exit = new Promise<{ code: number } | { error: string }>((resolve) => {
    child.once('error', (error) => {
      stderr.write(`${startFailure(file, cwd, error)}\n`);
      streams.dispose();
      resolve({ code: startFailureCode(error) });
    });
    // Output first: a client closes when it learns the code. What a left-over process keeps open is given up.
    child.once('exit', (code, signal) => {
      const give = setTimeout(() => streams.dispose(), hangupMilliseconds);
      void ends.then(() => {
        clearTimeout(give);
        streams.dispose();
        resolve({ code: code ?? 128 + (constants.signals[signal!] ?? 9) });
      });
    });
  });
  for (const [from, to] of [[streams.stdout, stdout], [streams.stderr, stderr]] as const) from.once('close', () => to.end());
  if (!options.stdin && !options.tty) stdin.end();
  const over = () => child.exitCode !== null || child.signalCode !== null;
  let size: { width: number; height: number } | undefined;
  let waiting = false;
  const applySize = (attempts: number): void => {
    const inner = child.pid === undefined ? undefined : childrenOf(child.pid)[0];
    const done = inner !== undefined && size !== undefined && resizeTerminal(inner, terminals, size.width, size.height);
    waiting = !done && attempts > 0 && !over();
    if (waiting) setTimeout(() => applySize(attempts - 1), 10).unref();
  };
  return {
    stdin, stdout, stderr, exit,
    resize(width, height) {
      if (!options.tty || width < 1 || height < 1) return;
      size = { width, height };
      // The terminal is there a few milliseconds after the start.
      if (!waiting) applySize(100);
    },
    kill() {
      const { pid } = child;
      if (pid === undefined || over()) return;
      for (const one of tree(pid)) signal(one, 'SIGHUP');
      setTimeout(() => {
        if (!over()) for (const one of tree(pid)) signal(one, 'SIGKILL');
      }, hangupMilliseconds).unref();
    },
  };
}

/** Leaves first, so that nobody is orphaned before it got the signal. */
function tree(pid: number): number[] {
  return process.platform === 'linux' ? [...childrenOf(pid).flatMap(tree), pid] : [pid];
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
}
