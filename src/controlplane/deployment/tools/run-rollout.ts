/** One rollout from the replication controller that serves now to the new one. Words and order of OpenShift's deployer. */
import { decodedConfig, newestFirst, phaseOf, versionOf } from '../../../api/config-rollout.ts';
import { deploymentAnnotations, deploymentLabels } from '../../../api/kinds/deployment-config.ts';
import { replicationControllers, type ReplicationController } from '../../../api/kinds/core.ts';
import { hooksOf, type HookName } from '../hooks.ts';
import { recreate } from './recreate.ts';
import { rolling } from './rolling.ts';
import type { RolloutTools } from './rollout-tools.ts';
import { runHook } from './run-hook.ts';
import { Scaler } from './scaler.ts';

const scaleDownMs = 120_000;

export async function runRollout(to: ReplicationController, tools: RolloutTools): Promise<void> {
  const { client, write } = tools;
  const { name, namespace } = to.metadata;
  const config = decodedConfig(to);
  if (!config) throw new Error(`couldn't decode deployment config from deployment ${name}`);
  const desired = Number(to.metadata.annotations?.[deploymentAnnotations.desiredReplicas] ?? NaN);
  if (!Number.isInteger(desired)) throw new Error(`deployment ${name} has already run to completion`);
  const { items } = await client.list(replicationControllers, { namespace, labelSelector: `${deploymentLabels.config}=${config.metadata.name}` });
  const others = newestFirst(items).filter((one) => one.metadata.name !== name);
  const from = others.find((one) => phaseOf(one) === 'Complete');
  if (from && versionOf(to) < versionOf(from)) throw new Error(`deployment ${name} is older than ${from.metadata.name}`);

  const scaler = new Scaler(namespace ?? '', tools);
  try {
    await scaler.ready();
    for (const one of others) {
      if (one === from || (one.spec.replicas ?? 0) === 0) continue;
      try {
        await scaler.scale(one.metadata.name, 0, scaleDownMs);
        write(`--> Scaled older deployment ${one.metadata.name} down`);
      } catch (error) {
        write(`error: Couldn't scale down prior deployment ${namespace}/${one.metadata.name}: ${(error as Error).message}`);
      }
    }
    const strategy = config.spec.strategy ?? {};
    const hooks = hooksOf(strategy);
    const hook = (which: HookName) => runHook(which, hooks[which], { tools, scaler, rollout: to });
    await hook('pre');
    if (strategy.type === 'Recreate') await recreate({ scaler, write, from, to, desired, timeoutMs: (strategy.recreateParams?.timeoutSeconds ?? 600) * 1000, mid: () => hook('mid') });
    else if (strategy.type === 'Rolling') await rolling({ scaler, write, from, to, desired, parameters: strategy.rollingParams ?? {} });
    else throw new Error(`unsupported strategy type: ${strategy.type}`);
    await hook('post');
  } finally {
    await scaler.dispose();
  }
  write('--> Success');
}
