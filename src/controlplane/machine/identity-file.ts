/** Notes which process plays a part, so that a control plane started after a crash ends it instead of having two. */
import { readFileSync, writeFileSync } from 'node:fs';
import { identify, isAlive, type ProcessIdentity } from '../../agent/runtime/procfs.ts';

export function noteProcess(file: string, pid: number | undefined): void {
  const identity = pid === undefined ? undefined : identify(pid);
  if (identity) writeFileSync(file, JSON.stringify(identity), { mode: 0o600 });
}

/** The noted process if it still runs. */
export function notedProcess(file: string): ProcessIdentity | undefined {
  let found: ProcessIdentity;
  try {
    found = JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity;
  } catch {
    return undefined;
  }
  return isAlive(found) ? found : undefined;
}
