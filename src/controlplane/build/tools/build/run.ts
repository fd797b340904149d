/** Runs a program of the build: output goes on line by line, its last lines are kept, cancelling kills it. */
import { spawn, type StdioOptions } from 'node:child_process';
import type { Readable } from 'node:stream';

export interface RunResult {
  code: number;
  signal?: NodeJS.Signals;
  /** Last lines of standard output and error, together. */
  tail: string[];
}

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Called for each line of both outputs, without its end. */
  line?(text: string): void;
  /** Bytes for its standard input; none: it is empty. */
  stdin?: Readable;
  signal: AbortSignal;
  /** How to end it when the signal aborts; default: SIGKILL to the process. */
  kill?(pid: number): void;
}

const tailLines = 20;
/** A longer line is cut in pieces, so that a program without line ends cannot fill memory. */
const longestLine = 16 * 1024;

/** Resolves when the program has ended; rejects if it cannot be started or the signal aborts. */
export async function run(argv: readonly string[], options: RunOptions): Promise<RunResult> {
  options.signal.throwIfAborted();
  const [file = '', ...args] = argv;
  const stdio: StdioOptions = [options.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'];
  const child = spawn(file, args, { cwd: options.cwd, env: options.env ?? process.env, stdio });
  const tail: string[] = [];
  const keep = (text: string) => {
    tail.push(text);
    if (tail.length > tailLines) tail.shift();
    options.line?.(text);
  };
  const abort = () => {
    if (child.pid === undefined) return;
    if (options.kill) options.kill(child.pid);
    else child.kill('SIGKILL');
    // What it started may hold its outputs open (git's helpers do); the runtime ends that with the container.
    for (const output of [child.stdout, child.stderr]) output?.destroy();
  };
  options.signal.addEventListener('abort', abort, { once: true });
  if (options.stdin && child.stdin) {
    // A program that does not read its input to the end closes the pipe; its exit code tells what happened.
    child.stdin.on('error', () => options.stdin?.destroy());
    options.stdin.pipe(child.stdin);
  }
  for (const output of [child.stdout, child.stderr]) if (output) splitLines(output, keep);
  try {
    const result = await new Promise<RunResult>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve({ code: code ?? 128, tail, ...(signal && { signal }) }));
    });
    options.signal.throwIfAborted();
    return result;
  } finally {
    options.signal.removeEventListener('abort', abort);
  }
}

/** Output of a program that must succeed; rejects with the last lines of its outputs. */
export async function capture(argv: readonly string[], options: RunOptions): Promise<string> {
  const lines: string[] = [];
  const result = await run(argv, { ...options, line: (text) => void lines.push(text) });
  if (result.code !== 0) throw new Error(result.tail.join('\n').trim() || `${argv[0]} ended with exit code ${result.code}`);
  return lines.join('\n');
}

function splitLines(output: Readable, line: (text: string) => void): void {
  let rest = '';
  output.setEncoding('utf8');
  output.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) line(part.endsWith('\r') ? part.slice(0, -1) : part);
    while (rest.length > longestLine) {
      line(rest.slice(0, longestLine));
      rest = rest.slice(longestLine);
    }
  });
  output.on('end', () => {
    if (rest !== '') line(rest);
    rest = '';
  });
}
