import { findResource } from '../../api/resources.ts';
import { scale as scaleTo } from '../../client/rollout/scale.ts';
import { parse } from '../arguments.ts';
import { connectHome } from '../connect.ts';
import { UserError } from '../failure.ts';

export async function scale(args: string[]): Promise<number> {
  const given = parse(args, { replicas: { type: 'string' } });
  const replicas = given.count('replicas');
  const words = given.positionals.length === 1 ? (given.positionals[0] ?? '').split('/', 2) : given.positionals;
  const [type = '', name] = words;
  const of = findResource(type);
  if (replicas === undefined || !name) throw new UserError('Name a workload and a size: slipway scale <kind/name> --replicas N', 2);
  if (!of) throw new UserError(`There is no kind "${type}". Give the workload as dc/NAME, deployment/NAME, statefulset/NAME, rs/NAME or rc/NAME.`, 2);
  const { connection, namespace } = await connectHome(given);
  try {
    const before = await scaleTo(connection.client, { of, namespace, name }, replicas);
    process.stdout.write(`${of.singular}/${name} scaled from ${before} to ${replicas}\n`);
    return 0;
  } finally {
    await connection.dispose();
  }
}
