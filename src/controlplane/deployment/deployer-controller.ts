/** Runs a deployer pod for each rollout and follows it: New, Pending, Running, Complete or Failed. */
import { configNameOf, decodedConfig, deployerPodName, phaseOf } from '../../api/config-rollout.ts';
import { deploymentAnnotations, deploymentLabels } from '../../api/kinds/deployment-config.ts';
import { pods, replicationControllers, type Pod, type ReplicationController } from '../../api/kinds/core.ts';
import { keyOf, splitKey } from '../../api/meta.ts';
import { isStatusError } from '../../api/status.ts';
import { eventRecorder } from '../../client/event-recorder.ts';
import { ifFound } from '../../client/if-found.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller, type ReconcileResult } from '../kernel/reconcile/controller.ts';
import { createdAt, goTime, planDeployer } from './deployer-plan.ts';
import { ownedByRollout } from './rollout.ts';

export async function startDeployerController({ client, informers, clock, log, scope }: ModuleContext): Promise<void> {
  const recorder = scope.own(eventRecorder(client, 'deployer-controller', clock));
  const rollouts = informers.for(replicationControllers);
  const podCache = informers.for(pods);
  await Promise.all([rollouts.synced, podCache.synced]);

  const loop = scope.own(controller({ name: 'deployer', clock, log, reconcile }));
  scope.own(rollouts.onChange(({ object }) => {
    if (configNameOf(object)) loop.enqueue(keyOf(object));
  }));
  scope.own(podCache.onChange(({ object }) => {
    const name = object.metadata.labels?.[deploymentLabels.deployerPodFor];
    if (name) loop.enqueue(`${object.metadata.namespace}/${name}`);
  }));

  async function reconcile(key: string): Promise<ReconcileResult> {
    if (!rollouts.get(key)) return;
    const { name, namespace } = splitKey(key);
    const rollout = await ifFound(client.get(replicationControllers, { name, namespace }));
    if (!rollout || !configNameOf(rollout) || rollout.metadata.deletionTimestamp) return;
    const plan = planDeployer(rollout, phaseOf(rollout) === 'Complete' ? [] : await deployerPods(rollout), clock.now());
    const subject = decodedConfig(rollout) ?? rollout;
    for (const { metadata } of plan.removePods) await ifFound(client.delete(pods, { name: metadata.name, namespace }));
    for (const { metadata } of plan.adoptPods) await ifFound(client.patch(pods, { name: metadata.name, namespace }, 'merge', { metadata: { uid: metadata.uid, ownerReferences: [ownedByRollout(rollout)] } }));
    let annotations = plan.annotations;
    if (plan.create) {
      try {
        const pod = await client.create(pods, plan.create, { namespace });
        annotations = { ...annotations, ...(pod.metadata.creationTimestamp && { [createdAt]: goTime(pod.metadata.creationTimestamp) }) };
        recorder.normal(subject, 'DeployerPodCreated', `Created deployer pod "${pod.metadata.name}" for "${name}"`);
      } catch (error) {
        if (!isStatusError(error, 'AlreadyExists')) recorder.warning(subject, 'FailedCreate', `Error creating deployer pod: ${(error as Error).message}`);
        throw error;
      }
    }
    if (plan.phase || plan.scaleToZero) {
      const patch = {
        metadata: { resourceVersion: rollout.metadata.resourceVersion, annotations: { ...annotations, ...(plan.phase && { [deploymentAnnotations.phase]: plan.phase }) } },
        ...(plan.scaleToZero && { spec: { replicas: 0 } }),
      };
      await client.patch(replicationControllers, { name, namespace }, 'merge', patch);
      tell(subject, rollout, plan.phase);
    }
    for (const { type, reason, message } of plan.events) recorder[type](subject, reason, message);
    return plan.afterMs === undefined ? undefined : { afterMs: plan.afterMs };
  }

  async function deployerPods(rollout: ReplicationController): Promise<Pod[]> {
    const { name, namespace } = rollout.metadata;
    const labelled = (await client.list(pods, { namespace, labelSelector: `${deploymentLabels.deployerPodFor}=${name}` })).items;
    if (labelled.some(({ metadata }) => metadata.name === deployerPodName(name))) return labelled;
    const other = await ifFound(client.get(pods, { name: deployerPodName(name), namespace }));
    return other ? [...labelled, other] : labelled;
  }

  function tell(subject: Parameters<typeof recorder.normal>[0], rollout: ReplicationController, phase: string | undefined): void {
    const { name } = rollout.metadata;
    if (phase === 'Running') recorder.normal(subject, 'RolloutStarted', `Rollout of "${name}" is running in pod "${deployerPodName(name)}"`);
    else if (phase === 'Complete') recorder.normal(subject, 'RolloutComplete', `Rollout of "${name}" is complete`);
    else if (phase === 'Failed') recorder.warning(subject, 'RolloutFailed', `Rollout of "${name}" failed: see the log of pod "${deployerPodName(name)}"`);
  }
}
