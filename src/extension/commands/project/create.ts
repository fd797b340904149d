import * as vscode from 'vscode';
import { projectRequests } from '../../../api/kinds/project.ts';
import { Cancelled, type Command } from '../command.ts';

/** DNS-1123 label, the rule for namespaces. */
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

export const createProjectCommand: Command = {
  id: 'slipway.project.create',
  async run({ session }, target) {
    const name = typeof target === 'string' ? target : await vscode.window.showInputBox({ title: vscode.l10n.t('Create project'), prompt: vscode.l10n.t('Name of the project'), validateInput: check });
    if (!name) throw new Cancelled();
    await session.client.create(projectRequests, { apiVersion: 'project.openshift.io/v1', kind: 'ProjectRequest', metadata: { name } });
    await session.switchProject(name);
  },
};

function check(name: string): string | undefined {
  if (!label.test(name)) return vscode.l10n.t('Lower-case letters, digits and "-"; a letter or digit first and last.');
  return name.length > 63 ? vscode.l10n.t('At most 63 characters.') : undefined;
}
