/** Finds what can be debugged in a container and opens its debugger's port. */
import type { Connection } from '../../client/connection.ts';
import type { ContainerAt } from '../../client/exec.ts';
import { isStatusError } from '../../api/status.ts';
import { debuggeesIn, type Debuggee } from './debuggee.ts';
import { untilInspected } from './inspector.ts';
import { parseScan } from './process-scan.ts';
import { runIn } from './run-in.ts';
import scan from './scan.sh';

/** Why nothing can be attached to. */
export type DebugObstacle = 'NoShell' | 'NoProgram' | 'NotSignalled' | 'NoInspector' | 'NoDebugpy';

export class CannotDebug extends Error {
  readonly obstacle: DebugObstacle;
  readonly debuggee: Debuggee | undefined;
  constructor(obstacle: DebugObstacle, message: string, debuggee?: Debuggee) {
    super(message);
    this.name = 'CannotDebug';
    this.obstacle = obstacle;
    this.debuggee = debuggee;
  }
}

/** What a shell that is not there answers as. */
const noShell = [126, 127];

/** `nodeOptions`: NODE_OPTIONS of the container. */
export async function findDebuggees(connection: Connection, at: ContainerAt, nodeOptions: string | undefined, signal: AbortSignal): Promise<Debuggee[]> {
  const { code, stdout, stderr } = await runIn(connection, at, ['/bin/sh', '-c', scan], signal).catch((error: unknown) => {
    if (isStatusError(error) && error.code !== 403 && error.code !== 404) throw new CannotDebug('NoShell', error.message);
    throw error;
  });
  if (noShell.includes(code)) throw new CannotDebug('NoShell', stderr.trim());
  const found = debuggeesIn(parseScan(stdout), nodeOptions);
  if (found.length === 0) throw new CannotDebug('NoProgram', '');
  return found;
}

/** Returns once the debugger of that program answers. */
export async function openDebugger(connection: Connection, at: ContainerAt, debuggee: Debuggee, signal: AbortSignal): Promise<void> {
  if (debuggee.language === 'python') {
    if (!debuggee.listening) throw new CannotDebug('NoDebugpy', '', debuggee);
    return;
  }
  if (!debuggee.listening) {
    const { code, stderr } = await runIn(connection, at, ['/bin/sh', '-c', `kill -USR1 ${debuggee.process.pid}`], signal);
    if (code !== 0) throw new CannotDebug('NotSignalled', stderr.trim(), debuggee);
  }
  const { namespace, pod } = at;
  await untilInspected(() => connection.dial({ namespace, pod, port: debuggee.port }), signal).catch((error: Error) => {
    signal.throwIfAborted();
    throw new CannotDebug('NoInspector', error.message, debuggee);
  });
}
