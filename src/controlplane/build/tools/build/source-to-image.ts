/** The path of one build, step by step. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buildEnvironment, assembleEnv, runAssemble, runPostCommit } from './assemble.ts';
import type { BuilderImage } from './builder-image.ts';
import { commitImage, pushImage } from './commit.ts';
import { configuredVariables } from './configured-variables.ts';
import { BuildFailure } from './failure.ts';
import { restoreArtifacts } from './incremental.ts';
import { inject } from './injections.ts';
import { buildVariables, generatedLabels, mergeLabels, readImageMetadata } from './labels.ts';
import type { Progress } from './progress.ts';
import type { BuildRoot } from './root/build-root.ts';
import type { BuildSettings } from './settings.ts';
import { readEnvironmentFile } from './source/environment.ts';
import { fetchSource } from './source/fetch.ts';
import type { GitRevision } from './source/git-fetch.ts';
import { startBuilder } from './start-builder.ts';
import { upload } from './upload.ts';

export interface BuildResult {
  imageDigest?: string;
  revision?: GitRevision;
}

/** Rejects with a `BuildFailure`, or with the signal's reason. `input`: the bytes of a binary build. */
export async function sourceToImage(settings: BuildSettings, input: Readable, progress: Progress, now: () => Date, signal: AbortSignal): Promise<BuildResult> {
  const { build } = settings;
  const { strategy, output, postCommit } = build.spec;
  const from = strategy.sourceStrategy?.from.name;
  if (!from) throw new BuildFailure('GenericBuildFailed', 'Only the Source strategy is built here; the build names no builder image.');
  const say = (text: string) => progress.say(text);

  // Known before anything is fetched.
  const configured = configuredVariables('env', strategy.sourceStrategy?.env, process.env);
  // The source may be on its way here for long: the builder is made ready meanwhile.
  const ready = startBuilder(settings, from, say, signal);
  ready.catch(() => undefined);
  const source = await progress.step('SourceFetched', () => progress.stage('FetchInputs', 'FetchGitSource', () => fetchSource(settings, input, say, signal)), ({ detail }) => detail).catch(async (error: unknown) => {
    await ready.then((one) => one.dispose(), () => undefined);
    throw error;
  });
  const { revision } = source;
  const started = await progress.step('BuilderStarted', () => {
    say(`Pulling builder image ${from} ...`);
    return progress.stage('PullImages', 'PullBaseImage', () => ready);
  }, ({ root }) => (root.kind === 'overlay' ? undefined : root.kind === 'copy' ? 'builder image copied' : 'as a plain process'));
  const { builder, root } = started;
  try {
    const variables = buildEnvironment(await readEnvironmentFile(source.folder), configured, buildVariables(build, revision));
    await tellLayered(root, builder, say);
    const scripts = await upload({ source: source.folder, scriptsUrl: strategy.sourceStrategy?.scripts, root, builder, mounted: settings.mounted, say, signal });
    say(`Using ${scripts.origins}`);
    const empty = await inject(settings, root, builder);
    const env = { ...assembleEnv(builder, variables, process.env), ...started.env };
    if (strategy.sourceStrategy?.incremental) await restoreArtifacts(settings, root, builder, scripts.paths['save-artifacts'], say, signal);

    const committed = await progress.stage('Build', 'DockerBuild', async () => {
      say('Running assemble ...');
      await progress.step('Assemble', () => runAssemble(scripts.paths.assemble, { root, builder, env, say, signal }));
      return progress.step(
        'ImageCommitted',
        async () => {
          await root.freeze();
          await empty();
          const labels = mergeLabels(generatedLabels(build, revision, from), await readImageMetadata(root), output?.imageLabels ?? []);
          say('Committing image ...');
          return commitImage(settings, root, builder, { env: variables, labels, run: scripts.paths.run }, now(), signal);
        },
        ({ image }) => image.manifest.digest,
      );
    });
    if (postCommit && (postCommit.script || postCommit.command?.length || postCommit.args?.length)) {
      await progress.stage('PostCommit', 'RunPostCommitHook', async () => {
        say('Running post commit hook ...');
        await root.thaw();
        await runPostCommit(postCommit, { root, builder, env, say, signal });
      });
    }
    const target = output?.to?.name;
    if (!target) {
      say('Build complete, no image push requested');
      return { ...(revision && { revision }) };
    }
    say(`Pushing image ${target} ...`);
    const imageDigest = await progress.step('ImagePushed', () => progress.stage('PushImage', 'PushImage', () => pushImage(settings, target, committed, builder, signal)), (digest) => digest);
    say(`Push successful: ${imageDigest}`);
    return { imageDigest, ...(revision && { revision }) };
  } finally {
    await started.dispose();
    await rm(join(settings.folder, 'blobs'), { recursive: true, force: true });
  }
}

/** Source-to-Image hands sources over to a tar in the image, started by its shell; without them it makes a layer of the sources, which is what is done here always. */
async function tellLayered(root: BuildRoot, { hostPaths }: BuilderImage, say: (text: string) => void): Promise<void> {
  if (hostPaths) return;
  const has = async (name: string) => (await Promise.all(['/bin', '/usr/bin', '/usr/local/bin'].map((folder) => root.find(`${folder}/${name}`)))).some(Boolean);
  const missing = [...((await has('tar')) ? [] : ['tar']), ...((await root.find('/bin/sh')) ? [] : ['/bin/sh'])];
  if (missing.length > 0) say(`Image is missing basic requirements (${missing.join(' and ')}), layered build will be performed`);
}
