/** `exec` by entering the container's namespaces; with a terminal through `script`, whose device lies in the pod's own terminal folder. */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { PassThrough } from 'node:stream';
import { shimDescriptors } from '../../../protocol/shim.ts';
import { resizeTerminal } from '../../shim/container-process.ts';
import { childrenOf } from '../procfs.ts';
import { shellQuote } from '../run.ts';
import type { ExecSession } from '../runtime.ts';
import { systemEnvironment } from '../system-path.ts';
import type { Kit } from './kit.ts';
import type { PipeSet, PipeSets } from './pipe-sets.ts';
import { enterText } from './start-script.ts';

export interface ExecTarget {
  /** First process of the container. */
  pid: number;
  uid: number;
  workingDir: string;
  buildPowers: boolean;
  /** File with the environment as shell text. */
  environment: string;
  terminals: string;
}

/** How long a process has after its client went away. */
const hangupMilliseconds = 2000;

/** Command line from inside the holder to `argv` in the container. */
export function execCommand(target: ExecTarget, argv: readonly string[], kit: Kit, tty: boolean): string[] {
  const into = ['nsenter', '-t', String(target.pid), '-m', '-u', '-i', '-n', '-U', '--preserve-credentials'];
  const allPowersGone = kit.nsenterKeepsCapabilities || target.uid === 0;
  const drop = target.buildPowers
    ? [...kit.tool('setpriv'), '--no-new-privs']
    : // Without `--keep-caps` a uid other than 0 has no power left here, not even the one to shrink the bounding set, which then bounds nothing.
      [...kit.tool('setpriv'), '--no-new-privs', '--inh-caps=-all', '--ambient-caps=-all', ...(allPowersGone ? ['--bounding-set=-all'] : [])];
  const keep = kit.nsenterKeepsCapabilities && !target.buildPowers ? ['--keep-caps'] : [];
  const last = [...drop, ...kit.tool('sh'), '-c', enterText(false), 'slipway', target.workingDir, ...argv];
  if (!tty) return [...into, ...keep, '-p', ...last];
  /*
   * Only children of the first nsenter are in the container's pid namespace. The shell makes one, as a job of its own with the terminal in its hands:
   * Ctrl-C reaches the application and none of the processes that wait for it.
   */
  const job = ['nsenter', '-t', String(target.pid), '-p', '-F', 'sh', '-m', '-c', '"$@"; exit $?', 'sh', ...into, ...keep, ...last];
  const terminal = `mount --bind "$1" /dev/pts && exec script -qfec "$2" /dev/null`;
  return ['unshare', '-m', '--propagation', 'private', 'sh', '-c', terminal, 'sh', target.terminals, job.map(shellQuote).join(' ')];
}

export async function startExec(target: ExecTarget, argv: readonly string[], options: { tty: boolean; stdin: boolean }, kit: Kit, pipes: PipeSets): Promise<ExecSession> {
  const [file = '', ...rest] = execCommand(target, argv, kit, options.tty);
  const set = await pipes.take();
  const environment = openSync(target.environment, 'r');
  const stdio: StdioOptions = [options.stdin || options.tty ? set.theirs.stdin : 'ignore', set.theirs.stdout, set.theirs.stderr, 'ignore', environment];
  if (stdio.length !== shimDescriptors.handOver + 1) throw new Error('descriptors out of step');
  let child: ChildProcess;
  try {
    child = spawn(file, rest, { detached: true, stdio, env: { ...systemEnvironment, SHELL: '/bin/sh', ...(options.tty && { TERM: 'xterm' }) }, cwd: '/' });
  } finally {
    closeSync(environment);
    set.closeTheirs();
  }
  return session(child, set, options, target);
}

function session(child: ChildProcess, set: PipeSet, options: { tty: boolean; stdin: boolean }, target: ExecTarget): ExecSession {
  const { stdin } = set;
  const stdout = set.stdout.pipe(new PassThrough());
  const stderr = set.stderr.pipe(new PassThrough());
  const exit = new Promise<{ code: number } | { error: string }>((resolve) => {
    child.once('error', (error) => resolve({ error: error.message }));
    // Output first: a client closes when it learns the code. What a left-over process keeps open is given up.
    child.once('exit', (code, signal) => {
      const give = setTimeout(() => set.dispose(), hangupMilliseconds);
      void Promise.all([set.stdoutEnd, set.stderrEnd]).then(() => {
        clearTimeout(give);
        set.dispose();
        resolve({ code: code ?? 128 + (constants.signals[signal!] ?? 9) });
      });
    });
  });
  if (!options.stdin && !options.tty) stdin.end();
  let size: { width: number; height: number } | undefined;
  const applySize = (attempts: number): void => {
    const inner = child.pid === undefined ? undefined : childrenOf(child.pid)[0];
    if (inner !== undefined && size) return resizeTerminal(inner, target.terminals, size.width, size.height);
    if (attempts > 0 && child.exitCode === null) setTimeout(() => applySize(attempts - 1), 10).unref();
  };
  return {
    stdin, stdout, stderr, exit,
    resize(width, height) {
      if (!options.tty || width < 1 || height < 1) return;
      const waiting = size !== undefined && child.pid !== undefined && childrenOf(child.pid).length === 0;
      size = { width, height };
      // The terminal is there a few milliseconds after the start.
      if (!waiting) applySize(100);
    },
    kill() {
      if (child.pid === undefined || child.exitCode !== null) return;
      for (const pid of tree(child.pid)) signal(pid, 'SIGHUP');
      setTimeout(() => {
        if (child.exitCode === null && child.signalCode === null) for (const pid of tree(child.pid!)) signal(pid, 'SIGKILL');
      }, hangupMilliseconds).unref();
    },
  };
}

/** Leaves first, so that nobody is orphaned before it got the signal. */
function tree(pid: number): number[] {
  return [...childrenOf(pid).flatMap(tree), pid];
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
}
