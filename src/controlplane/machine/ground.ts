/** What nodes stand on: the machine holder's namespaces, or this machine itself. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { findHolder, startHolder, type Holder } from '../../agent/holder/holder.ts';
import { clearEngine } from '../../agent/runtime/engine/clear.ts';
import { endAllProcesses } from '../../agent/runtime/process/end-all.ts';
import type { Disposable } from '../../base/disposable.ts';
import type { Log } from '../../base/log.ts';
import type { ChosenRuntime } from './choose-runtime.ts';

export interface NodePlace {
  ip: string;
  /** Command line that runs `argv` in the node's network. */
  command(argv: readonly string[]): readonly string[];
}

export interface Ground extends Disposable {
  /** Pods reach the outside by themselves; else through the egress proxy. */
  readonly realEgress: boolean;
  /** Socket of a node that connects to pods, where this machine's network does not lead to them. */
  podDial?(): string | undefined;
  /** Where they then reach this machine. */
  readonly hostAddress?: string | undefined;
  addNode(index: number, podCidr: string): Promise<NodePlace>;
  /** Command line that runs `argv` where pod addresses can be dialled. */
  command(argv: readonly string[]): readonly string[];
  /** Signals what runs behind a child that was started with one of the command lines. */
  kill(this: void, pid: number, signal: NodeJS.Signals): void;
}

export interface GroundOptions {
  runtime: ChosenRuntime;
  runDirectory: string;
  /** Folder of all nodes: `<nodes>/<name>/runtime` is a driver's. */
  nodes: string;
  log: Log;
}

export async function openGround({ runtime, runDirectory, nodes, log }: GroundOptions): Promise<Ground> {
  if (runtime.name === 'process') return bareGround(() => endProcesses(nodes));
  if (runtime.name === 'engine') {
    const { engine } = runtime;
    const dial = dialSocketOf(runDirectory);
    return { ...bareGround(() => clearEngine(engine, log)), podDial: () => (existsSync(dial) ? dial : undefined) };
  }
  const found = await findHolder(path.join(runDirectory, 'holder.json'));
  if (found) log.info('machine holder found again', { pid: found.pid });
  return heldGround(found ?? (await startHolder({ runDirectory, log })));
}

function heldGround(holder: Holder): Ground {
  return {
    realEgress: holder.egress.mode !== 'relay',
    hostAddress: holder.egress.mode === 'relay' ? undefined : holder.egress.hostAddress,
    async addNode(index, podCidr) {
      const { netns, ip } = await holder.addNode(index, podCidr);
      return { ip, command: (argv) => holder.command(argv, { netns }) };
    },
    command: (argv) => holder.command(argv),
    kill: (pid, signal) => {
      // The process in between of one that was stopped is stopped itself, and would wait for ever.
      if (!holder.kill(pid, signal) || signal === 'SIGKILL') signalProcess(pid, signal);
    },
    dispose: () => holder.stop(),
  };
}

/** Served by the first node's agent. */
export const dialSocketOf = (runDirectory: string) => path.join(runDirectory, 'dial.sock');

/** The agents have ended when `end` is called. */
function bareGround(end: () => Promise<void>): Ground {
  return {
    realEgress: true,
    addNode: async () => ({ ip: '127.0.0.1', command: (argv) => argv }),
    command: (argv) => argv,
    kill: signalProcess,
    dispose: end,
  };
}

/** The holder ends everything in it; here each node's processes are looked for. */
async function endProcesses(nodes: string): Promise<void> {
  const names = await readdir(nodes).catch(() => []);
  await Promise.all(names.map((name) => endAllProcesses(path.join(nodes, name, 'runtime'))));
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended already.
  }
}
