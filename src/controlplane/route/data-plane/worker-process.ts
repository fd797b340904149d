/** One worker process and the lines exchanged with it. */
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import type { Log } from '../../../base/log.ts';
import type { RouterCommand, RouterReport } from '../../../protocol/router.ts';
import type { InsideProcess } from './data-plane.ts';

/** Commands that a stuck worker has not read; beyond this it is ended. */
const mostUnread = 64 * 1024 * 1024;
const longestLogLine = 4_096;

export class RouterWorker {
  readonly exited: Promise<string>;
  readonly #process: InsideProcess;

  constructor(process: InsideProcess, report: (report: RouterReport) => void, log: Log) {
    const { child } = process;
    this.#process = process;
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`));
    });
    // A worker that ended is noticed by its exit; the broken pipe says nothing more.
    child.stdin?.on('error', () => undefined);
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => report(JSON.parse(line) as RouterReport));
    if (child.stderr) createInterface({ input: child.stderr }).on('line', (line) => log.warn('router worker', { line: line.slice(0, longestLogLine) }));
  }

  get pid(): number | undefined {
    return this.#process.child.pid;
  }

  send(command: RouterCommand): void {
    const input = this.#process.child.stdin as Writable | null;
    if (!input?.writable) return;
    input.write(`${JSON.stringify(command)}\n`);
    if (input.writableLength > mostUnread) this.kill();
  }

  kill(): void {
    this.#process.kill();
  }
}
