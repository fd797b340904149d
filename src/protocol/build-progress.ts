/** What a builder tells about its progress: lines in its own log that start with `progressMark`, folded into the Build by the build controller, read by the build panel. */

/** The nine steps of Source-to-Image by OpenShift's words, in order. */
export const buildSteps = [
  'SourceLocation', 'BuilderImage', 'BuildInstantiated', 'SourceFetched', 'BuilderStarted', 'Assemble', 'ImageCommitted', 'ImagePushed', 'ImageStreamUpdated',
] as const;
/** Of the Docker strategy. The detail of `Dockerfile` is the instruction it is at: `2/7 RUN make`. */
const dockerSteps = ['SourceLocation', 'BuilderImage', 'BuildInstantiated', 'SourceFetched', 'Dockerfile', 'ImageCommitted', 'ImagePushed', 'ImageStreamUpdated'] as const;
/** Of the Custom strategy, whose builder fetches, makes and pushes by itself. */
const customSteps = ['SourceLocation', 'BuilderImage', 'BuildInstantiated', 'BuilderStarted', 'CustomBuild', 'ImageStreamUpdated'] as const;
export type BuildStep = (typeof buildSteps | typeof dockerSteps | typeof customSteps)[number];
/** For who does not know the strategy. */
export const everyStep: readonly BuildStep[] = [...new Set<BuildStep>([...buildSteps, ...dockerSteps, ...customSteps])];

/** The steps of a build, in order, by the strategy it has: `spec.strategy`. */
export function stepsFor(strategy: { dockerStrategy?: unknown; customStrategy?: unknown }): readonly BuildStep[] {
  if (strategy.dockerStrategy) return dockerSteps;
  return strategy.customStrategy ? customSteps : buildSteps;
}

export type StepState = 'waiting' | 'running' | 'done' | 'failed' | 'skipped';

export interface StepProgress {
  step: BuildStep;
  state: StepState;
  /** RFC 3339 with milliseconds. */
  startedAt?: string;
  finishedAt?: string;
  /** e.g. the commit fetched, the digest pushed. */
  detail?: string;
}

/** Annotation on a Build with the `StepProgress[]` as JSON. Written by the build controller. */
export const stepsAnnotation = 'slipway.dev/build-steps';

/** What the build pod's container leaves as its termination message (JSON), read by the build controller. */
export interface BuildTermination {
  reason?: string;
  message?: string;
  /** Last lines of a failed build's output. */
  logSnippet?: string;
  imageDigest?: string;
  revision?: { commit: string; message: string; author: { name: string; email: string } };
  stages: { name: string; startTime: string; durationMilliseconds: number; steps: { name: string; startTime: string; durationMilliseconds: number }[] }[];
  steps: StepProgress[];
}

/** Starts a line of a build's log that carries one `StepProgress` as JSON. Whoever shows the log leaves such lines out. */
export const progressMark = '::slipway-step ';

/** The progress a line of the log carries, or nothing if it is an ordinary line. */
export function parseProgress(line: string): StepProgress | undefined {
  if (!line.startsWith(progressMark)) return undefined;
  try {
    const value = JSON.parse(line.slice(progressMark.length)) as StepProgress;
    return everyStep.includes(value.step) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function initialSteps(strategy: Parameters<typeof stepsFor>[0] = {}): StepProgress[] {
  return stepsFor(strategy).map((step) => ({ step, state: 'waiting' }));
}

/** `steps` with one of them changed; the start time is kept, and a step that has ended is not set back. */
export function mergeStep(steps: readonly StepProgress[], change: StepProgress): StepProgress[] {
  return steps.map((one) => {
    if (one.step !== change.step || (one.finishedAt !== undefined && change.finishedAt === undefined)) return one;
    const startedAt = one.startedAt ?? change.startedAt;
    return { ...one, ...change, ...(startedAt !== undefined && { startedAt }) };
  });
}
