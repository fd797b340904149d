/** A program of the control plane that runs where pods can be reached, e.g. the router's: one at a time. */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { descendantsOf, identify, isAlive, type ProcessIdentity } from '../../agent/runtime/procfs.ts';
import { signal } from '../../agent/runtime/family.ts';
import { delay, type Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Ground } from './ground.ts';
import { expectProcess, leftProcesses, noteProcess } from './identity-file.ts';

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
    const until = clock.now().getTime() + patienceMs;
    const family = new Map<number, ProcessIdentity>();
    do {
      const { noted, carrying } = leftProcesses(identityFile);
      // The one in between is not who holds the ports: who stands behind it does, until he has ended.
      for (const one of [...carrying, ...(noted ? descendantsOf(noted.pid).flatMap((pid) => identify(pid) ?? []) : [])]) {
        if (!family.has(one.pid)) log.info('ending the program of an earlier control plane', { pid: one.pid });
        family.set(one.pid, one);
      }
      if (noted) ground().kill(noted.pid, 'SIGKILL');
      for (const { pid } of carrying) signal(pid, 'SIGKILL');
      for (const [pid, identity] of family) if (!isAlive(identity)) family.delete(pid);
      if (family.size > 0) await delay(clock, lookEveryMs);
    } while (family.size > 0 && clock.now().getTime() < until);
  }

  spawn(argv: readonly string[], options: { stdio: StdioOptions; env: NodeJS.ProcessEnv }): { child: ChildProcess; kill(): void } {
    const { ground, identityFile } = this.#options;
    const [program = '', ...args] = ground().command(argv);
    const child = spawn(program, args, { ...options, env: { ...options.env, ...expectProcess(identityFile) } });
    noteProcess(identityFile, child.pid);
    return { child, kill: () => void (child.pid !== undefined && ground().kill(child.pid, 'SIGKILL')) };
  }
}
