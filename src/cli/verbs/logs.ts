import { buildAnnotations, builds } from '../../api/kinds/build.ts';
import { pods } from '../../api/kinds/core.ts';
import type { Connection } from '../../client/connection.ts';
import type { LogTarget } from '../../client/log-stream.ts';
import { parse } from '../arguments.ts';
import { connectHome } from '../connect.ts';
import { UserError } from '../failure.ts';

export async function logs(args: string[]): Promise<number> {
  const given = parse(args, {
    follow: { type: 'boolean', short: 'f' }, container: { type: 'string', short: 'c' }, previous: { type: 'boolean', short: 'p' }, timestamps: { type: 'boolean' }, tail: { type: 'string' },
  });
  const [asked] = given.positionals;
  if (!asked) throw new UserError('Name a pod, build/NAME or dc/NAME: slipway logs [-f] <name>', 2);
  const tail = given.text('tail');
  if (tail !== undefined && !/^\d+$/.test(tail)) throw new UserError(`--tail takes a number of lines, not "${tail}".`, 2);
  const { connection, namespace } = await connectHome(given);
  try {
    const target = await targetOf(connection, namespace, asked, given.text('container'));
    const options = { follow: given.flag('follow'), previous: given.flag('previous'), ...(tail !== undefined && { tailLines: Number(tail) }) };
    for await (const line of connection.logs(target, options)) process.stdout.write(given.flag('timestamps') && line.time ? `${line.time} ${line.text}\n` : `${line.text}\n`);
    return 0;
  } finally {
    await connection.dispose();
  }
}

async function targetOf({ client }: Connection, namespace: string, asked: string, container: string | undefined): Promise<LogTarget> {
  const [type, name] = asked.includes('/') ? (asked.split('/', 2) as [string, string]) : ['pod', asked];
  if (['build', 'builds'].includes(type)) return { namespace, build: name };
  if (['pod', 'pods', 'po'].includes(type)) return { namespace, pod: name, container };
  if (['bc', 'buildconfig'].includes(type)) {
    const { items } = await client.list(builds, { namespace, labelSelector: `openshift.io/build-config.name=${name}` });
    const numberOf = ({ metadata }: (typeof items)[number]) => Number(metadata.annotations?.[buildAnnotations.number] ?? 0);
    const newest = [...items].sort((a, b) => numberOf(b) - numberOf(a))[0];
    if (!newest) throw new UserError(`Build config "${name}" has no build in project "${namespace}".`);
    return { namespace, build: newest.metadata.name };
  }
  if (['dc', 'deploymentconfig', 'deploy', 'deployment'].includes(type)) {
    const selector = type.startsWith('d') && (type === 'dc' || type === 'deploymentconfig') ? `deploymentconfig=${name}` : `app=${name}`;
    const { items } = await client.list(pods, { namespace, labelSelector: selector });
    const running = items.find((pod) => pod.status?.phase === 'Running') ?? items[0];
    if (!running) throw new UserError(`"${asked}" has no pod in project "${namespace}".`);
    return { namespace, pod: running.metadata.name, container };
  }
  throw new UserError(`Logs are of pods, builds and deployments; "${type}" is none of them.`, 2);
}
