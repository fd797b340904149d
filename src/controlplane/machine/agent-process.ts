/** One node agent as a child that is replaced when it ends. Pods do not notice: their shims live on. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, rmSync } from 'node:fs';
import path from 'node:path';
import { signal } from '../../agent/runtime/family.ts';
import type { Clock } from '../../base/clock.ts';
import type { Disposable } from '../../base/disposable.ts';
import type { Log } from '../../base/log.ts';
import { agentConfigVariable, type AgentConfig, type FromAgent } from '../../protocol/agent.ts';
import { expectProcess, leftProcesses, noteProcess } from './identity-file.ts';

export interface AgentProcessOptions {
  config: AgentConfig;
  /** Command line that runs `argv` where the node's network is. */
  command(argv: readonly string[]): readonly string[];
  /** Further variables that the command line needs. */
  environment: Record<string, string>;
  /** Signals the agent behind the child: entering namespaces leaves a process in between. */
  kill(pid: number, signal: NodeJS.Signals): void;
  /** Notes which process runs, so that a control plane started after a crash replaces it. */
  identityFile: string;
  logFile: string;
  /** Keeps a channel to the agent, for the sockets of published ports: told of each agent that listens to it, and of its end. */
  onChannel?: ((child: ChildProcess, open: boolean) => void) | undefined;
  clock: Clock;
  log: Log;
}

/** Waits between restarts, doubled from the first to the last; an agent that lived for `healthyMs` starts anew at the first. */
const firstWaitMs = 200;
const longestWaitMs = 5_000;
const healthyMs = 5_000;
/** How long an agent may take to end before it is killed. */
const patienceMs = 10_000;

export function runAgent(options: AgentProcessOptions): Disposable {
  const { config, clock, log } = options;
  let child: ChildProcess | undefined;
  let stopped = false;
  let wait = firstWaitMs;
  let again: Disposable | undefined;

  const start = () => {
    const argv = options.command([config.nodeBinary, '--no-warnings', '--max-semi-space-size=2', path.join(config.bundles, 'agent.js')]);
    const [program = '', ...args] = argv;
    const out = openSync(options.logFile, 'a', 0o600);
    const begun = clock.now().getTime();
    // Not detached from the group but from the fate: a killed control plane leaves it running for the next one to replace.
    const started = spawn(program, args, {
      stdio: ['ignore', out, out, ...(options.onChannel ? ['ipc' as const] : [])],
      detached: true,
      env: { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin', HOME: process.env.HOME ?? '/', ...(process.versions.electron && { ELECTRON_RUN_AS_NODE: '1' }), [agentConfigVariable]: JSON.stringify(config), ...expectProcess(options.identityFile), ...options.environment },
    });
    closeSync(out);
    child = started;
    noteProcess(options.identityFile, started.pid);
    started.on('message', (said: FromAgent) => said.type === 'ready' && options.onChannel?.(started, true));
    started.once('disconnect', () => options.onChannel?.(started, false));
    started.on('error', (error) => log.error('the agent could not be started', { node: config.nodeName, error }));
    started.on('exit', (code, signal) => {
      if (stopped) return;
      wait = clock.now().getTime() - begun > healthyMs ? firstWaitMs : Math.min(wait * 2, longestWaitMs);
      log.warn('the agent ended and is started again', { node: config.nodeName, code, signal, waitMs: wait });
      again = clock.after(wait, start);
    });
  };
  endPredecessor(options);
  start();

  return {
    async dispose() {
      stopped = true;
      await again?.dispose();
      if (!child || child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      const { pid } = child;
      const ended = new Promise<void>((resolve) => child?.once('exit', () => resolve()));
      options.kill(pid, 'SIGTERM');
      const force = clock.after(patienceMs, () => options.kill(pid, 'SIGKILL'));
      await ended;
      await force.dispose();
      rmSync(options.identityFile, { force: true });
    },
  };
}

/** Two agents of one node would fight over its pods. The old one's pods are taken over by the new one. */
function endPredecessor({ identityFile, kill, log, config }: AgentProcessOptions): void {
  const { noted, carrying } = leftProcesses(identityFile);
  if (!noted && carrying.length === 0) return;
  log.info('replacing the agent of an earlier control plane', { node: config.nodeName, pid: noted?.pid ?? carrying[0]?.pid });
  if (noted) kill(noted.pid, 'SIGKILL');
  // Not through `kill`: behind the agent itself stand its pods.
  for (const { pid } of carrying) signal(pid, 'SIGKILL');
}
