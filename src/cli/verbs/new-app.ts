import path from 'node:path';
import { projects } from '../../api/kinds/project.ts';
import { isStatusError } from '../../api/status.ts';
import { untilAnswers } from '../../client/apps/answers.ts';
import type { AppSource } from '../../client/apps/app-plan.ts';
import { awaitBuilder, findBuilder, listBuilders, NoBuilder, unknownBuilder, type Builder } from '../../client/apps/builders.ts';
import { createApp } from '../../client/apps/create-app.ts';
import { followRollout, followRoute } from '../../client/apps/follow-app.ts';
import type { Client } from '../../client/client.ts';
import { isGitUrl, probeGit } from '../../detect/git-probe.ts';
import { proposeName, validateAppName } from '../../detect/name.ts';
import { detectSource, type Detection } from '../../detect/source.ts';
import { detectToolchains } from '../../detect/toolchain.ts';
import { parse, type Arguments } from '../arguments.ts';
import { showBuild } from '../build-progress.ts';
import { connectHome } from '../connect.ts';
import { UserError } from '../failure.ts';

/** Exit code 0 once the URL answered; 1 if the build or the roll-out failed. */
export async function newApp(args: string[]): Promise<number> {
  const given = parse(args, {
    name: { type: 'string' }, builder: { type: 'string' }, ref: { type: 'string' }, 'context-dir': { type: 'string' },
    port: { type: 'string' }, env: { type: 'string', short: 'e', multiple: true }, 'no-wait': { type: 'boolean' },
  });
  const [asked] = given.positionals;
  if (!asked) throw new UserError('Name a folder or a Git URL: slipway new-app <dir|git-url>', 2);
  const name = given.text('name') ?? proposeName(isGitUrl(asked) ? asked : path.resolve(asked));
  const wrong = validateAppName(name);
  if (wrong) throw new UserError(`${wrong} Name it with --name.`, 2);

  const { connection, namespace } = await connectHome(given);
  const { client } = connection;
  try {
    await requireProject(client, namespace);
    const source = sourceOf(asked, given);
    // A builder that is named needs no look into the source.
    const detected = given.text('builder') === undefined || source.type === 'folder' ? await detect(source) : undefined;
    const builder = await chooseBuilder(client, given.text('builder'), detected, asked);
    process.stdout.write(`builder ${builder.reference}${detected ? ` (${detected.reason})` : ''}\n`);
    const port = given.number('port') ?? detected?.port ?? 8080;
    const upload = (to: string, body: unknown) => client.raw('POST', to, body);
    const build = await createApp(client, upload, { name, namespace, source, builder: builder.reference, port, env: environmentOf(given), route: true });
    process.stdout.write(`build ${build.metadata.name} started\n`);
    if (given.flag('no-wait')) return 0;
    if (!(await showBuild(client, { namespace, name: build.metadata.name }, process.stdout))) return 1;
    await followRollout(client, { namespace, name });
    const url = await followRoute(client, { namespace, name });
    await untilAnswers(url);
    process.stdout.write(`url ${url}\n`);
    return 0;
  } finally {
    await connection.dispose();
  }
}

async function requireProject(client: Client, namespace: string): Promise<void> {
  try {
    await client.get(projects, { name: namespace });
  } catch (error) {
    if (isStatusError(error, 'NotFound', 'Forbidden')) throw new UserError(`There is no project "${namespace}". Make it with: kubectl create namespace ${namespace}`);
    throw error;
  }
}

function sourceOf(asked: string, given: Arguments): AppSource {
  const ref = given.text('ref');
  const contextDir = given.text('context-dir');
  if (isGitUrl(asked)) return { type: 'git', uri: asked, ref, contextDir };
  if (ref) throw new UserError('--ref goes with a Git URL; a folder is built as it stands.', 2);
  return { type: 'folder', folder: path.resolve(asked, contextDir ?? '.') };
}

async function detect(source: AppSource): Promise<Detection | undefined> {
  if (source.type === 'folder') {
    const [best] = await detectSource(source.folder).catch((error: NodeJS.ErrnoException) => {
      throw new UserError(error.code === 'ENOENT' ? `There is no folder "${source.folder}".` : `"${source.folder}" cannot be read: ${error.message}`);
    });
    return best;
  }
  const probe = await probeGit(source.uri, { ref: source.ref, contextDir: source.contextDir });
  try {
    return (await detectSource(probe.folder))[0];
  } finally {
    await probe.dispose();
  }
}

async function chooseBuilder(client: Client, asked: string | undefined, detected: Detection | undefined, source: string): Promise<Builder> {
  const builders = await listBuilders(client);
  const name = asked ?? detected?.builder;
  if (!name) throw new NoBuilder(`No builder fits "${source}": it holds no package.json, requirements.txt, index.html or the like. Name one with --builder (${builders.map((one) => one.stream).join(', ') || 'none is there'}).`);
  const builder = findBuilder(builders, name);
  if (builder) return builder;
  const toolchains = await detectToolchains();
  const toolchain = toolchains.find((one) => one.builder === name.split(':')[0]);
  const coming = toolchain?.found && (await awaitBuilder(client, name));
  if (coming) return coming;
  if (toolchain?.missing) throw new NoBuilder(`${toolchain.displayName} is needed to build this and is not on this machine: ${toolchain.missing.why}.${toolchain.missing.install ? `\nInstall it with: ${toolchain.missing.install}\nthen start the platform again.` : ''}`);
  // A platform that has just started may not have made them all.
  throw unknownBuilder(name, [...builders.map((one) => one.stream), ...toolchains.filter((one) => one.found).map((one) => one.builder)]);
}

function environmentOf(given: Arguments): { name: string; value: string }[] {
  return given.texts('env').map((pair) => {
    const equals = pair.indexOf('=');
    if (equals < 1) throw new UserError(`--env takes NAME=VALUE, not "${pair}".`, 2);
    return { name: pair.slice(0, equals), value: pair.slice(equals + 1) };
  });
}
