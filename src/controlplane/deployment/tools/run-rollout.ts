/** One rollout from the replication controller that serves now to the new one. Words and order of OpenShift's deployer. */
import { decodedConfig, newestFirst, phaseOf, versionOf } from '../../../api/config-rollout.ts';
import { deploymentAnnotations, deploymentLabels, type DeploymentConfig } from '../../../api/kinds/deployment-config.ts';
import { events, replicationControllers, type ReplicationController } from '../../../api/kinds/core.ts';
import { hooksOf, type HookName } from '../hooks.ts';
import { recreate } from './recreate.ts';
import { rolling } from './rolling.ts';
import type { RolloutTools } from './rollout-tools.ts';
import { runHook } from './run-hook.ts';
import { Scaler } from './scaler.ts';
import { ConditionReached, stopAt } from './until.ts';

const scaleDownMs = 120_000;

export async function runRollout(to: ReplicationController, tools: RolloutTools): Promise<void> {
  const { client, write, until } = tools;
  const { name, namespace } = to.metadata;
  const config = decodedConfig(to);
  if (!config) throw new Error(`couldn't decode deployment config from deployment ${name}`);
  const strategy = config.spec.strategy ?? {};
  if (strategy.type !== 'Recreate' && strategy.type !== 'Rolling') throw new Error(`unsupported strategy type: ${strategy.type}`);
  const desired = Number(to.metadata.annotations?.[deploymentAnnotations.desiredReplicas] ?? NaN);
  if (!Number.isInteger(desired)) throw new Error(`deployment ${name} has already run to completion`);
  const { items } = await client.list(replicationControllers, { namespace, labelSelector: `${deploymentLabels.config}=${config.metadata.name}` });
  const others = newestFirst(items).filter((one) => one.metadata.name !== name);
  const from = others.find((one) => phaseOf(one) === 'Complete');
  if (from && versionOf(to) < versionOf(from)) throw new Error(`deployment ${name} is older than ${from.metadata.name}`);

  const scaler = new Scaler(namespace ?? '', tools);
  try {
    await scaler.ready();
    for (const one of others) if (one !== from && (one.spec.replicas ?? 0) > 0) await emptyOlder(one);
    stopAt(until, 'start', 'Ready to start deployment');
    const hooks = hooksOf(strategy);
    const hook = (which: HookName) => runHook(which, hooks[which], { tools, scaler, rollout: to });
    await hook('pre');
    stopAt(until, 'pre', 'pre hook succeeded');
    try {
      if (strategy.type === 'Recreate') await recreate({ scaler, write, from, to, desired, until, timeoutMs: (strategy.recreateParams?.timeoutSeconds ?? 600) * 1000, mid: () => hook('mid') });
      else await rolling({ scaler, write, from, to, desired, until, parameters: strategy.rollingParams ?? {} });
    } finally {
      await Promise.all([from, to].map((one) => one && passWarningsOn(one, config)));
    }
    await hook('post');
  } catch (error) {
    if (!(error instanceof ConditionReached)) throw error;
    write(`--> ${error.message}`);
    return;
  } finally {
    await scaler.dispose();
  }
  write('--> Success');

  async function emptyOlder({ metadata }: ReplicationController): Promise<void> {
    try {
      await scaler.scale(metadata.name, 0, scaleDownMs);
      write(`--> Scaled older deployment ${metadata.name} down`);
    } catch (error) {
      write(`error: Couldn't scale down prior deployment ${namespace}/${metadata.name}: ${(error as Error).message}`);
    }
  }

  /** What went wrong with the controller's pods (a quota that refuses them) is told where the user looks. */
  async function passWarningsOn({ metadata, kind }: ReplicationController, subject: DeploymentConfig): Promise<void> {
    const selector = `involvedObject.kind=${kind},involvedObject.name=${metadata.name},involvedObject.uid=${metadata.uid}`;
    try {
      const { items: said } = await client.list(events, { namespace, fieldSelector: selector });
      for (const { type, reason = '', message = '' } of said) {
        if (type !== 'Warning') continue;
        write(`-->  ${reason}: ${metadata.name} ${message}`);
        tools.event('warning', subject, reason, message);
      }
    } catch (error) {
      if (!tools.signal.aborted) write(`--> Error listing events for replication controller ${metadata.name}: ${(error as Error).message}`);
    }
  }
}
