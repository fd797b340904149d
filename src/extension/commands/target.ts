/** The object a command is about: the node it was called on, an API argument, or one chosen from a list that shows state. */
import * as vscode from 'vscode';
import type { KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';
import type { Session } from '../connections/session.ts';
import type { TreeNode } from '../explorer/node.ts';
import type { Choice } from './choices.ts';
import { Cancelled } from './command.ts';

/** Callers of a command's API name an object so. */
export interface ObjectArgument {
  namespace?: string;
  name: string;
}

export interface Found<T extends KubeObject = KubeObject> {
  of: Resource<T>;
  object: T;
}

export function isNode(target: unknown): target is TreeNode {
  return typeof target === 'object' && target !== null && 'contextValue' in target;
}

function isArgument(target: unknown): target is ObjectArgument {
  return typeof target === 'object' && target !== null && 'name' in target && typeof target.name === 'string';
}

/** Every selected object if the command was called on one of several. */
export function selectedObjects(target: unknown, selected: unknown): Found[] {
  const nodes = Array.isArray(selected) && selected.length > 1 && selected.every(isNode) ? selected : isNode(target) ? [target] : [];
  return nodes.flatMap(({ resource, object }) => (resource && object ? [{ of: resource, object }] : []));
}

/** Rejects with `Cancelled` if none is chosen, with a text if there is none to choose. */
export async function objectFor<T extends KubeObject>(session: Session, target: unknown, choice: Choice<T>): Promise<T> {
  return (await foundFor(session, target, [choice as unknown as Choice])).object as T;
}

/** As `objectFor`, of several kinds at once. */
export async function foundFor(session: Session, target: unknown, choices: readonly Choice[]): Promise<Found> {
  if (isNode(target) && target.object && target.resource && choices.some(({ resource }) => resource.plural === target.resource?.plural)) return { of: target.resource, object: target.object };
  const served = choices.filter(({ resource }) => session.serves(resource));
  const [first] = served;
  if (isArgument(target) && first) return { of: first.resource, object: await session.client.get(first.resource, { namespace: target.namespace ?? session.project, name: target.name }) };
  return choose(session, served.length > 0 ? served : choices);
}

/** First the kind, then the object. */
export async function anyFound(session: Session, target: unknown, choices: readonly Choice[]): Promise<Found> {
  if (isNode(target) && target.object && target.resource) return { of: target.resource, object: target.object };
  const items = choices.filter(({ resource }) => session.serves(resource)).map((choice) => ({ label: choice.word, choice }));
  const picked = await vscode.window.showQuickPick(items, { title: vscode.l10n.t('Of which kind?') });
  if (!picked) throw new Cancelled();
  return choose(session, [picked.choice]);
}

async function choose(session: Session, choices: readonly Choice[]): Promise<Found> {
  const [first] = choices;
  if (!first) throw new Cancelled();
  const items = (async () => {
    const lists = await Promise.all(choices.map(async (choice) => {
      const { items: objects } = await session.client.list(choice.resource, choice.resource.namespaced ? { namespace: session.project } : {});
      return objects.filter((object) => choice.filter?.(object) ?? true).map((object) => itemOf(choice, object));
    }));
    const offered = lists.flat();
    if (offered.length === 0) throw new Error(first.none.replace('{0}', session.project));
    return offered;
  })();
  const stop = new vscode.CancellationTokenSource();
  // A list that fails or is empty closes the pick that waits for it.
  items.catch(() => stop.cancel());
  const picked = await vscode.window.showQuickPick(items.catch(() => []), { title: first.title, matchOnDescription: true }, stop.token);
  stop.dispose();
  if (!picked) {
    await items;
    throw new Cancelled();
  }
  return picked.found;
}

function itemOf(choice: Choice, object: KubeObject): vscode.QuickPickItem & { found: Found } {
  const { icon, description } = choice.show(object);
  return { label: `$(${icon}) ${object.metadata.name}`, ...(description && { description }), found: { of: choice.resource, object } };
}

export function named(object: KubeObject): { namespace: string | undefined; name: string } {
  return { namespace: object.metadata.namespace, name: object.metadata.name };
}
