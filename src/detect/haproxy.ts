/** HAProxy of this machine, which the router may use in place of its own data plane. */
import { thisMachine, type Machine } from './command.ts';
import { installLine, packagesOf, thisPackageManager } from './install-hint.ts';
import { compareVersions } from './node-runtime.ts';
import { programsAt } from './places.ts';

export interface FoundHaproxy {
  program: string;
  version: string;
}

/** Older ones lack parts of the runtime API (`add server`) and of the configuration. */
const oldest = '2.6.0';
/** Distributions put it where ordinary users' paths do not lead. */
const places = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin', '/opt/homebrew/bin', '/opt/local/sbin'];

/** The first on this machine that can be used, or why there is none and the line that brings it. */
export async function findHaproxy(machine: Machine = thisMachine): Promise<{ found: FoundHaproxy } | { why: string; fix: string }> {
  if (machine.platform === 'win32') return { why: 'HAProxy does not run on Windows', fix: 'Start without --router haproxy.' };
  const fix = installLine(await thisPackageManager(machine.platform), packagesOf.haproxy) ?? 'Install HAProxy.';
  let why = 'HAProxy is not installed';
  for (const program of await programsAt(machine, ['haproxy'], places)) {
    const { code, stdout } = await machine.run(program, ['-v']);
    const [, version] = /HAProxy version (\d+\.\d+\.\d+)/i.exec(stdout) ?? [];
    if (code !== 0 || version === undefined) why = `${program} does not tell its version`;
    else if (compareVersions(version, oldest) < 0) why = `${program} is HAProxy ${version}; ${oldest} or newer is needed`;
    else return { found: { program, version } };
  }
  return { why, fix };
}
