/**
 * Notes which process plays a part, so that a control plane started after a crash ends it instead of having two. One that was killed just after it had started a process had no time to
 * note it: each carries the file's name in its environment, too.
 */
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { identify, isAlive, processesCarrying, type ProcessIdentity } from '../../agent/runtime/procfs.ts';
import { partVariable } from '../../protocol/agent.ts';

/** To be called before the process is started; answers what its environment has to hold. */
export function expectProcess(file: string): Record<string, string> {
  closeSync(openSync(file, 'a', 0o600));
  return { [partVariable]: file };
}

export function noteProcess(file: string, pid: number | undefined): void {
  const identity = pid === undefined ? undefined : identify(pid);
  if (identity) writeFileSync(file, JSON.stringify(identity), { mode: 0o600 });
}

export interface LeftProcesses {
  /** The child that was started; where namespaces were entered, one in between. */
  noted?: ProcessIdentity;
  /** Others that carry the file's name: what it stands before, or all of them if nothing was noted. */
  carrying: ProcessIdentity[];
}

/** Those that still run. */
export function leftProcesses(file: string): LeftProcesses {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // Nothing was ever started, or all has been taken down.
    return { carrying: [] };
  }
  const noted = parse(text);
  const carrying = processesCarrying(`${partVariable}=${file}`).filter((pid) => pid !== noted?.pid).flatMap((pid) => identify(pid) ?? []);
  return { ...(noted && isAlive(noted) && { noted }), carrying };
}

function parse(text: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(text) as ProcessIdentity;
  } catch {
    return undefined;
  }
}
