import * as vscode from 'vscode';
import type { Resource } from '../../../api/resource.ts';
import { describeUri, yamlUri } from '../../documents/object-uri.ts';
import type { Command, CommandContext } from '../command.ts';
import { podChoice } from '../choices.ts';
import { isNode, objectFor } from '../target.ts';
import { pods } from '../../../api/kinds/core.ts';

/** Opens the object as a YAML document; saving applies it. */
export const yamlCommand: Command = {
  id: 'slipway.object.yaml',
  async run(context, target) {
    const { resource, namespace, name } = await chosen(context, target);
    const document = await vscode.workspace.openTextDocument(yamlUri(context.session.cluster, resource, namespace, name));
    await vscode.window.showTextDocument(document, { preview: true });
  },
};

/** Opens a read-only description with the object's events. */
export const describeCommand: Command = {
  id: 'slipway.object.describe',
  async run(context, target) {
    const { resource, namespace, name } = await chosen(context, target);
    const document = await vscode.workspace.openTextDocument(describeUri(context.session.cluster, resource, namespace, name));
    await vscode.window.showTextDocument(document, { preview: true });
  },
};

export const copyNameCommand: Command = {
  id: 'slipway.object.copyName',
  async run(context, target) {
    await vscode.env.clipboard.writeText((await chosen(context, target)).name);
  },
};

async function chosen({ session }: CommandContext, target: unknown): Promise<{ resource: Resource; namespace: string | undefined; name: string }> {
  if (isNode(target) && target.object && target.resource) return { resource: target.resource, namespace: target.object.metadata.namespace, name: target.object.metadata.name };
  const { metadata } = await objectFor(session, target, podChoice());
  return { resource: pods, namespace: metadata.namespace, name: metadata.name };
}
