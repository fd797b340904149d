import * as vscode from 'vscode';
import { PodShell } from '../../terminals/pod-shell.ts';
import { runningPodChoice } from '../choices.ts';
import type { Command } from '../command.ts';
import { isNode, objectFor } from '../target.ts';
import { chooseContainer } from './container.ts';

export const podShellCommand: Command = {
  id: 'slipway.pod.shell',
  async run({ session }, target) {
    const pod = await objectFor(session, target, runningPodChoice());
    const container = (isNode(target) && target.container) || (await chooseContainer(pod));
    const several = pod.spec.containers.length > 1;
    const terminal = vscode.window.createTerminal({
      name: several ? `${pod.metadata.name} · ${container}` : pod.metadata.name,
      iconPath: new vscode.ThemeIcon('vm'),
      // A shell cannot be brought back when the window is opened again.
      isTransient: true,
      pty: new PodShell(() => session.connection, { namespace: pod.metadata.namespace ?? session.project, pod: pod.metadata.name, container }),
    });
    terminal.show();
  },
};
