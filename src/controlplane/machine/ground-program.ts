/** A program of the control plane that runs where pods can be reached, e.g. the router's: one at a time. */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { descendantsOf, identify, isAlive } from '../../agent/runtime/procfs.ts';
import { delay, type Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Ground } from './ground.ts';
import { notedProcess, noteProcess } from './identity-file.ts';

const lookEveryMs = 10;
const patienceMs = 5_000;

export interface GroundProgramOptions {
  ground(): Ground;
  identityFile: string;
  clock: Clock;
  log: Log;
}

export class GroundProgram {
  readonly #options: GroundProgramOptions;

  constructor(options: GroundProgramOptions) {
    this.#options = options;
  }

  /**
   * What a killed control plane left ends by itself once it notices; on a busy machine, or when it hangs, that is too late for one that wants its ports. Resolves when it holds
   * nothing any more, after 5 s at the latest.
   */
  async endPredecessor(): Promise<void> {
    const { ground, identityFile, clock, log } = this.#options;
    const found = notedProcess(identityFile);
    if (!found) return;
    log.info('ending the program of an earlier control plane', { pid: found.pid });
    // Where namespaces were entered, the noted process is one in between. The one inside holds the ports until it has ended.
    const family = descendantsOf(found.pid).flatMap((pid) => identify(pid) ?? []);
    ground().kill(found.pid, 'SIGKILL');
    for (const until = clock.now().getTime() + patienceMs; family.some(isAlive) && clock.now().getTime() < until; ) await delay(clock, lookEveryMs);
  }

  spawn(argv: readonly string[], options: { stdio: StdioOptions; env: NodeJS.ProcessEnv }): { child: ChildProcess; kill(): void } {
    const { ground, identityFile } = this.#options;
    const [program = '', ...args] = ground().command(argv);
    const child = spawn(program, args, options);
    noteProcess(identityFile, child.pid);
    return { child, kill: () => void (child.pid !== undefined && ground().kill(child.pid, 'SIGKILL')) };
  }
}
