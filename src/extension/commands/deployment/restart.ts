import * as vscode from 'vscode';
import { deploymentConfigs } from '../../../api/kinds/deployment-config.ts';
import { workloadChoices } from '../choices.ts';
import { confirm, patiently, type Command } from '../command.ts';
import { foundFor, named } from '../target.ts';

/** Replaces every pod by a rolling update: a new revision for a deployment config, the restart annotation of kubectl for a deployment. */
export const restartCommand: Command = {
  id: 'slipway.deployment.restart',
  async run({ session }, target) {
    const { of, object } = await foundFor(session, target, workloadChoices());
    const at = named(object);
    await confirm(vscode.l10n.t('Restart "{0}"?', at.name), vscode.l10n.t('Restart'), vscode.l10n.t('Its pods are replaced one after the other.'));
    await patiently(vscode.l10n.t('Restarting "{0}"', at.name), () => {
      if (of.plural === deploymentConfigs.plural) {
        const request = { apiVersion: 'apps.openshift.io/v1', kind: 'DeploymentRequest', metadata: { name: at.name }, name: at.name, latest: true, force: true };
        return session.client.create(of, request, { ...at, subresource: 'instantiate' });
      }
      const annotations = { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() };
      return session.client.patch(of, at, 'strategic', { spec: { template: { metadata: { annotations } } } });
    });
  },
};
