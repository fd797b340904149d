import * as vscode from 'vscode';
import { namespaces } from '../../../api/kinds/core.ts';
import { projectRequests } from '../../../api/kinds/project.ts';
import { Cancelled, patiently, type Command } from '../command.ts';

/** DNS-1123 label, the rule for namespaces. */
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const longest = 63;

export const createProjectCommand: Command = {
  id: 'slipway.project.create',
  async run({ session }, target) {
    const name = typeof target === 'string' ? target : await vscode.window.showInputBox({ title: vscode.l10n.t('Create project'), ignoreFocusOut: true, prompt: vscode.l10n.t('Name of the project'), validateInput: check });
    if (!name) throw new Cancelled();
    await patiently(vscode.l10n.t('Creating project "{0}"', name), async () => {
      // A project request gives its maker the rights in it; plain Kubernetes knows namespaces only.
      if (session.serves(projectRequests)) await session.client.create(projectRequests, { apiVersion: 'project.openshift.io/v1', kind: 'ProjectRequest', metadata: { name } });
      else await session.client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    });
    await session.switchProject(name);
  },
};

function check(name: string): string | undefined {
  if (name === '') return undefined;
  if (!label.test(name)) return vscode.l10n.t('Lower-case letters, digits and "-"; a letter or digit first and last.');
  return name.length > longest ? vscode.l10n.t('At most 63 characters.') : undefined;
}
