/** Deletes what was chosen, after naming it: one command a kind, one way to do it. */
import * as vscode from 'vscode';
import { deployments } from '../../../api/kinds/apps.ts';
import { buildConfigs, builds } from '../../../api/kinds/build.ts';
import { pods, replicationControllers, services } from '../../../api/kinds/core.ts';
import { deploymentConfigs } from '../../../api/kinds/deployment-config.ts';
import { imageStreams } from '../../../api/kinds/image.ts';
import { routes } from '../../../api/kinds/route.ts';
import type { KubeObject } from '../../../api/meta.ts';
import type { Resource } from '../../../api/resource.ts';
import { isStatusError } from '../../../api/status.ts';
import { applicationOf } from '../../explorer/project-content.ts';
import { confirm, type Command, type CommandContext } from '../command.ts';
import { isNode, objectFor, selectedObjects } from '../target.ts';

const kinds: [string, Resource, string][] = [
  ['slipway.pod.delete', pods, 'vm'],
  ['slipway.deployment.delete', deploymentConfigs, 'layers'],
  ['slipway.service.delete', services, 'plug'],
  ['slipway.route.delete', routes, 'globe'],
  ['slipway.build.delete', builds, 'package'],
  ['slipway.buildConfig.delete', buildConfigs, 'tools'],
];

export const deleteCommands: readonly Command[] = kinds.map(([id, resource, icon]) => ({
  id,
  async run({ session }, target, selected) {
    const chosen = selectedObjects(target, selected);
    const objects = chosen.length > 0 ? chosen.map((node) => ({ of: node.resource ?? resource, object: node.object as KubeObject })) : [
      { of: resource, object: await objectFor(session, target, { resource, title: vscode.l10n.t('Delete'), show: () => ({ icon }) }) },
    ];
    const names = objects.map(({ object }) => `"${object.metadata.name}"`).join(', ');
    const kind = objects.length === 1 ? `${objects[0]?.of.kind} ` : '';
    await confirm(vscode.l10n.t('Delete {0}{1}?', kind, names), vscode.l10n.t('Delete'));
    for (const { of, object } of objects) await remove({ session }, of, object);
  },
}));

/** Every kind an application made from source consists of, in the order that starts nothing anew. */
const applicationParts: readonly Resource[] = [buildConfigs, deploymentConfigs, deployments, replicationControllers, routes, services, imageStreams];

export const deleteApplicationCommand: Command = {
  id: 'slipway.app.delete',
  async run(context, target) {
    if (!isNode(target) || !target.object) return;
    const { name, namespace } = target.object.metadata;
    await confirm(vscode.l10n.t('Delete application "{0}"?', name), vscode.l10n.t('Delete'), vscode.l10n.t('Its builds, images, pods, services and routes go with it.'));
    for (const of of applicationParts) {
      const { items } = await context.session.client.list(of, { namespace }).catch((error: unknown) => {
        if (isStatusError(error, 'NotFound')) return { items: [] };
        throw error;
      });
      for (const item of items) if (applicationOf(item) === name) await remove(context, of, item);
    }
  },
};

async function remove({ session }: Pick<CommandContext, 'session'>, of: Resource, object: KubeObject): Promise<void> {
  try {
    await session.client.delete(of, { namespace: object.metadata.namespace, name: object.metadata.name }, { propagationPolicy: 'Background' });
  } catch (error) {
    // Gone already is what was asked for.
    if (!isStatusError(error, 'NotFound')) throw error;
  }
}
