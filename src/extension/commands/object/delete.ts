/** Deletes what was chosen, after naming it: one command a kind, one way to do it. */
import * as vscode from 'vscode';
import { daemonSets, deployments, statefulSets } from '../../../api/kinds/apps.ts';
import { buildConfigs } from '../../../api/kinds/build.ts';
import { replicationControllers, services } from '../../../api/kinds/core.ts';
import { deploymentConfigs } from '../../../api/kinds/deployment-config.ts';
import { imageStreams } from '../../../api/kinds/image.ts';
import { ingresses } from '../../../api/kinds/ingress.ts';
import { routes } from '../../../api/kinds/route.ts';
import type { KubeObject } from '../../../api/meta.ts';
import type { Resource } from '../../../api/resource.ts';
import { isStatusError } from '../../../api/status.ts';
import type { Session } from '../../connections/session.ts';
import { applicationOf } from '../../explorer/project-content.ts';
import { buildChoice, buildConfigChoice, imageStreamChoice, ingressChoice, podChoice, routeChoice, serviceChoice, wordFor, workloadChoices, type Choice } from '../choices.ts';
import { Cancelled, confirm, patiently, type Command } from '../command.ts';
import { foundFor, isNode, named, selectedObjects } from '../target.ts';

const choicesOf: [id: string, choices: (session: Session) => Choice[]][] = [
  ['slipway.pod.delete', () => [podChoice() as unknown as Choice]],
  ['slipway.deployment.delete', workloadChoices],
  ['slipway.service.delete', () => [serviceChoice() as unknown as Choice]],
  ['slipway.route.delete', (session) => [routeChoice(session) as unknown as Choice]],
  ['slipway.ingress.delete', () => [ingressChoice() as unknown as Choice]],
  ['slipway.build.delete', () => [buildChoice() as unknown as Choice]],
  ['slipway.buildConfig.delete', () => [buildConfigChoice() as unknown as Choice]],
  ['slipway.imageStream.delete', () => [imageStreamChoice() as unknown as Choice]],
];

export const deleteCommands: readonly Command[] = choicesOf.map(([id, choices]) => ({
  id,
  async run({ session }, target, selected) {
    const kinds = choices(session);
    // Of a mixed selection the command means its own kind.
    const chosen = selectedObjects(target, selected).filter(({ of }) => kinds.some(({ resource }) => resource.plural === of.plural));
    const objects = chosen.length > 0 ? chosen : [await foundFor(session, target, kinds)];
    const [first] = objects;
    if (!first) return;
    const names = objects.map(({ object }) => object.metadata.name);
    const question = objects.length === 1 ? vscode.l10n.t('Delete {0} "{1}"?', wordFor(session, first.of), names[0] ?? '') : vscode.l10n.t('Delete {0} objects?', objects.length);
    await confirm(question, vscode.l10n.t('Delete'), objects.length > 1 ? names.join('\n') : undefined);
    await patiently(vscode.l10n.t('Deleting {0}', names.join(', ')), async (signal) => {
      for (const { of, object } of objects) await remove(session, of, object, signal);
    });
  },
}));

/** Every kind an application made from source consists of, in the order that starts nothing anew. */
const applicationParts: readonly Resource[] = [buildConfigs, deploymentConfigs, deployments, statefulSets, daemonSets, replicationControllers, routes, ingresses, services, imageStreams];

export const deleteApplicationCommand: Command = {
  id: 'slipway.app.delete',
  async run({ session }, target) {
    const { name, namespace } = isNode(target) && target.namespace ? { name: target.label, namespace: target.namespace } : await chooseApplication(session);
    await confirm(vscode.l10n.t('Delete application "{0}"?', name), vscode.l10n.t('Delete'), vscode.l10n.t('Its builds, images, pods, services and routes go with it.'));
    await patiently(vscode.l10n.t('Deleting {0}', name), async (signal) => {
      for (const [of, objects] of await partsIn(session, namespace)) {
        for (const object of objects) if (applicationOf(object) === name) await remove(session, of, object, signal);
      }
    });
  },
};

async function chooseApplication(session: Session): Promise<{ name: string; namespace: string }> {
  const parts = await patiently(vscode.l10n.t('Looking for applications'), () => partsIn(session, session.project));
  const names = new Set(parts.filter(([of]) => of !== services && of !== imageStreams).flatMap(([, objects]) => objects.map(applicationOf)));
  if (names.size === 0) throw new Error(vscode.l10n.t('There is no application in project "{0}".', session.project));
  const picked = await vscode.window.showQuickPick([...names].sort().map((name) => ({ label: `$(rocket) ${name}`, name })), { title: vscode.l10n.t('Choose an application') });
  if (!picked) throw new Cancelled();
  return { name: picked.name, namespace: session.project };
}

function partsIn(session: Session, namespace: string): Promise<[Resource, readonly KubeObject[]][]> {
  const served = applicationParts.filter((of) => session.serves(of));
  return Promise.all(served.map(async (of): Promise<[Resource, readonly KubeObject[]]> => [of, (await session.client.list(of, { namespace })).items]));
}

async function remove(session: Session, of: Resource, object: KubeObject, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  try {
    await session.client.delete(of, named(object), { propagationPolicy: 'Background' });
  } catch (error) {
    // Gone already is what was asked for.
    if (!isStatusError(error, 'NotFound')) throw error;
  }
}
