import { stringify } from 'yaml';
import { replicationControllers } from '../../api/kinds/core.ts';
import { configNameOf } from '../../api/config-rollout.ts';
import { deploymentConfigs } from '../../api/kinds/deployment-config.ts';
import type { Client } from '../../client/client.ts';
import { ifFound } from '../../client/if-found.ts';
import { isPaused } from '../../client/rollout/refusal.ts';
import type { RolloutTarget } from '../../client/rollout/target.ts';
import { disabledTriggers } from '../../client/rollout/disabled-triggers.ts';
import { rollbackConfig } from '../../client/rollout/undo.ts';
import { parse } from '../arguments.ts';
import { connectHome } from '../connect.ts';
import { UserError } from '../failure.ts';

/** As `oc rollback`: a deployment config, or one of its rollouts (`web-3`), by name. */
export async function rollback(args: string[]): Promise<number> {
  const given = parse(args, {
    'to-version': { type: 'string' }, 'change-strategy': { type: 'boolean' }, 'change-triggers': { type: 'boolean' }, 'change-scaling-settings': { type: 'boolean' }, 'dry-run': { type: 'boolean' },
  });
  const [asked] = given.positionals;
  if (!asked) throw new UserError('Name a deployment config or one of its rollouts: slipway rollback <dc/NAME | rc/NAME-N> [--to-version N]', 2);
  const version = given.count('to-version') ?? 0;
  const { connection, namespace } = await connectHome(given);
  try {
    const { target, from } = await found(connection.client, namespace, asked);
    if (from && version > 0) throw new UserError('--to-version does not go with the name of a rollout.', 2);
    if ((await connection.client.get(deploymentConfigs, target)).spec.paused) throw isPaused(target, 'roll back');
    const config = await rollbackConfig(connection.client, target, {
      revision: version, ...(from && { from }), dryRun: given.flag('dry-run'),
      includeStrategy: given.flag('change-strategy'), includeTriggers: given.flag('change-triggers'), includeReplicationMeta: given.flag('change-scaling-settings'),
    });
    if (given.flag('dry-run')) {
      process.stdout.write(stringify(config.spec));
      return 0;
    }
    process.stdout.write(`deploymentconfig/${target.name} rolled back${from ? ` to ${from}` : version > 0 ? ` to ${target.name}-${version}` : ''}\n`);
    const disabled = disabledTriggers(config);
    if (disabled.length > 0) process.stderr.write(`Its image triggers are switched off, or they would undo it: ${disabled.join(', ')}. "slipway rollout latest dc/${target.name}" takes the newest images once.\n`);
    return 0;
  } finally {
    await connection.dispose();
  }
}

async function found(client: Client, namespace: string, asked: string): Promise<{ target: RolloutTarget; from?: string }> {
  const [type, name] = asked.includes('/') ? (asked.split('/', 2) as [string, string]) : ['', asked];
  if (!['', 'dc', 'deploymentconfig', 'deploymentconfigs', 'rc', 'replicationcontroller', 'replicationcontrollers'].includes(type)) throw new UserError(`"${type}" cannot be rolled back; deployment configs can. Others: slipway rollout undo.`, 2);
  const rollout = type.startsWith('d') ? undefined : await ifFound(client.get(replicationControllers, { namespace, name }));
  const config = rollout && configNameOf(rollout);
  if (config) return { target: { of: deploymentConfigs, namespace, name: config }, from: name };
  return { target: { of: deploymentConfigs, namespace, name } };
}
