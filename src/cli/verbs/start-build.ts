import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { buildConfigs, builds, type Build, type BuildConfig, type BuildRequest, type GenericWebHookEvent } from '../../api/kinds/build.ts';
import { resourcePath } from '../../api/resource.ts';
import type { Status } from '../../api/status.ts';
import { followBuild } from '../../client/apps/follow-app.ts';
import { archiveSource, listSource } from '../../client/apps/source-archive.ts';
import type { Connection } from '../../client/connection.ts';
import { parse, type Arguments } from '../arguments.ts';
import { showBuild } from '../build-progress.ts';
import { connectHome } from '../connect.ts';
import { UserError } from '../failure.ts';
import { archiveCommit, readCommit } from '../repository-archive.ts';
import { callWebHook } from '../webhook.ts';

/** Options that say where the source comes from; at most one of them. */
const inputs = ['from-dir', 'from-file', 'from-archive', 'from-repo', 'from-build', 'from-webhook'] as const;
const uploads: readonly string[] = inputs.slice(0, 4);

/** Exit code 1 if the build is waited for and does not complete. */
export async function startBuild(args: string[]): Promise<number> {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const given = parse(args, {
    ...Object.fromEntries(inputs.map((name) => [name, text])),
    follow: { ...flag, short: 'F' }, wait: { ...flag, short: 'w' }, commit: text, env: { ...text, short: 'e', multiple: true }, 'build-arg': { ...text, multiple: true }, incremental: flag, 'no-cache': flag,
  });
  const [config] = given.positionals;
  const chosen = inputs.filter((name) => given.text(name) !== undefined);
  const [from] = chosen;
  if (chosen.length > 1) throw new UserError(`--${chosen.join(' and --')} do not go together: a build has one source.`, 2);
  if (from !== undefined && uploads.includes(from)) refuseWith(given, ['env', 'build-arg', 'incremental', 'no-cache'], `--${from}: what is uploaded is built as the build config says. Set it there`);
  if (from === 'from-webhook') refuseWith(given, ['follow', 'wait', 'incremental'], '--from-webhook, which starts a build on whatever platform the URL names');
  const { connection, namespace, authority } = await connectHome(given);
  try {
    if (from === 'from-webhook') return await throughWebHook(given, authority);
    if (!config && from !== 'from-build') throw new UserError('Name a build config: slipway start-build <build-config> [--from-dir DIR]', 2);
    const name = (config ?? '').replace(/^(?:bc|buildconfigs?)\//, '');
    const build = from === 'from-build' ? await repeat(given, connection, namespace) : from ? await send(given, connection, namespace, name) : await instantiate(given, connection, namespace, name);
    process.stdout.write(`build ${build.metadata.name} started\n`);
    const at = { namespace, name: build.metadata.name };
    if (given.flag('follow')) return await follow(connection, at);
    return given.flag('wait') && !(await showBuild(connection.client, at, process.stdout)) ? 1 : 0;
  } finally {
    await connection.dispose();
  }
}

function refuseWith(given: Arguments, names: readonly string[], what: string): void {
  const wrong = names.find((name) => given.flag(name) || given.texts(name).length > 0);
  if (wrong) throw new UserError(`--${wrong} does not go with ${what}.`, 2);
}

function requestOf(given: Arguments, name: string): BuildRequest {
  const env = pairs(given, 'env');
  const buildArgs = pairs(given, 'build-arg');
  const commit = given.text('commit');
  const noCache = given.flag('no-cache');
  return {
    apiVersion: 'build.openshift.io/v1', kind: 'BuildRequest', metadata: { name },
    triggeredBy: [{ message: 'Manually triggered' }],
    ...(env.length > 0 && { env }),
    ...(commit && { revision: { type: 'Git', git: { commit } } }),
    ...((buildArgs.length > 0 || noCache) && { dockerStrategyOptions: { ...(buildArgs.length > 0 && { buildArgs }), ...(noCache && { noCache }) } }),
    ...(given.flag('incremental') && { sourceStrategyOptions: { incremental: true } }),
  };
}

function instantiate(given: Arguments, { client }: Connection, namespace: string, name: string): Promise<Build> {
  return client.create<BuildConfig, Build>(buildConfigs, requestOf(given, name), { namespace, name, subresource: 'instantiate' });
}

function repeat(given: Arguments, { client }: Connection, namespace: string): Promise<Build> {
  const name = (given.text('from-build') ?? '').replace(/^builds?\//, '');
  return client.create<Build, Build>(builds, requestOf(given, name), { namespace, name, subresource: 'clone' });
}

async function send(given: Arguments, { client }: Connection, namespace: string, name: string): Promise<Build> {
  const { body, query } = await sourceOf(given);
  const to = new URLSearchParams({ name, namespace, ...query });
  return (await client.raw('POST', `${resourcePath(buildConfigs, { namespace, name, subresource: 'instantiatebinary' })}?${to.toString()}`, body)) as Build;
}

async function sourceOf(given: Arguments): Promise<{ body: Readable; query: Record<string, string> }> {
  const [folder, file, archive, repository] = uploads.map((name) => given.text(name)).map((one) => (one === undefined ? undefined : path.resolve(one)));
  const commit = given.text('commit');
  if (repository) {
    const found = await readCommit(repository, commit ?? 'HEAD');
    process.stdout.write(`commit ${found.commit.slice(0, 12)} ${found.message}\n`);
    const { author, committer } = found;
    return {
      body: archiveCommit(repository, found.commit),
      query: { 'revision.commit': found.commit, 'revision.message': found.message, 'revision.authorName': author.name, 'revision.authorEmail': author.email, 'revision.committerName': committer.name, 'revision.committerEmail': committer.email },
    };
  }
  if (commit) throw new UserError('--commit goes with a Git source or --from-repo; other uploads are built as they stand.', 2);
  if (folder) {
    await mustBe(folder, 'folder');
    return { body: archiveSource(folder, await listSource(folder)), query: {} };
  }
  const single = file ?? archive ?? '';
  await mustBe(single, 'file');
  return { body: createReadStream(single), query: file ? { asFile: path.basename(file) } : {} };
}

async function mustBe(name: string, what: 'file' | 'folder'): Promise<void> {
  const found = await stat(name).catch(() => undefined);
  if (!found) throw new UserError(`There is no ${what} "${name}".`);
  if (what === 'file' ? !found.isFile() : !found.isDirectory()) throw new UserError(`"${name}" is no ${what}${what === 'file' ? '; send a folder with --from-dir' : '; send a file with --from-file or --from-archive'}.`);
}

/** The log as it comes; then how the build ended. */
async function follow(connection: Connection, at: { namespace: string; name: string }): Promise<number> {
  for await (const line of connection.logs({ namespace: at.namespace, build: at.name }, { follow: true })) process.stdout.write(`${line.text}\n`);
  const { status } = await followBuild(connection.client, at, () => undefined);
  if (status.phase === 'Complete') return 0;
  process.stderr.write(`build ${at.name} ${status.phase.toLowerCase()}: ${status.message ?? status.reason ?? 'no reason given'}\n`);
  return 1;
}

async function throughWebHook(given: Arguments, authority: string | undefined): Promise<number> {
  const asked = given.text('from-webhook') ?? '';
  const url = URL.canParse(asked) ? new URL(asked) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw new UserError('--from-webhook takes the URL of a generic webhook: https://…/buildconfigs/NAME/webhooks/SECRET/generic', 2);
  const { env, dockerStrategyOptions, revision } = requestOf(given, '');
  const event: GenericWebHookEvent = { ...(env && { env }), ...(dockerStrategyOptions && { dockerStrategyOptions }), ...(revision?.git && { type: 'Git', git: { uri: '', ...revision.git } }) };
  const { answer, warnings } = await callWebHook(url, Object.keys(event).length > 0 ? event : undefined, authority ? [authority] : []);
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  process.stdout.write('status' in answer && typeof answer.status === 'string' ? `${(answer as Status).message ?? 'no build was started'}\n` : `build ${(answer as Build).metadata.name} started\n`);
  return 0;
}

function pairs(given: Arguments, option: string): { name: string; value: string }[] {
  return given.texts(option).map((pair) => {
    const equals = pair.indexOf('=');
    if (equals < 1) throw new UserError(`--${option} takes NAME=VALUE, not "${pair}".`, 2);
    return { name: pair.slice(0, equals), value: pair.slice(equals + 1) };
  });
}
