/** Rollouts of deployment configs that are given up, or tried again. */
import { isCancelled, isTerminated, newestFirst, phaseOf, rolloutName, versionOf } from '../../api/config-rollout.ts';
import { pods, replicationControllers, type ReplicationController } from '../../api/kinds/core.ts';
import { deploymentAnnotations, deploymentConfigs, deploymentLabels, type DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import type { Client } from '../client.ts';
import { ifFound } from '../if-found.ts';
import { isPaused, notFailed, notRolledOut, notSupported } from './refusal.ts';
import { hasRolloutAction, type RolloutAction, type RolloutTarget } from './target.ts';

/** Gives up whatever is under way; the version before serves on. Resolves to the versions given up, none if nothing was under way. */
export async function cancel(client: Client, target: RolloutTarget): Promise<number[]> {
  await unpaused(client, target, 'cancel');
  const { namespace, name } = target;
  const { items } = await client.list(replicationControllers, { namespace, labelSelector: `${deploymentLabels.config}=${name}` });
  const running = newestFirst(items).filter((one) => !isTerminated(one) && !isCancelled(one));
  for (const { metadata } of running) {
    const annotations = { [deploymentAnnotations.cancelled]: 'true', [deploymentAnnotations.statusReason]: 'cancelled by the user' };
    await client.patch(replicationControllers, { namespace, name: metadata.name }, 'merge', { metadata: { annotations } });
  }
  return running.map(versionOf);
}

/** Runs the newest rollout, which failed or was cancelled, once more. Resolves to its number. */
export async function retry(client: Client, target: RolloutTarget): Promise<number> {
  const config = await unpaused(client, target, 'retry');
  const { namespace, name } = target;
  const version = config.status?.latestVersion ?? 0;
  const rollout: ReplicationController | undefined = version > 0 ? await ifFound(client.get(replicationControllers, { namespace, name: rolloutName(name, version) })) : undefined;
  if (version === 0) throw notRolledOut(target);
  // One that is asked for and not there is about to be made.
  if (!rollout) throw notFailed(target, version, 'New');
  if (phaseOf(rollout) !== 'Failed') throw notFailed(target, version, phaseOf(rollout));
  // The pods of the first try have the names that the next one needs.
  const { items } = await client.list(pods, { namespace, labelSelector: `${deploymentLabels.deployerPodFor}=${rollout.metadata.name}` });
  for (const { metadata } of items) await ifFound(client.delete(pods, { namespace, name: metadata.name }));
  const annotations = { [deploymentAnnotations.phase]: 'New', [deploymentAnnotations.statusReason]: null, [deploymentAnnotations.cancelled]: null };
  await client.patch(replicationControllers, { namespace, name: rollout.metadata.name }, 'merge', { metadata: { annotations } });
  return version;
}

async function unpaused(client: Client, target: RolloutTarget, action: RolloutAction): Promise<DeploymentConfig> {
  if (!hasRolloutAction(target.of, action)) throw notSupported(target, action);
  const config = await client.get(deploymentConfigs, { namespace: target.namespace, name: target.name });
  if (config.spec.paused) throw isPaused(target, action === 'cancel' ? 'cancel its rollout' : 'retry');
  return config;
}
