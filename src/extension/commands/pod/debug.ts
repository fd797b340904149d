import * as vscode from 'vscode';
import type { Container, Pod } from '../../../api/kinds/core.ts';
import type { Connection } from '../../../client/connection.ts';
import { isStatusError } from '../../../api/status.ts';
import { debugConfiguration } from '../../debug/debug-configuration.ts';
import type { Debuggee } from '../../debug/debuggee.ts';
import { isDebugPod, type DebugMeans } from '../../debug/debug-rollout.ts';
import { CannotDebug, findDebuggees, inspectedProgram, openDebugger, untilDebuggees } from '../../debug/pod-debugger.ts';
import { remoteRootOf } from '../../debug/remote-root.ts';
import { rollOutForDebug, type DebugRun } from '../../debug/roll-out.ts';
import { hasDebugger, startSession } from '../../debug/sessions.ts';
import { sourceOf } from '../../debug/source-of.ts';
import { Advice, Cancelled, patiently, tellFailure, type Command, type CommandContext } from '../command.ts';
import { chooseContainer } from './container.ts';
import { podFor } from './pod-for.ts';
import { isNode } from '../target.ts';

const t = vscode.l10n.t;

/** Attaches a debugger to the Node.js or Python program of a pod that runs. */
export const debugPodCommand: Command = {
  id: 'slipway.pod.debug',
  async run(context, target) {
    const pod = await podFor(context.session, target);
    const container = (isNode(target) && target.container) || (await chooseContainer(pod));
    return debug(context, { pod, container });
  },
};

/** `run.undo`: takes back what was rolled out for it. */
async function debug(context: CommandContext, run: DebugRun): Promise<boolean> {
  const { session, forwards } = context;
  const { pod, container } = run;
  const at = { namespace: pod.metadata.namespace ?? session.project, pod: pod.metadata.name, container };
  const connection = await session.connect();
  if (!connection) throw new Error(t('Slipway is not connected. Start it, or choose a cluster.'));
  const { debuggee, port } = await attachable(context, run, connection, at);
  const folder = await sourceOf(context, pod, container);
  const { namespace } = at;
  const forward = await forwards.start({ namespace, kind: 'Pod', name: at.pod, port, target: port, selector: {} }, port);
  const remoteRoot = remoteRootOf(debuggee, folder, containerOf(run)?.workingDir);
  const configuration = debugConfiguration({ debuggee, pod: at.pod, localPort: forward.localPort, folder, remoteRoot });
  const workspace = folder === undefined ? undefined : vscode.workspace.getWorkspaceFolder(vscode.Uri.file(folder));
  const started = await startSession(forwards, forward.id, workspace, configuration, () => offerUndo(run));
  if (started) tellProbe(pod, container);
  return started;
}

async function attachable(context: CommandContext, run: DebugRun, connection: Connection, at: { namespace: string; pod: string; container: string }): Promise<{ debuggee: Debuggee; port: number }> {
  const options = containerOf(run)?.env?.find(({ name }) => name === 'NODE_OPTIONS')?.value;
  try {
    const found = await patiently(t('Looking for what can be debugged in "{0}"', at.pod), (signal) => (run.undo ? untilDebuggees(connection, at, options, run.script, signal) : findDebuggees(connection, at, options, signal)));
    const debuggee = await choose(found, at.pod);
    if (debuggee.language === 'python') needPythonDebugger();
    return { debuggee, port: await patiently(t('Opening the debugger of "{0}"', debuggee.script), (signal) => openDebugger(connection, at, debuggee, signal)) };
  } catch (error) {
    if (error instanceof CannotDebug && error.obstacle === 'NoShell' && isDebugPod('inspector', run.pod, at.container)) {
      const debuggee = await patiently(t('Looking for what can be debugged in "{0}"', at.pod), (signal) => inspectedProgram(connection, at, signal));
      return { debuggee, port: debuggee.port };
    }
    if (error instanceof CannotDebug) throw adviceFor(context, run, error);
    if (isStatusError(error, 'NotFound')) throw new Error(t('Pod "{0}" is gone.', at.pod));
    throw error;
  }
}

function containerOf({ pod, container }: DebugRun): Container | undefined {
  return pod.spec.containers.find(({ name }) => name === container);
}

async function choose(found: readonly Debuggee[], pod: string): Promise<Debuggee> {
  const [first] = found;
  if (found.length === 1 && first) return first;
  const items = found.map((debuggee) => ({ label: debuggee.script, description: `${debuggee.language === 'node' ? 'Node.js' : 'Python'} · ${debuggee.process.pid}`, detail: debuggee.process.args.join(' '), debuggee }));
  const picked = await vscode.window.showQuickPick(items, { title: t('Choose what to debug in "{0}"', pod) });
  if (!picked) throw new Cancelled();
  return picked.debuggee;
}

function needPythonDebugger(): void {
  if (hasDebugger('debugpy')) return;
  throw new Advice(t('No extension of this editor debugs Python. Install "Python Debugger" (ms-python.debugpy), then try again.'), [
    { title: t('Show Extension'), run: () => vscode.commands.executeCommand('workbench.extensions.search', '@id:ms-python.debugpy') },
  ]);
}

/** What exactly is missing, and the way to have it. */
function adviceFor(context: CommandContext, run: DebugRun, { obstacle, message, debuggee }: CannotDebug): Error {
  const { container, pod } = run;
  const rollOut = (means: DebugMeans, title: string) => ({ title, run: () => rollOutAndDebug(context, { ...run, ...(debuggee && { script: debuggee.script }) }, means).catch(tellFailure) });
  const withInspector = rollOut(obstacle === 'NoShell' ? 'inspector' : 'inspectors', t('Roll Out with Inspector'));
  switch (obstacle) {
    case 'NoShell':
      return new Advice(t('Container "{0}" has no shell, so what runs in it cannot be looked for: {1} A Node.js program can be rolled out with its inspector open; its pods are replaced.', container, message), [withInspector]);
    case 'NoProgram':
      return new Error(t('Neither Node.js nor Python runs in container "{0}" of pod "{1}".', container, pod.metadata.name));
    case 'NotSignalled':
      return new Advice(t('Process {0} cannot be asked to open its inspector: {1} It can be rolled out with the inspector open; its pods are replaced.', debuggee?.process.pid ?? 0, message), [withInspector]);
    case 'NoInspector':
      if (debuggee?.port === 0) return new Error(t('"{0}" was rolled out with its inspector open, but none answers in pod "{1}".', debuggee.script, pod.metadata.name));
      if (!message) return new Advice(t('"{0}" was asked by SIGUSR1 to open its inspector, but nothing answers on port {1}: it may use that signal for itself. It can be rolled out with the inspector open; its pods are replaced.', debuggee?.script ?? '', debuggee?.port ?? 0), [withInspector]);
      return new Advice(t('"{0}" opened no inspector on port {1}: {2}. It can be rolled out with the inspector open; its pods are replaced.', debuggee?.script ?? '', debuggee?.port ?? 0, message), [withInspector]);
    case 'NoDebugpy':
      return new Advice(t('"{0}" does not listen for a debugger on port {1}: debugpy is not loaded in it. It can be rolled out with debugpy, fetched by pip if the image lacks it; its pods are replaced.', debuggee?.script ?? '', debuggee?.port ?? 0), [
        rollOut('debugpy', t('Roll Out with debugpy')),
      ]);
  }
}

async function rollOutAndDebug(context: CommandContext, run: DebugRun, means: DebugMeans): Promise<void> {
  const title = t('Rolling out "{0}" for debugging', run.pod.metadata.name);
  let undo: DebugRun['undo'];
  let started = false;
  try {
    const pod = await patiently(title, async (signal) => {
      const rolledOut = await rollOutForDebug(context.session, run, means);
      undo = rolledOut.undo;
      // Given up while it was being changed: nobody waits any more.
      if (signal.aborted) offerUndo({ ...run, undo });
      return rolledOut.pod(signal);
    });
    started = await debug(context, { ...run, pod, ...(undo && { undo }) });
  } finally {
    // A session that has started offers it at its end.
    if (!started) offerUndo({ ...run, ...(undo && { undo }) });
  }
}

function offerUndo({ undo }: DebugRun): void {
  if (!undo) return;
  const back = t('Roll Back');
  void vscode.window.showInformationMessage(t('"{0}" still runs as it was rolled out for debugging.', undo.name), back).then((answer) => (answer === back ? undo.run().catch(tellFailure) : undefined));
}

/** What stands at a breakpoint answers no probe. */
function tellProbe({ spec }: Pod, container: string): void {
  const probe = spec.containers.find(({ name }) => name === container)?.livenessProbe;
  if (!probe) return;
  void vscode.window.showWarningMessage(t('Container "{0}" has a liveness probe: held at a breakpoint for more than {1} s, it is restarted.', container, (probe.periodSeconds ?? 10) * (probe.failureThreshold ?? 3)));
}
