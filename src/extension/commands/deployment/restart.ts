import { deployments } from '../../../api/kinds/apps.ts';
import { deploymentConfigs } from '../../../api/kinds/deployment-config.ts';
import type { Command } from '../command.ts';
import { workloadFor } from './scale.ts';

/** Replaces every pod by a rolling update: a new revision for a deployment config, the restart annotation of kubectl for a deployment. */
export const restartCommand: Command = {
  id: 'slipway.deployment.restart',
  async run({ session }, target) {
    const { object } = await workloadFor(session, target);
    const at = { namespace: object.metadata.namespace, name: object.metadata.name };
    if (object.kind === 'DeploymentConfig') {
      const request = { apiVersion: 'apps.openshift.io/v1', kind: 'DeploymentRequest', metadata: { name: at.name }, name: at.name, latest: true, force: true };
      await session.client.create(deploymentConfigs, request, { ...at, subresource: 'instantiate' });
      return;
    }
    const annotations = { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() };
    await session.client.patch(deployments, at, 'strategic', { spec: { template: { metadata: { annotations } } } });
  },
};
