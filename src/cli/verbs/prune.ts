import { buildConfigs, builds } from '../../api/kinds/build.ts';
import { replicationControllers } from '../../api/kinds/core.ts';
import { deploymentConfigs } from '../../api/kinds/deployment-config.ts';
import type { KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';
import { isStatusError } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { planBuilds, planDeployments, type FinishedOptions } from '../../client/prune/finished-plan.ts';
import { imagesToPrune, pruneImages } from '../../client/prune/prune-images.ts';
import { parse, type Arguments } from '../arguments.ts';
import { connectHome } from '../connect.ts';
import { UserError } from '../failure.ts';

/** `slipway prune images|builds|deployments`, with the options and defaults of `oc adm prune`: says what would go, and with `--confirm` takes it away. */
export async function prune(args: string[]): Promise<number> {
  const given = parse(args, {
    confirm: { type: 'boolean' }, orphans: { type: 'boolean' },
    'keep-younger-than': { type: 'string' }, 'keep-tag-revisions': { type: 'string' }, 'keep-complete': { type: 'string' }, 'keep-failed': { type: 'string' },
  });
  const [what = 'images', ...more] = given.positionals;
  if (!['images', 'builds', 'deployments'].includes(what) || more.length > 0) throw new UserError(`slipway prune knows images, builds and deployments, not "${given.positionals.join(' ')}".`, 2);
  const keepYoungerThanMs = given.milliseconds('keep-younger-than') ?? 60 * 60_000;
  const tagRevisions = given.count('keep-tag-revisions') ?? 3;
  const finished: FinishedOptions = { keepYoungerThanMs, keepComplete: given.count('keep-complete') ?? 5, keepFailed: given.count('keep-failed') ?? 1, orphans: given.flag('orphans') };
  const { connection } = await connectHome(given);
  const { client } = connection;
  try {
    if (what === 'images') await images(client, { keepYoungerThanMs, keepTagRevisions: tagRevisions }, given.flag('confirm'));
    else if (what === 'builds') {
      const [all, configs] = await Promise.all([client.list(builds, at(given)), client.list(buildConfigs, at(given))]);
      await objects(client, builds, planBuilds(all.items, configs.items, finished, new Date()), given.flag('confirm'));
    } else {
      const [all, configs] = await Promise.all([client.list(replicationControllers, at(given)), client.list(deploymentConfigs, at(given))]);
      await objects(client, replicationControllers, planDeployments(all.items, configs.items, finished, new Date()), given.flag('confirm'));
    }
    return 0;
  } finally {
    await connection.dispose();
  }
}

async function images(client: Client, options: { keepYoungerThanMs: number; keepTagRevisions: number }, confirmed: boolean): Promise<void> {
  const now = new Date();
  const plan = await imagesToPrune(client, options, now);
  const gone = confirmed ? await pruneImages(client, plan, options, now) : plan.images;
  for (const { namespace, stream, tag, image } of plan.revisions) process.stdout.write(`${confirmed ? 'forgot' : 'would forget'} ${namespace}/${stream}:${tag}@${image}\n`);
  for (const image of gone) process.stdout.write(`${confirmed ? 'deleted' : 'would delete'} image ${image.metadata.name} ${image.dockerImageReference ?? ''}\n`);
  const size = gone.reduce((sum, image) => sum + (image.dockerImageMetadata?.Size ?? 0), 0);
  summary(gone.length, 'image', confirmed, size > 0 ? `, up to ${(size / 1e6).toFixed(1)} MB` : '');
  if (confirmed && gone.length > 0) process.stdout.write('The registry frees what no other image shares, once it is an hour old.\n');
}

async function objects(client: Client, of: Resource, chosen: readonly KubeObject[], confirmed: boolean): Promise<void> {
  for (const { metadata } of chosen) {
    if (confirmed) {
      await client.delete(of, { namespace: metadata.namespace, name: metadata.name }, { propagationPolicy: 'Background' }).catch((error: unknown) => {
        if (!isStatusError(error, 'NotFound')) throw error;
      });
    }
    process.stdout.write(`${confirmed ? 'deleted' : 'would delete'} ${of.singular} ${metadata.namespace}/${metadata.name}\n`);
  }
  summary(chosen.length, of.singular, confirmed, '');
}

function summary(count: number, what: string, confirmed: boolean, more: string): void {
  const all = `${count} ${what}${count === 1 ? '' : 's'}${more}`;
  process.stdout.write(confirmed ? `Deleted ${all}.\n` : `Dry run: ${all} would be deleted.${count > 0 ? ' Add --confirm to do it.' : ''}\n`);
}

function at(given: Arguments): { namespace?: string } {
  return given.namespace === undefined ? {} : { namespace: given.namespace };
}
