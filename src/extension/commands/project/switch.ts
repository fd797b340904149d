import * as vscode from 'vscode';
import { namespaces } from '../../../api/kinds/core.ts';
import { projects } from '../../../api/kinds/project.ts';
import type { KubeObject } from '../../../api/meta.ts';
import type { Resource } from '../../../api/resource.ts';
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
export function projectResource(session: Session): Resource {
  return session.serves(projects) ? projects : namespaces;
}

export async function chooseProject(session: Session, title: string): Promise<string> {
  const items = session.client.list<KubeObject>(projectResource(session)).then((list) => list.items.map(({ metadata: { name } }) => ({
    label: `$(project) ${name}`, name, ...(name === session.project && { description: vscode.l10n.t('current') }),
  })));
  const picked = await vscode.window.showQuickPick(items.catch(() => []), { title });
  if (picked) return picked.name;
  await items;
  throw new Cancelled();
}
