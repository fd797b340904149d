/** `exec` by entering the container's namespaces; with a terminal through `script`, whose device lies in the pod's own terminal folder. */
import { startSession } from '../exec-session.ts';
import type { PipeSets } from '../pipe-sets.ts';
import { shellQuote } from '../run.ts';
import type { ExecSession } from '../runtime.ts';
import { systemEnvironment } from '../system-path.ts';
import type { Kit } from './kit.ts';
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
  group?: string | undefined;
  processLimit?: number | undefined;
}

/** Command line from inside the holder to `argv` in the container. */
export function execCommand(target: ExecTarget, argv: readonly string[], kit: Kit, tty: boolean): string[] {
  const command = enterCommand(target, argv, kit, tty);
  return target.group === undefined ? command : ['sh', '-c', 'echo 0 > "$1/cgroup.procs" 2>/dev/null; shift; exec "$@"', 'sh', target.group, ...command];
}

function enterCommand(target: ExecTarget, argv: readonly string[], kit: Kit, tty: boolean): string[] {
  const into = ['nsenter', '-t', String(target.pid), '-m', '-u', '-i', '-n', '-U', '--preserve-credentials'];
  const allPowersGone = kit.nsenterKeepsCapabilities || target.uid === 0;
  const drop = target.buildPowers
    ? [...kit.tool('setpriv'), '--no-new-privs']
    : // Without `--keep-caps` a uid other than 0 has no power left here, not even the one to shrink the bounding set, which then bounds nothing.
      [...kit.tool('setpriv'), '--no-new-privs', '--inh-caps=-all', '--ambient-caps=-all', ...(allPowersGone ? ['--bounding-set=-all'] : [])];
  const keep = kit.nsenterKeepsCapabilities && !target.buildPowers ? ['--keep-caps'] : [];
  const last = [...drop, ...kit.tool('sh'), '-c', enterText(false, { tty, processLimit: target.processLimit }), 'slipway', target.workingDir, ...argv];
  if (!tty) return [...into, ...keep, '-p', ...last];
  /*
   * Only children of the first nsenter are in the container's pid namespace. The shell makes one, as a job of its own with the terminal in its hands:
   * Ctrl-C reaches the application and none of the processes that wait for it.
   */
  const job = ['nsenter', '-t', String(target.pid), '-p', '-F', 'sh', '-m', '-c', '"$@"; exit $?', 'sh', ...into, ...keep, ...last];
  const terminal = `mount --bind "$1" /dev/pts && exec script -qfec "$2" /dev/null`;
  return ['unshare', '-m', '--propagation', 'private', 'sh', '-c', terminal, 'sh', target.terminals, `${job.map(shellQuote).join(' ')}; exit $?`];
}

export function startExec(target: ExecTarget, argv: readonly string[], options: { tty: boolean; stdin: boolean }, kit: Kit, pipes: PipeSets): Promise<ExecSession> {
  return startSession(
    {
      argv: execCommand(target, argv, kit, options.tty), handOver: target.environment, terminals: target.terminals, cwd: '/',
      environment: { ...systemEnvironment, SHELL: '/bin/sh' },
    },
    options,
    pipes,
  );
}
