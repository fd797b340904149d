import * as vscode from 'vscode';
import { workloadChoices } from '../choices.ts';
import { Cancelled, patiently, type Command } from '../command.ts';
import { foundFor, named } from '../target.ts';

/** More pods than this on one machine are a slip of the finger. */
const most = 100;

export const scaleCommand: Command = {
  id: 'slipway.deployment.scale',
  async run({ session }, target, asked) {
    const { of, object } = await foundFor(session, target, workloadChoices());
    const { name } = object.metadata;
    const now = (object as { spec?: { replicas?: number } }).spec?.replicas ?? 1;
    const answer = typeof asked === 'number' ? String(asked) : await vscode.window.showInputBox({
      title: vscode.l10n.t('Scale "{0}"', name),
      ignoreFocusOut: true,
      prompt: vscode.l10n.t('Number of pods (now {0})', now),
      value: String(now),
      validateInput: (text) => (/^\d+$/.test(text) && Number(text) <= most ? undefined : vscode.l10n.t('A whole number from 0 to {0}.', most)),
    });
    if (answer === undefined) throw new Cancelled();
    await patiently(vscode.l10n.t('Scaling "{0}"', name), () => session.client.patch(of, { ...named(object), subresource: 'scale' }, 'merge', { spec: { replicas: Number(answer) } }));
  },
};
