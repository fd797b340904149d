import * as vscode from 'vscode';
import type { Pod } from '../../../api/kinds/core.ts';
import { PodShell } from '../../terminals/pod-shell.ts';
import { runningPodChoice } from '../choices.ts';
import { Cancelled, type Command } from '../command.ts';
import { isNode, objectFor } from '../target.ts';

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

async function chooseContainer(pod: Pod): Promise<string> {
  const names = pod.spec.containers.map((container) => container.name);
  const wanted = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  if (wanted && names.includes(wanted)) return wanted;
  if (names.length === 1 && names[0]) return names[0];
  const picked = await vscode.window.showQuickPick(names, { title: vscode.l10n.t('Choose a container') });
  if (!picked) throw new Cancelled();
  return picked;
}
