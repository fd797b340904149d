import * as vscode from 'vscode';
import type { KubeObject } from '../../../api/meta.ts';
import { allResources } from '../../../api/resources.ts';
import { isStatusError } from '../../../api/status.ts';
import type { Session } from '../../connections/session.ts';
import { isApplicationNode } from '../../explorer/application-nodes.ts';
import { kindWord } from '../../explorer/kind-words.ts';
import type { TreeNode } from '../../explorer/node.ts';
import type { EventScope } from '../../panels/events-panel.ts';
import type { EventSubject } from '../../panels/events-view.ts';
import { tellFailure, type Command } from '../command.ts';
import { isNode } from '../target.ts';

/** Events of the row's object and what it makes; of the whole project from a project's row or the palette. */
export const showEventsCommand: Command = {
  id: 'slipway.object.events',
  run: ({ session, events }, target) => events.show(isNode(target) ? scopeOf(session, target) : undefined),
};

function scopeOf(session: Session, node: TreeNode): EventScope | undefined {
  if (node.contextValue.startsWith('project')) return { namespace: node.label };
  if (isApplicationNode(node)) {
    const { workloads, buildConfigs, services, routes, ingresses, pods } = node.application;
    const parts: KubeObject[] = [...workloads.map(({ workload }) => workload), ...buildConfigs.map(({ config }) => config), ...services.map(({ service }) => service), ...routes, ...ingresses, ...pods];
    return { namespace: node.namespace ?? session.project, of: { title: node.label, subjects: parts.map(subjectOf) } };
  }
  if (!node.object) return undefined;
  return { namespace: node.object.metadata.namespace ?? session.project, of: { title: `${node.object.kind} ${node.object.metadata.name}`, subjects: [subjectOf(node.object)] } };
}

const subjectOf = ({ kind = '', metadata }: KubeObject): EventSubject => ({ kind, name: metadata.name });

/** What an event is about may be gone by now. */
export async function describeOfEvent(session: Session, namespace: string, kind: string, name: string): Promise<void> {
  const resource = allResources.find((one) => one.kind === kind);
  try {
    if (!resource) throw new Error(vscode.l10n.t('Objects of kind {0} cannot be shown.', kind));
    const object = await session.client.get(resource, resource.namespaced ? { namespace, name } : { name });
    await vscode.commands.executeCommand('slipway.object.describe', { id: `event/${kind}/${name}`, label: name, icon: '', contextValue: 'event', resource, object } satisfies TreeNode);
  } catch (error) {
    await tellFailure(isStatusError(error, 'NotFound') ? new Error(vscode.l10n.t('{0} "{1}" is gone.', kindWord(kind, vscode.l10n.t), name)) : error);
  }
}
