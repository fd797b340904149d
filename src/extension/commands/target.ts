/** The object a command is about: the node it was called on, an API argument, or one chosen from a list that shows state. */
import * as vscode from 'vscode';
import type { KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';
import type { Session } from '../connections/session.ts';
import type { TreeNode } from '../explorer/node.ts';
import { Cancelled } from './command.ts';

/** Callers of a command's API name an object so. */
export interface ObjectArgument {
  namespace?: string;
  name: string;
}

export interface Choice<T extends KubeObject> {
  resource: Resource<T>;
  title: string;
  /** Only these are offered. */
  filter?(object: T): boolean;
  show(object: T): { icon: string; description?: string | undefined };
}

export function isNode(target: unknown): target is TreeNode {
  return typeof target === 'object' && target !== null && 'contextValue' in target;
}

/** Every selected object if the command was called on one of several. */
export function selectedObjects(target: unknown, selected: unknown): TreeNode[] {
  if (Array.isArray(selected) && selected.length > 1 && selected.every(isNode)) return selected;
  return isNode(target) ? [target] : [];
}

/** Rejects with `Cancelled` if none is chosen, with a text if there is none to choose. */
export async function objectFor<T extends KubeObject>(session: Session, target: unknown, choice: Choice<T>): Promise<T> {
  if (isNode(target) && target.object && target.resource?.plural === choice.resource.plural) return target.object as T;
  if (typeof target === 'object' && target !== null && 'name' in target) {
    const at = target as ObjectArgument;
    return session.client.get(choice.resource, { namespace: at.namespace ?? session.project, name: at.name });
  }
  const { items } = await session.client.list(choice.resource, choice.resource.namespaced ? { namespace: session.project } : {});
  const offered = items.filter((item) => choice.filter?.(item) ?? true);
  if (offered.length === 0) throw new Error(vscode.l10n.t('There is nothing of that kind in project "{0}".', session.project));
  const picked = await vscode.window.showQuickPick(
    offered.map((object) => {
      const { icon, description } = choice.show(object);
      return { label: `$(${icon}) ${object.metadata.name}`, ...(description && { description }), object };
    }),
    { title: choice.title, matchOnDescription: true },
  );
  if (!picked) throw new Cancelled();
  return picked.object;
}

export function named(object: KubeObject): { namespace: string | undefined; name: string } {
  return { namespace: object.metadata.namespace, name: object.metadata.name };
}

