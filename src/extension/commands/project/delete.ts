import * as vscode from 'vscode';
import { namespaces } from '../../../api/kinds/core.ts';
import { Cancelled, type Command } from '../command.ts';
import { isNode } from '../target.ts';
import { chooseProject } from './switch.ts';

/** A project is confirmed by typing its name: everything in it goes. */
export const deleteProjectCommand: Command = {
  id: 'slipway.project.delete',
  async run({ session }, target) {
    const name = isNode(target) ? target.label : await chooseProject(session, vscode.l10n.t('Delete project'));
    const typed = await vscode.window.showInputBox({
      title: vscode.l10n.t('Delete project "{0}"', name),
      prompt: vscode.l10n.t('Everything in it is deleted. Type its name to confirm.'),
      validateInput: (text) => (text === name ? undefined : vscode.l10n.t('Type "{0}" to confirm.', name)),
    });
    if (typed !== name) throw new Cancelled();
    await session.client.delete(namespaces, { name });
    if (session.project === name) await session.switchProject('default');
  },
};
