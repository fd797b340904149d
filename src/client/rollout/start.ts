/** Rollouts that somebody asks for: of the newest images, or of the same template again. */
import { isTerminated, phaseOf, rolloutName } from '../../api/config-rollout.ts';
import { replicationControllers } from '../../api/kinds/core.ts';
import { deploymentConfigs, type DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import type { Client } from '../client.ts';
import { ifFound } from '../if-found.ts';
import { inProgress, isPaused, notSupported } from './refusal.ts';
import { hasRolloutAction, rolloutKindOf, type RolloutTarget, type Workload } from './target.ts';

export interface LatestOptions {
  /** With the images the config has, without asking its image streams for newer ones. */
  again?: boolean;
}

/** Starts the next version of a deployment config and resolves to its number. */
export async function latest(client: Client, target: RolloutTarget, { again = false }: LatestOptions = {}): Promise<number> {
  if (!hasRolloutAction(target.of, 'latest')) throw notSupported(target, 'latest');
  const { namespace, name } = target;
  const config = await client.get(deploymentConfigs, { namespace, name });
  if (config.spec.paused) throw isPaused(target, 'roll it out');
  const version = config.status?.latestVersion ?? 0;
  const running = version > 0 ? await ifFound(client.get(replicationControllers, { namespace, name: rolloutName(name, version) })) : undefined;
  // One that is asked for and not there is about to be made.
  if (version > 0 && (!running || !isTerminated(running))) throw inProgress(target, version, running ? phaseOf(running) : 'New');
  const request = { apiVersion: 'apps.openshift.io/v1', kind: 'DeploymentRequest', metadata: { name }, name, latest: !again, force: true };
  const started = await client.create<DeploymentConfig>(deploymentConfigs, request, { namespace, name, subresource: 'instantiate' });
  return started.status?.latestVersion ?? version + 1;
}

/** Replaces every pod by the workload's own strategy, the template unchanged but for the time (of a deployment config: a new version). */
export async function restart(client: Client, target: RolloutTarget, now = new Date()): Promise<void> {
  const { of, namespace, name } = target;
  const kind = rolloutKindOf(of);
  if (!kind) throw notSupported(target, 'restart');
  if (kind === 'DeploymentConfig') return void (await latest(client, target, { again: true }));
  if (((await client.get(of, { namespace, name })) as Workload).spec.paused) throw isPaused(target, 'restart it');
  await client.patch(of, { namespace, name }, 'strategic', { spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': now.toISOString().replace(/\.\d+Z$/, 'Z') } } } } });
}
