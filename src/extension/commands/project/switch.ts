import * as vscode from 'vscode';
import { projects, type Project } from '../../../api/kinds/project.ts';
import { namespaces } from '../../../api/kinds/core.ts';
import { isStatusError } from '../../../api/status.ts';
import type { Session } from '../../connections/session.ts';
import { Cancelled, type Command } from '../command.ts';
import { isNode } from '../target.ts';

export const switchProjectCommand: Command = {
  id: 'slipway.project.switch',
  async run({ session }, target) {
    await session.switchProject(isNode(target) ? target.label : typeof target === 'string' ? target : await chooseProject(session, vscode.l10n.t('Switch project')));
  },
};

/** Projects where the cluster has them, namespaces elsewhere. */
export async function listProjects(session: Session): Promise<string[]> {
  try {
    return (await session.client.list<Project>(projects)).items.map((one) => one.metadata.name);
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
    return (await session.client.list(namespaces)).items.map((one) => one.metadata.name);
  }
}

export async function chooseProject(session: Session, title: string): Promise<string> {
  const names = await listProjects(session);
  const picked = await vscode.window.showQuickPick(names.map((name) => ({ label: `$(project) ${name}`, name, ...(name === session.project && { description: vscode.l10n.t('current') }) })), { title });
  if (!picked) throw new Cancelled();
  return picked.name;
}
