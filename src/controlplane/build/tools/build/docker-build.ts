/** The Docker strategy: the path of one build, step by step. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { registryHost } from '../../../../api/kinds/image.ts';
import { hostPlatform } from '../../../../oci/manifest.ts';
import { inParallel } from '../../../../oci/parallel.ts';
import { formatReference, parseReference } from '../../../../oci/reference.ts';
import { postCommitCommand } from './assemble.ts';
import { configuredVariables } from './configured-variables.ts';
import { BaseImages } from './dockerfile/base-image.ts';
import { CacheMounts } from './dockerfile/cache-mounts.ts';
import { prepareContext, type PreparedContext } from './dockerfile/context.ts';
import { manageDockerfileFailed, noNamespaces } from './dockerfile/failures.ts';
import { makeImage, packLayers, packTogether, type MadeImage } from './dockerfile/image.ts';
import { envOf } from './dockerfile/image-config.ts';
import { flagOf, type Instruction } from './dockerfile/instruction.ts';
import { LayerStore } from './dockerfile/layer-store.ts';
import { withAdditions } from './dockerfile/openshift.ts';
import { RunRoots } from './dockerfile/run-root.ts';
import { runInStage, userOf } from './dockerfile/run-step.ts';
import { buildStage } from './dockerfile/stage-build.ts';
import type { BuildParts, StageState } from './dockerfile/stage-state.ts';
import { neededStages, planStages, stageNamed, type Plan } from './dockerfile/stages.ts';
import { DockerfileError } from './dockerfile/syntax-error.ts';
import { Tree } from './dockerfile/tree.ts';
import { Users } from './dockerfile/users.ts';
import { hostImageElsewhere, postCommitFailed, pushFailed } from './failure.ts';
import type { Progress } from './progress.ts';
import { openRegistry } from './registry.ts';
import type { BuildSettings } from './settings.ts';
import { fetchSource } from './source/fetch.ts';
import type { GitRevision } from './source/git-fetch.ts';
import type { BuildResult } from './source-to-image.ts';

/** Rejects with a `BuildFailure`, or with the signal's reason. `input`: the bytes of a binary build. */
export async function dockerBuild(settings: BuildSettings, input: Readable, progress: Progress, now: () => Date, signal: AbortSignal): Promise<BuildResult> {
  const { postCommit, output, strategy } = settings.build.spec;
  const say = (text: string) => progress.say(text);
  const { source, context } = await progress.step(
    'SourceFetched',
    () =>
      progress.stage('FetchInputs', 'FetchGitSource', async () => {
        const fetched = await fetchSource(settings, input, say, signal);
        return { source: fetched, context: await prepareContext(settings, fetched.folder, say) };
      }),
    (value) => value.source.detail,
  );
  const { revision } = source;
  const users = settings.plain ? undefined : await Users.open(settings.folder);
  const store = await LayerStore.open(settings.cache, settings.folder, strategy.dockerStrategy?.noCache !== true, users?.count);
  const images = new BaseImages(settings, store, signal);
  const caches = new CacheMounts(settings.cache && store.folder, settings.folder, settings.build.metadata.namespace ?? '', store.users);
  try {
    const parts = await planParts(settings, context, source.folder, revision, { store, images, caches, users, say, now, signal });
    const target = parts.plan.stages.length - 1;
    const needed = neededStages(parts.plan.stages, target, sourcesOf);
    const state = await progress.step('Dockerfile', async () => {
      await progress.stage('PullImages', 'PullBaseImage', () => pullAll(needed, parts));
      return progress.stage('Build', 'DockerBuild', () => buildStages(needed, parts, progress));
    });
    const made = await progress.step('ImageCommitted', () => commit(settings, state, store, say, signal), ({ image }) => image.manifest.digest);
    const argv = postCommit && postCommitCommand(postCommit, state.config.Entrypoint ?? []);
    if (argv) {
      await progress.stage('PostCommit', 'RunPostCommitHook', async () => {
        say('Running post commit hook ...');
        if (settings.plain) throw noNamespaces('The post commit hook');
        await runHook(argv, state, parts);
      });
    }
    const to = output?.to?.name;
    if (!to) {
      say('Build complete, no image push requested');
      return { ...(revision && { revision }) };
    }
    say(`Pushing image ${to} ...`);
    const imageDigest = await progress.step('ImagePushed', () => progress.stage('PushImage', 'PushImage', () => push(settings, to, made, state, signal)), (digest) => digest);
    say(`Push successful: ${imageDigest}`);
    return { imageDigest, ...(revision && { revision }) };
  } finally {
    images.close();
    await caches.close(now());
    await store.close();
    await users?.close();
  }
}

type Shared = Pick<BuildParts, 'store' | 'images' | 'caches' | 'users' | 'say' | 'now' | 'signal'>;

async function planParts(settings: BuildSettings, context: PreparedContext, folder: string, revision: GitRevision | undefined, shared: Shared): Promise<BuildParts> {
  const { build } = settings;
  const docker = build.spec.strategy.dockerStrategy ?? {};
  const { escape } = context;
  const platform = platformArgs();
  const buildArgs = new Map(configuredVariables('buildArgs', docker.buildArgs, process.env).map(({ name, value }) => [name, value]));
  const replacements = new Map<string, { name: string; secret: string | undefined }>();
  for (const [index, image] of (build.spec.source?.images ?? []).entries()) {
    for (const name of image.as ?? []) if (image.from.name) replacements.set(name, { name: image.from.name, secret: image.pullSecret ? join(settings.sourceImages, String(index)) : undefined });
  }
  let plan: Plan;
  try {
    const env = configuredVariables('env', docker.env, process.env);
    const instructions = withAdditions(context.instructions, { build, revision, env, escape });
    plan = planStages(instructions, { escape, buildArgs, predefined: platform, replaceImage: (name, last) => (last && docker.from?.name ? docker.from.name : name) });
  } catch (error) {
    if (error instanceof DockerfileError) throw manageDockerfileFailed(error.message);
    throw error;
  }
  warnOfUnused(buildArgs, context.instructions, shared.say);
  const empty = join(settings.folder, 'empty');
  await mkdir(empty, { recursive: true, mode: 0o755 });
  return {
    ...shared, settings, plan, escape, context: new Tree([folder]), ignored: context.ignored, buildArgs, predefined: platform, proxies: proxiesOf(buildArgs), empty, done: new Map(),
    roots: new RunRoots(shared.say, shared.users !== undefined),
    // A checkout has the time of the build: the commit's makes equal sources equal layers.
    mtime: revision?.date && !Number.isNaN(Date.parse(revision.date)) ? Math.floor(Date.parse(revision.date) / 1000) : undefined,
    imageFor: (name) => replacements.get(name) ?? { name, secret: undefined },
  };
}

function platformArgs(): Map<string, string> {
  const { os, architecture, variant } = hostPlatform();
  const full = [os, architecture, variant].filter(Boolean).join('/');
  return new Map(['TARGET', 'BUILD'].flatMap((side): [string, string][] => [[`${side}PLATFORM`, full], [`${side}OS`, os], [`${side}ARCH`, architecture], [`${side}VARIANT`, variant ?? '']]));
}

const proxyNames = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'FTP_PROXY', 'ftp_proxy', 'NO_PROXY', 'no_proxy', 'ALL_PROXY', 'all_proxy'];

/** Docker's predefined arguments: those given, else those of the build pod. */
function proxiesOf(buildArgs: ReadonlyMap<string, string>): Map<string, string> {
  return new Map(proxyNames.flatMap((name): [string, string][] => {
    const value = buildArgs.get(name) ?? process.env[name];
    return value === undefined ? [] : [[name, value]];
  }));
}

function warnOfUnused(buildArgs: ReadonlyMap<string, string>, instructions: readonly Instruction[], say: (text: string) => void): void {
  const declared = new Set(instructions.filter(({ keyword }) => keyword === 'ARG').flatMap(({ rest }) => rest.split(/\s+/).map((word) => word.split('=', 1)[0] ?? '')));
  const unused = [...buildArgs.keys()].filter((name) => !declared.has(name) && !proxyNames.includes(name));
  if (unused.length > 0) say(`[Warning] one or more build args were not consumed: [${unused.join(' ')}]`);
}

/** What an instruction copies or mounts from. */
function sourcesOf(instruction: Instruction): string[] {
  if (instruction.keyword === 'COPY') {
    const from = flagOf(instruction, 'from');
    return from === undefined ? [] : [from];
  }
  if (instruction.keyword !== 'RUN') return [];
  return instruction.flags.flatMap(({ name, value }) => (name === 'mount' ? [/(?:^|,)from=([^,]+)/.exec(value)?.[1]].filter((one) => one !== undefined) : []));
}

async function pullAll(needed: readonly number[], parts: BuildParts): Promise<void> {
  const { stages } = parts.plan;
  const wanted = new Map<string, { name: string; platform: string | undefined; secret: string | undefined }>();
  for (const index of needed) {
    const stage = stages[index];
    if (!stage) continue;
    const want = (name: string, platform: string | undefined) => wanted.set(`${platform ?? ''} ${name}`, { ...parts.imageFor(name), platform });
    if (stage.base.kind === 'image') want(stage.base.name, stage.platform);
    for (const from of stage.instructions.flatMap(sourcesOf)) if (!from.includes('$') && !stageNamed(stages, index, from)) want(from, undefined);
  }
  for (const { name } of wanted.values()) parts.say(`Pulling image ${name} ...`);
  const pulled = await Promise.allSettled([...wanted.values()].map(({ name, platform, secret }) => parts.images.get(name, platform, secret)));
  for (const one of pulled) if (one.status === 'rejected') throw one.reason;
}

/** Says each instruction as buildah does, and what came of it. */
async function buildStages(needed: readonly number[], parts: BuildParts, progress: Progress): Promise<StageState> {
  const { stages } = parts.plan;
  const counted = needed.map((index) => 1 + (stages[index]?.instructions.length ?? 0));
  const total = counted.reduce((sum, one) => sum + one, 0);
  let at = 0;
  let state: StageState | undefined;
  for (const [order, index] of needed.entries()) {
    const stage = stages[index];
    if (!stage) continue;
    let step = 0;
    state = await buildStage(stage, parts, {
      step({ text }) {
        const line = text.split('\n')[0] ?? '';
        parts.say(`${stages.length > 1 ? `[${index + 1}/${stages.length}] ` : ''}STEP ${++step}/${Math.max(step, counted[order] ?? 0)}: ${text}`);
        progress.detail('Dockerfile', `${Math.min(++at, total)}/${total} ${line.slice(0, 100)}`);
      },
      done(layer) {
        if (layer) parts.say(`--> ${layer.cached ? 'Using cache ' : ''}${layer.name}`);
      },
    });
    parts.done.set(index, state);
  }
  if (!state) throw new Error('no stage was built');
  return state;
}

async function commit(settings: BuildSettings, state: StageState, store: LayerStore, say: (text: string) => void, signal: AbortSignal): Promise<MadeImage> {
  const policy = settings.build.spec.strategy.dockerStrategy?.imageOptimizationPolicy;
  const together = policy === 'SkipLayers' || policy === 'SkipLayersAndWarn';
  say(`COMMIT ${settings.build.spec.output?.to?.name ?? settings.build.metadata.name}`);
  const layers = together ? await packTogether(state, settings.folder, signal) : await packLayers(state, store, signal);
  return makeImage(state, layers, together);
}

/** In what was just made; what it changes is thrown away. */
async function runHook(argv: readonly string[], state: StageState, parts: BuildParts): Promise<void> {
  const upper = join(parts.settings.folder, 'hook');
  await mkdir(upper, { recursive: true, mode: 0o755 });
  try {
    await runInStage(
      {
        command: { argv: [...argv], shown: argv.join(' '), script: undefined }, env: envOf(state.config), ids: await userOf(state, parts), workingDir: state.config.WorkingDir || '/', network: 'default', mounts: [], upper, keep: false,
        failed: postCommitFailed,
      },
      state, parts,
    );
  } finally {
    await rm(upper, { recursive: true, force: true });
  }
}

async function push(settings: BuildSettings, target: string, { image, layers }: MadeImage, state: StageState, signal: AbortSignal): Promise<string> {
  const reference = parseReference(target);
  const { base } = state;
  if (base?.host && reference.host !== registryHost) throw hostImageElsewhere(reference.host);
  const registry = await openRegistry(settings, reference, settings.pushSecret);
  const inherited = (base?.image.manifest.layers ?? []).map(({ digest, size, mediaType }) => ({
    digest, size,
    content: () => base!.registry.readBlob(base!.reference.path, { digest, size, mediaType }, { signal }),
    ...(reference.host === base?.reference.host && { mountFrom: base.reference.path }),
  }));
  const blobs = new Map([...inherited, ...layers.map(({ digest, size, path }) => ({ digest, size, content: path })), { digest: image.config.digest, size: image.config.size, content: image.config.bytes }].map((one) => [one.digest, one]));
  try {
    await inParallel([...blobs.values()], 4, (blob) => registry.pushBlob(reference.path, blob, { signal }));
    return await registry.pushManifest(reference.path, reference.tag ?? 'latest', image.manifest, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw pushFailed(formatReference(reference), (error as Error).message);
  } finally {
    registry.close();
  }
}
