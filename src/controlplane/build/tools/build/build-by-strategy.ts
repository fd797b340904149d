/** A build by the strategy it names. */
import type { Readable } from 'node:stream';
import { dockerBuild } from './docker-build.ts';
import { BuildFailure } from './failure.ts';
import type { Progress } from './progress.ts';
import type { BuildSettings } from './settings.ts';
import { sourceToImage, type BuildResult } from './source-to-image.ts';

/** Rejects with a `BuildFailure`, or with the signal's reason. `input`: the bytes of a binary build. */
export async function buildByStrategy(settings: BuildSettings, input: Readable, progress: Progress, now: () => Date, signal: AbortSignal): Promise<BuildResult> {
  const { strategy } = settings.build.spec;
  if (strategy.sourceStrategy) return sourceToImage(settings, input, progress, now, signal);
  if (strategy.dockerStrategy) return dockerBuild(settings, input, progress, now, signal);
  throw new BuildFailure('GenericBuildFailed', `Builds of strategy ${strategy.type ?? 'Custom'} are not made by this program: a Custom build runs its own builder image as its pod.`);
}
