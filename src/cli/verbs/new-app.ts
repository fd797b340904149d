import path from 'node:path';
import { projects } from '../../api/kinds/project.ts';
import { isStatusError } from '../../api/status.ts';
import { untilAnswers } from '../../client/apps/answers.ts';
import type { AppSource } from '../../client/apps/app-plan.ts';
import { awaitBuilder, findBuilder, fittingVersion, listBuilders, NoBuilder, unknownBuilder, versionFits, type Builder } from '../../client/apps/builders.ts';
import { createApp } from '../../client/apps/create-app.ts';
import { followRollout, followRoute } from '../../client/apps/follow-app.ts';
import type { Client } from '../../client/client.ts';
import { isGitUrl, probeGit } from '../../detect/git-probe.ts';
import { proposeName, validateAppName } from '../../detect/name.ts';
import { detectSource, type Detection } from '../../detect/source.ts';
import { detectToolchains } from '../../detect/toolchain.ts';
import { hintFits } from '../../detect/version-hint.ts';
import { parse, type Arguments } from '../arguments.ts';
import { showBuild } from '../build-progress.ts';
import { connectHome } from '../connect.ts';
import { UserError } from '../failure.ts';

/** Exit code 0 once the URL answered; 1 if the build or the roll-out failed. */
export async function newApp(args: string[]): Promise<number> {
  const given = parse(args, {
    name: { type: 'string' }, builder: { type: 'string' }, strategy: { type: 'string' }, ref: { type: 'string' }, 'context-dir': { type: 'string' },
    port: { type: 'string' }, env: { type: 'string', short: 'e', multiple: true }, 'no-wait': { type: 'boolean' },
  });
  const [argument] = given.positionals;
  if (!argument) throw new UserError('Name a folder or a Git URL: slipway new-app [<builder>~]<dir|git-url>', 2);
  const [, namedBuilder = given.text('builder'), asked = argument] = /^([\w][\w./:-]*)~(.+)$/.exec(argument) ?? [];
  const strategy = strategyOf(given, namedBuilder);
  const name = given.text('name') ?? proposeName(isGitUrl(asked) ? asked : path.resolve(asked));
  const wrong = validateAppName(name);
  if (wrong) throw new UserError(`${wrong} Name it with --name.`, 2);

  const { connection, namespace } = await connectHome(given);
  const { client } = connection;
  try {
    await requireProject(client, namespace);
    const source = sourceOf(asked, given);
    // A builder that is named needs no look into the source.
    const detections = namedBuilder === undefined || source.type === 'folder' ? await detect(source) : [];
    const detected = chooseDetection(detections, namedBuilder, strategy, asked);
    const builder = detected?.builder === 'docker' ? { dockerfile: detected.file } : await chooseBuilder(client, namespace, namedBuilder, detected, asked);
    tellChoice(builder, detected, detections);
    const port = given.number('port') ?? detected?.port ?? 8080;
    const upload = (to: string, body: unknown) => client.raw('POST', to, body);
    const build = await createApp(client, upload, { name, namespace, source, builder: 'reference' in builder ? builder.reference : builder, port, env: environmentOf(given), route: true });
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

type Strategy = 'docker' | 'source' | undefined;

function strategyOf(given: Arguments, builder: string | undefined): Strategy {
  const asked = given.text('strategy');
  if (asked !== undefined && asked !== 'docker' && asked !== 'source') throw new UserError(`--strategy is docker or source, not "${asked}".`, 2);
  if (asked === 'docker' && builder !== undefined) throw new UserError('--strategy docker builds the Dockerfile of the source; it goes with no builder.', 2);
  return asked;
}

async function detect(source: AppSource): Promise<Detection[]> {
  if (source.type === 'folder') {
    return detectSource(source.folder).catch((error: NodeJS.ErrnoException) => {
      throw new UserError(error.code === 'ENOENT' ? `There is no folder "${source.folder}".` : `"${source.folder}" cannot be read: ${error.message}`);
    });
  }
  const probe = await probeGit(source.uri, { ref: source.ref, contextDir: source.contextDir });
  try {
    return await detectSource(probe.folder);
  } finally {
    await probe.dispose();
  }
}

/** The first that the options allow. */
function chooseDetection(detections: readonly Detection[], builder: string | undefined, strategy: Strategy, source: string): Detection | undefined {
  const docker = detections.find((one) => one.builder === 'docker');
  if (strategy === 'docker' && !docker) throw new UserError(`"${source}" has no Dockerfile at its top. Name the folder that has one with --context-dir.`);
  if (strategy === 'docker') return docker;
  const languages = detections.filter((one) => one.builder !== 'docker');
  if (builder !== undefined) return languages.find((one) => one.builder === builder.split(':')[0]);
  return strategy === 'source' ? languages[0] : detections[0];
}

/** What is taken and why, what else would fit, and a version that does not. */
function tellChoice(builder: Builder | { dockerfile: string }, detected: Detection | undefined, all: readonly Detection[]): void {
  const hint = detected?.version;
  const version = 'reference' in builder ? (builder.exactVersion ?? builder.version) : undefined;
  const fits = !('reference' in builder) || versionFits(builder, (one) => hintFits(hint, one));
  const why = detected ? ` (${[detected.reason, ...(hint && fits && version !== undefined ? [`${hint.wanted} by ${hint.from}`] : [])].join(', ')})` : '';
  process.stdout.write('reference' in builder ? `builder ${builder.reference}${why}\n` : `strategy docker${why}\n`);
  const others = all.filter((one) => one !== detected);
  if (detected && others.length > 0) process.stdout.write(`also fits: ${others.map(({ builder: name, reason }) => (name === 'docker' ? `--strategy docker (${reason})` : `--builder ${name} (${reason})`)).join(', ')}\n`);
  if (hint && !fits) process.stderr.write(`warning: ${hint.from} asks for ${detected?.language} ${hint.wanted}, and this machine has ${version}; the build may fail. Install that version, or change what the source asks for.\n`);
}

async function chooseBuilder(client: Client, namespace: string, asked: string | undefined, detected: Detection | undefined, source: string): Promise<Builder> {
  const builders = await listBuilders(client, namespace);
  const name = asked ?? detected?.builder;
  if (!name) throw new NoBuilder(`No builder fits "${source}": it holds no package.json, requirements.txt, index.html or the like. Name one with --builder (${[...new Set(builders.map((one) => one.stream))].join(', ') || 'none is there'}).`);
  const builder = findBuilder(builders, name);
  // A version that is named is what is wanted; else the source may ask for one.
  if (builder) return name.includes(':') ? builder : fittingVersion(builders, builder, (version) => hintFits(detected?.version, version));
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
