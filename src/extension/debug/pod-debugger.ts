/** Finds what can be debugged in a container and opens its debugger's port. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from '../../client/connection.ts';
import type { ContainerAt } from '../../client/exec.ts';
import { isStatusError } from '../../api/status.ts';
import { debuggeesIn, isStarter, usualPort, type Debuggee } from './debuggee.ts';
import { firstInspected, untilInspected } from './inspector.ts';
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

/** How long a program takes at most from the start of its pod to its debugger, and how often one looks. */
const startMs = 30_000;
const lookMs = 300;

/** As `findDebuggees`, of a pod that has just been rolled out for it: once `script`, or whatever it is, listens for a debugger. What is there after a while is told as it is. */
export async function untilDebuggees(connection: Connection, at: ContainerAt, nodeOptions: string | undefined, script: string | undefined, signal: AbortSignal): Promise<Debuggee[]> {
  const until = Date.now() + startMs;
  for (;;) {
    const found = await findDebuggees(connection, at, nodeOptions, signal).catch((error: unknown) => {
      if (error instanceof CannotDebug && error.obstacle === 'NoProgram' && Date.now() < until) return [];
      throw error;
    });
    const meant = found.filter((one) => one.listening && (script === undefined || one.script === script));
    if (meant.length > 0) return meant;
    if (found.length > 0 && Date.now() >= until) return found;
    await delay(lookMs, undefined, { signal });
  }
}

/** Resolves to the port of that program's debugger once it answers. */
export async function openDebugger(connection: Connection, at: ContainerAt, debuggee: Debuggee, signal: AbortSignal): Promise<number> {
  if (debuggee.language === 'python') {
    if (!debuggee.listening) throw new CannotDebug('NoDebugpy', '', debuggee);
    return debuggee.port;
  }
  if (!debuggee.listening) {
    const { code, stderr } = await runIn(connection, at, ['/bin/sh', '-c', `kill -USR1 ${debuggee.process.pid}`], signal);
    if (code !== 0) throw new CannotDebug('NotSignalled', stderr.trim(), debuggee);
  }
  const { namespace, pod } = at;
  const dial = (port: number) => connection.dial({ namespace, pod, port });
  if (debuggee.port === 0) {
    const port = await firstInspected(debuggee.process.ports ?? [], dial);
    if (port === undefined) throw new CannotDebug('NoInspector', 'none of its ports answers as one', debuggee);
    return port;
  }
  const { url } = await untilInspected(() => dial(debuggee.port), signal).catch((error: Error) => {
    signal.throwIfAborted();
    // What was only asked to listen does not: there is nothing more to say of it.
    throw new CannotDebug('NoInspector', debuggee.listening ? error.message : '', debuggee);
  });
  // Two programs cannot share the port: the other one had it first.
  if (isStarter(url) && !debuggee.starter) throw new CannotDebug('NoInspector', `${url} has that port`, debuggee);
  return debuggee.port;
}

/** The program of a container that nothing can be run in, as its inspector at the usual port tells. */
export async function inspectedProgram(connection: Connection, { namespace, pod }: ContainerAt, signal: AbortSignal): Promise<Debuggee> {
  const port = usualPort.node;
  const { url } = await untilInspected(() => connection.dial({ namespace, pod, port }), signal);
  const file = url.startsWith('file:') ? decodeURIComponent(new URL(url).pathname) : url;
  return { language: 'node', process: { pid: 0, exe: 'node', cwd: '', args: ['node', file] }, script: file.slice(file.lastIndexOf('/') + 1), port, listening: true, starter: false };
}
