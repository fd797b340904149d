/** The Docker strategy. */
import type { Readable } from 'node:stream';
import { BuildFailure } from './failure.ts';
import type { Progress } from './progress.ts';
import type { BuildSettings } from './settings.ts';
import type { BuildResult } from './source-to-image.ts';

/** Rejects with a `BuildFailure`, or with the signal's reason. */
export async function dockerBuild(_settings: BuildSettings, _input: Readable, _progress: Progress, _now: () => Date, _signal: AbortSignal): Promise<BuildResult> {
  throw new BuildFailure('DockerBuildFailed', 'This version does not interpret Dockerfiles.');
}
