import { services } from '../../api/kinds/core.ts';
import { idle as idleServices, NothingToIdle } from '../../client/idle/idle.ts';
import { parse } from '../arguments.ts';
import { connectHome } from '../connect.ts';
import { UserError } from '../failure.ts';

/** `slipway idle <service>…`, with the words of `oc idle`. */
export async function idle(args: string[]): Promise<number> {
  const given = parse(args, { all: { type: 'boolean' }, selector: { type: 'string', short: 'l' }, 'dry-run': { type: 'boolean' } });
  const selector = given.text('selector');
  if ((given.positionals.length > 0 ? 1 : 0) + (given.flag('all') ? 1 : 0) + (selector === undefined ? 0 : 1) !== 1) throw new UserError('Name services, or choose them by --selector or --all: slipway idle <service>…', 2);
  const { connection, namespace } = await connectHome(given);
  const { client } = connection;
  try {
    const names = given.positionals.length > 0 ? given.positionals.map((one) => one.replace(/^(svc|services?|endpoints)\//, '')) : (await client.list(services, { namespace, ...(selector !== undefined && { labelSelector: selector }) })).items.filter(({ spec }) => Object.keys(spec.selector ?? {}).length > 0).map(({ metadata }) => metadata.name);
    const dryRun = given.flag('dry-run');
    const done = await idleServices(client, { namespace, names, dryRun, now: new Date() });
    const how = dryRun ? 'would be' : 'has been';
    for (const { service, targets } of done.services) {
      process.stdout.write(`The service "${namespace}/${service.metadata.name}" ${how} marked as idled\n`);
      for (const target of targets) process.stdout.write(`The service will unidle ${target.kind} "${namespace}/${target.name}" to ${target.replicas} replicas once it receives traffic\n`);
    }
    for (const target of done.scaled) process.stdout.write(`${target.kind} "${namespace}/${target.name}" ${how} idled\n`);
    return 0;
  } catch (error) {
    if (error instanceof NothingToIdle) throw new UserError(`${error.message}. Pods made by hand cannot come back: idle services of a deployment.`);
    throw error;
  } finally {
    await connection.dispose();
  }
}
