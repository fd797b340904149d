/** What a builder tells about its progress: lines in its own log that start with `progressMark`, folded into the Build by the build controller, read by the build panel. */

/** The nine steps of Source-to-Image by OpenShift's words, in order. */
export const buildSteps = [
  'SourceLocation', 'BuilderImage', 'BuildInstantiated', 'SourceFetched', 'BuilderStarted', 'Assemble', 'ImageCommitted', 'ImagePushed', 'ImageStreamUpdated',
] as const;
export type BuildStep = (typeof buildSteps)[number];
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
