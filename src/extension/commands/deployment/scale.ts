import * as vscode from 'vscode';
import { deployments, type Deployment } from '../../../api/kinds/apps.ts';
import { deploymentConfigs, type DeploymentConfig } from '../../../api/kinds/deployment-config.ts';
import type { Resource } from '../../../api/resource.ts';
import { workloadChoice } from '../choices.ts';
import { Cancelled, type Command } from '../command.ts';
import { isNode, objectFor } from '../target.ts';

/** More pods than this on one machine are a slip of the finger. */
const most = 100;

export const scaleCommand: Command = {
  id: 'slipway.deployment.scale',
  async run({ session }, target, asked) {
    const { of, object } = await workloadFor(session, target);
    const now = object.spec.replicas ?? 1;
    const answer = typeof asked === 'number' ? String(asked) : await vscode.window.showInputBox({
      title: vscode.l10n.t('Scale "{0}"', object.metadata.name),
      prompt: vscode.l10n.t('Number of pods (now {0})', now),
      value: String(now),
      validateInput: (text) => (/^\d+$/.test(text) && Number(text) <= most ? undefined : vscode.l10n.t('A whole number from 0 to {0}.', most)),
    });
    if (answer === undefined) throw new Cancelled();
    await session.client.patch(of, { namespace: object.metadata.namespace, name: object.metadata.name, subresource: 'scale' }, 'merge', { spec: { replicas: Number(answer) } });
  },
};

/** The deployment or deployment config a command is about. */
export async function workloadFor(session: Parameters<typeof objectFor>[0], target: unknown): Promise<{ of: Resource; object: DeploymentConfig | Deployment }> {
  if (isNode(target) && target.object && target.resource?.plural === deployments.plural) return { of: deployments, object: target.object as Deployment };
  return { of: deploymentConfigs, object: await objectFor(session, target, workloadChoice()) };
}
