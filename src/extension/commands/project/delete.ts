import * as vscode from 'vscode';
import { Cancelled, patiently, type Command } from '../command.ts';
import { isNode } from '../target.ts';
import { chooseProject, projectResource } from './switch.ts';

/** A project is confirmed by typing its name: everything in it goes. */
export const deleteProjectCommand: Command = {
  id: 'slipway.project.delete',
  async run({ session }, target) {
    const name = isNode(target) ? target.label : await chooseProject(session, vscode.l10n.t('Delete project'));
    const typed = await vscode.window.showInputBox({
      title: vscode.l10n.t('Delete project "{0}"', name),
      ignoreFocusOut: true,
      prompt: vscode.l10n.t('Everything in it is deleted. Type its name to confirm.'),
      placeHolder: name,
      validateInput: (text) => (text === '' || text === name ? undefined : vscode.l10n.t('Type "{0}" to confirm.', name)),
    });
    if (typed !== name) throw new Cancelled();
    await patiently(vscode.l10n.t('Deleting project "{0}"', name), () => session.client.delete(projectResource(session), { name }));
    if (session.project === name) await session.switchProject('default');
  },
};
