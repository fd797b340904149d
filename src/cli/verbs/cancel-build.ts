import { buildLabels, builds, finishedPhases, type Build } from '../../api/kinds/build.ts';
import { isStatusError } from '../../api/status.ts';
import { followBuild } from '../../client/apps/follow-app.ts';
import type { Client } from '../../client/client.ts';
import { parse } from '../arguments.ts';
import { connectHome } from '../connect.ts';
import { UserError } from '../failure.ts';

const states = ['New', 'Pending', 'Running'] as const;

/** Exit code 0 once every build that was to be cancelled has ended. */
export async function cancelBuild(args: string[]): Promise<number> {
  const given = parse(args, { state: { type: 'string', multiple: true } });
  if (given.positionals.length === 0) throw new UserError('Name builds or a build config: slipway cancel-build <build | bc/NAME>… [--state new,pending,running]', 2);
  const wanted = statesOf(given.texts('state'));
  const { connection, namespace } = await connectHome(given);
  try {
    const found = new Map<string, Build>();
    for (const asked of given.positionals) for (const build of await buildsOf(connection.client, namespace, asked)) found.set(build.metadata.name, build);
    const going = [...found.values()].filter(({ status }) => wanted.includes(status.phase));
    if (going.length === 0) process.stdout.write(`nothing to cancel: ${[...found.values()].map(({ metadata, status }) => `${metadata.name} is ${status.phase}`).join(', ') || 'there is no build'}\n`);
    for (const { metadata } of going) await connection.client.patch(builds, { namespace, name: metadata.name }, 'merge', { status: { cancelled: true } });
    for (const { metadata } of going) {
      const { status } = await followBuild(connection.client, { namespace, name: metadata.name }, () => undefined);
      process.stdout.write(status.phase === 'Cancelled' ? `build ${metadata.name} cancelled\n` : `build ${metadata.name} had ended before: ${status.phase}\n`);
    }
    return 0;
  } finally {
    await connection.dispose();
  }
}

function statesOf(given: readonly string[]): readonly string[] {
  const names = given.flatMap((one) => one.split(',')).map((one) => one.trim().toLowerCase()).filter((one) => one !== '');
  const wrong = names.find((name) => !states.some((state) => state.toLowerCase() === name));
  if (wrong) throw new UserError(`--state takes new, pending and running, not "${wrong}".`, 2);
  return names.length === 0 ? states : states.filter((state) => names.includes(state.toLowerCase()));
}

/** `bc/NAME`: all of that config that have not ended. A bare name is a build's, or else a config's. */
async function buildsOf(client: Client, namespace: string, asked: string): Promise<Build[]> {
  const [type, name] = asked.includes('/') ? (asked.split('/', 2) as [string, string]) : ['', asked];
  if (!['', 'build', 'builds', 'bc', 'buildconfig', 'buildconfigs'].includes(type)) throw new UserError(`Builds and build configs can be cancelled; "${type}" is neither.`, 2);
  if (!type.includes('c')) {
    try {
      return [await client.get(builds, { namespace, name })];
    } catch (error) {
      if (type !== '' || !isStatusError(error, 'NotFound')) throw error;
    }
  }
  const { items } = await client.list(builds, { namespace, labelSelector: `${buildLabels.buildConfig}=${name}` });
  if (items.length === 0) throw new UserError(`There is no build "${name}" in project "${namespace}", and no build config of that name has one.`);
  return items.filter(({ status }) => !finishedPhases.includes(status.phase));
}
