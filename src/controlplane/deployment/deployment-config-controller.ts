/** Makes a rollout for each version of a deployment config and keeps the active one at the size asked for. */
import { deploymentConfigs, deploymentLabels, type DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import { replicationControllers, type ReplicationController } from '../../api/kinds/core.ts';
import { copyJson, equalJson } from '../../api/json.ts';
import { controllerOf, controllerReference, keyOf, splitKey } from '../../api/meta.ts';
import { isStatusError } from '../../api/status.ts';
import { eventRecorder } from '../../client/event-recorder.ts';
import { ifFound } from '../../client/if-found.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller, type ReconcileResult } from '../kernel/reconcile/controller.ts';
import type { NewCondition } from './conditions.ts';
import { cancelMarks, configStatus, planConfig } from './deployment-config-plan.ts';
import { statusReasons } from './rollout.ts';

/** Cancelled rollouts tell by an event when they have ended; this is only in case one is missed. */
const awaitMs = 5_000;

export async function startDeploymentConfigController({ client, informers, clock, log, scope }: ModuleContext): Promise<void> {
  const recorder = scope.own(eventRecorder(client, 'deploymentconfig-controller', clock));
  const configs = informers.for(deploymentConfigs);
  const cache = informers.for(replicationControllers);
  await Promise.all([configs.synced, cache.synced]);

  const loop = scope.own(controller({ name: 'deployment-config', clock, log, reconcile }));
  scope.own(configs.onChange(({ object }) => loop.enqueue(keyOf(object))));
  scope.own(cache.onChange(({ object, previous }) => {
    for (const rollout of previous ? [object, previous] : [object]) {
      const name = rollout.metadata.labels?.[deploymentLabels.config] ?? (controllerOf(rollout)?.kind === 'DeploymentConfig' ? controllerOf(rollout)?.name : undefined);
      if (name) loop.enqueue(`${rollout.metadata.namespace}/${name}`);
    }
  }));

  async function reconcile(key: string): Promise<ReconcileResult> {
    if (!configs.get(key)) return;
    const { name, namespace } = splitKey(key);
    const config = await ifFound(client.get(deploymentConfigs, { name, namespace }));
    if (!config) return;
    const rollouts = await claim(config);
    const plan = planConfig(config, rollouts);
    const { latestVersion } = config.status ?? {};

    if (plan.trigger) {
      await client.update(deploymentConfigs, { ...copyJson(config), status: { ...copyJson(config.status ?? {}), ...plan.trigger } } as DeploymentConfig, { name, namespace, subresource: 'status' });
      return;
    }
    for (const rollout of plan.cancel) {
      try {
        await merge(rollout, { metadata: { annotations: cancelMarks(statusReasons.superseded) } });
      } catch (error) {
        if (!isStatusError(error, 'Conflict')) recorder.warning(config, 'DeploymentCancellationFailed', `Failed to cancel deployment "${rollout.metadata.name}" superceded by version ${latestVersion}: ${(error as Error).message}`);
        throw error;
      }
      recorder.normal(config, 'DeploymentCancelled', `Cancelled deployment "${rollout.metadata.name}" superceded by version ${latestVersion}`);
    }
    if (plan.awaiting) {
      if (plan.cancel.length > 0) recorder.normal(config, 'DeploymentAwaitingCancellation', `Deployment of version ${latestVersion} awaiting cancellation of older running deployments`);
      await writeStatus(config, rollouts, plan.observed);
      return { afterMs: awaitMs };
    }
    const created = plan.create && (await create(config, rollouts, plan.create));
    for (const { rollout, replicas } of plan.scale) {
      const before = rollout.spec.replicas ?? 0;
      const at = rollouts.indexOf(rollout);
      try {
        rollouts[at] = await merge(rollout, { spec: { replicas } });
      } catch (error) {
        recorder.warning(config, 'ReplicationControllerScaleFailed', `Failed to scale replication controller "${rollout.metadata.name}" from ${before} to ${replicas}: ${(error as Error).message}`);
        throw error;
      }
      recorder.normal(config, 'ReplicationControllerScaled', `Scaled replication controller "${rollout.metadata.name}" from ${before} to ${replicas}`);
    }
    await prune(config, plan.prune);
    await writeStatus(config, rollouts, plan.observed, created);
  }

  async function prune(config: DeploymentConfig, old: readonly ReplicationController[]): Promise<void> {
    try {
      for (const { metadata } of old) await ifFound(client.delete(replicationControllers, { name: metadata.name, namespace: metadata.namespace }, { propagationPolicy: 'Background' }));
    } catch (error) {
      recorder.warning(config, 'DeploymentCleanupFailed', `Couldn't clean up deployments: ${(error as Error).message}`);
    }
  }

  async function create(config: DeploymentConfig, rollouts: ReplicationController[], rollout: ReplicationController): Promise<NewCondition> {
    const { namespace } = config.metadata;
    const version = config.status?.latestVersion;
    try {
      rollouts.push(await client.create(replicationControllers, rollout, { namespace }));
    } catch (error) {
      const taken = isStatusError(error, 'AlreadyExists');
      const message = taken ? `deployment ${namespace}/${rollout.metadata.name} already exists and it couldn't be adopted` : (error as Error).message;
      recorder.warning(config, 'DeploymentCreationFailed', `Couldn't deploy version ${version}: ${message}`);
      await writeStatus(config, rollouts, true, { type: 'Progressing', status: 'False', reason: 'ReplicationControllerCreateError', message });
      throw error;
    }
    const message = `Created new replication controller "${rollout.metadata.name}" for version ${version}`;
    recorder.normal(config, 'DeploymentCreated', message);
    return { type: 'Progressing', status: 'True', reason: 'NewReplicationControllerCreated', message };
  }

  /** Rollouts of the config. One that lost its owner (a config deleted with its rollouts kept) is adopted by its label, one that lost the label is let go. */
  async function claim(config: DeploymentConfig): Promise<ReplicationController[]> {
    const { name, namespace, uid, deletionTimestamp } = config.metadata;
    const mine: ReplicationController[] = [];
    for (const rollout of (await client.list(replicationControllers, { namespace })).items) {
      const reference = controllerOf(rollout);
      const labelled = rollout.metadata.labels?.[deploymentLabels.config] === name;
      const others = (rollout.metadata.ownerReferences ?? []).filter((one) => one.uid !== uid);
      if (reference?.uid === uid && !labelled && !deletionTimestamp) await merge(rollout, { metadata: { ownerReferences: others.length > 0 ? others : null } });
      else if (reference?.uid === uid) mine.push(rollout);
      else if (!reference && labelled && !deletionTimestamp && !rollout.metadata.deletionTimestamp) mine.push(await merge(rollout, { metadata: { ownerReferences: [...others, controllerReference(config)] } }));
    }
    return mine;
  }

  function merge({ metadata }: ReplicationController, patch: { metadata?: object; spec?: object }): Promise<ReplicationController> {
    // The version makes a decision made on an older state fail instead of undoing somebody's change.
    const guarded = { ...patch, metadata: { ...patch.metadata, resourceVersion: metadata.resourceVersion } };
    return client.patch(replicationControllers, { name: metadata.name, namespace: metadata.namespace }, 'merge', guarded);
  }

  async function writeStatus(config: DeploymentConfig, rollouts: readonly ReplicationController[], observed: boolean, extra?: NewCondition): Promise<void> {
    const status = configStatus(config, rollouts, observed, clock.now(), extra);
    if (equalJson(config.status, status)) return;
    const { name, namespace } = config.metadata;
    await client.update(deploymentConfigs, { ...copyJson(config), status } as DeploymentConfig, { name, namespace, subresource: 'status' });
  }
}
