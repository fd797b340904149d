/** Runs small programs of the system to their end. */
import { spawn } from 'node:child_process';

export interface RunOptions {
  input?: string;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Milliseconds, then KILL. Default 10 s. */
  timeout?: number;
}

export class CommandFailed extends Error {
  readonly code: number | null;
  /** What it wrote to standard error, at most 4 KiB. */
  readonly stderr: string;

  constructor(argv: readonly string[], code: number | null, stderr: string, options?: ErrorOptions) {
    super(`${argv.slice(0, 3).join(' ')}: ${stderr.trim() || (code === null ? 'killed' : `exit code ${code}`)}`, options);
    this.name = 'CommandFailed';
    this.code = code;
    this.stderr = stderr;
  }
}

const keptError = 4096;
const keptOutput = 1 << 20;

/** Standard output of `argv`; rejects with `CommandFailed` unless it ends with 0. Output beyond 1 MiB is dropped. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const [file = '', ...rest] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(file, rest, { cwd: options.cwd, env: options.env, stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeout ?? 10_000);
    let output = '';
    let errors = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (output.length < keptOutput) output += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-keptError);
    });
    child.stdin?.on('error', () => undefined).end(options.input);
    child.on('error', (cause) => {
      clearTimeout(timer);
      reject(new CommandFailed(argv, null, cause.message, { cause }));
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      if (code === 0) resolve(output);
      else reject(new CommandFailed(argv, code, errors));
    });
  });
}

/** `text` as one word of a POSIX shell. */
export function shellQuote(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
