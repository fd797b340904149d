/** One HAProxy process, from its start to its last connection. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { delay, type Clock } from '../../../base/clock.ts';
import { ask } from './runtime-socket.ts';

export interface ProgramOptions {
  /** The HAProxy binary. */
  binary: string;
  configFile: string;
  socket: string;
  /** Inherited listeners, at descriptors 3 and above. */
  descriptors: readonly number[];
  clock: Clock;
  /** Each line of its log of requests. */
  onLine(line: string): void;
  /** Each line for people. */
  onNotice(line: string): void;
}

/** It did not start: what it said of its configuration. */
export class ProgramFailed extends Error {
  /** Lines of the configuration, counted from 1. */
  readonly lines: readonly number[];
  /** Names of certificate files. */
  readonly files: readonly string[];
  /** The frontend whose address it could not listen on. */
  readonly frontend: string | undefined;
  constructor(said: string, { lines = [], files = [], frontend }: { lines?: readonly number[]; files?: readonly string[]; frontend?: string | undefined } = {}) {
    super(`HAProxy did not start: ${said}`);
    this.name = 'ProgramFailed';
    this.lines = lines;
    this.files = files;
    this.frontend = frontend;
  }
}

const startMs = 10_000;
const lookEveryMs = 10;
const leaveMs = 5_000;
/** The program that is replaced may have taken the question, and not answer it any more. */
const lookPatienceMs = 250;
const longestNotice = 4_096;
const mostNotices = 200;

export class Program {
  readonly exited: Promise<string>;
  readonly #child: ChildProcess;
  readonly #options: ProgramOptions;
  /** Its first words, until it serves. */
  readonly #said: string[] = [];
  #over = false;
  #left: () => void = () => undefined;
  /** It takes no more connections. */
  readonly #leaving = new Promise<void>((resolve) => (this.#left = resolve));

  private constructor(options: ProgramOptions, child: ChildProcess) {
    this.#options = options;
    this.#child = child;
    this.exited = new Promise((resolve) => {
      const over = (how: string): void => {
        this.#over = true;
        this.#left();
        resolve(how);
      };
      child.once('error', (error) => over(error.message));
      child.once('exit', (code, signal) => over(signal ? `signal ${signal}` : `exit code ${code}`));
    });
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => options.onLine(line));
    if (child.stderr) createInterface({ input: child.stderr }).on('line', (line) => this.#notice(line.slice(0, longestNotice)));
  }

  /** Resolves when it serves and `before` takes no more connections; rejects with `ProgramFailed`, and `before` goes on as if nothing had been. */
  static async start(options: ProgramOptions, before?: Program): Promise<Program> {
    const argv = [options.binary, '-db', '-f', options.configFile, ...(before?.pid === undefined ? [] : ['-sf', String(before.pid)])];
    // Nobody but us ends it, so it must not outlive us, whatever ends us.
    const [program = '', ...args] = process.platform === 'linux' ? ['setpriv', '--pdeathsig', 'KILL', ...argv] : argv;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe', ...options.descriptors], env: { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin' } });
    const started = new Program(options, child);
    await started.#serves();
    if (before) await Promise.race([before.#leaving, delay(options.clock, leaveMs)]);
    return started;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get over(): boolean {
    return this.#over;
  }

  async #serves(): Promise<void> {
    const { clock, socket } = this.#options;
    const end = clock.now().getTime() + startMs;
    while (!this.#over) {
      const info = await ask(socket, 'show info', { patienceMs: lookPatienceMs }).catch(() => '');
      if (info.includes(`\nPid: ${this.pid}\n`)) return;
      if (clock.now().getTime() > end) {
        this.kill();
        throw new ProgramFailed(`it does not answer on ${socket}`);
      }
      await delay(clock, lookEveryMs);
    }
    const how = await this.exited;
    const alerts = this.#said.filter((line) => line.startsWith('[ALERT]'));
    const [, frontend] = /\bfrontend (public|public_ssl|secure):/.exec(alerts.find((line) => line.includes('Starting ')) ?? '') ?? [];
    const lines = frontend === undefined ? alerts.flatMap((line) => [...line.matchAll(/haproxy\.cfg:(\d+)/g)].map(([, number]) => Number(number))) : [];
    const files = alerts.flatMap((line) => [...line.matchAll(/([^/\s']+\.pem)\b/g)].map(([, name = '']) => name));
    throw new ProgramFailed((alerts.length > 0 ? alerts : [...this.#said, how]).join('\n'), { lines, files, frontend });
  }

  #notice(line: string): void {
    if (this.#said.length < mostNotices) this.#said.push(line);
    if (/Proxy public stopped/.test(line)) this.#left();
    // What it tells of every server that comes and goes is told by its statistics, too.
    if (!/^\[NOTICE\]|^\[WARNING\].*(?:Server |Proxy )|^(?:Server|Proxy|backend) /.test(line)) this.#options.onNotice(line);
  }

  /** No more connections; it ends when the last one does. */
  leave(): void {
    this.#child.kill('SIGUSR1');
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
