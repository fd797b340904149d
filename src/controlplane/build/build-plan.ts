/** What a build's state should be, seen from its pod and what the builder told. Pure. */
import type { Build, BuildPhase, BuildStatus, StageInfo } from '../../api/kinds/build.ts';
import type { Pod } from '../../api/kinds/core.ts';
import { toTime } from '../../api/meta.ts';
import type { BuildTermination, StepProgress } from '../../protocol/build-progress.ts';
import { mergeStep } from '../../protocol/build-progress.ts';

/** Messages by reason, as OpenShift words them (openshift/api build/v1 consts.go). */
export const messages = {
  CancelledBuild: 'The build was cancelled by the user.',
  BuildPodDeleted: 'The pod for this build was deleted before the build completed.',
  BuildPodExists: 'The pod for this build already exists and is older than the build.',
  CannotCreateBuildPod: 'Failed creating build pod.',
  CannotCreateBuildPodSpec: 'Failed to create pod spec.',
  CannotRetrieveServiceAccount: 'Unable to look up the service account secrets for this build.',
  FailedContainer: 'The pod for this build has at least one container with a non-zero exit status.',
  GenericBuildFailed: 'Generic Build failure - check logs for details.',
  InvalidOutputReference: 'Output image could not be resolved.',
  MissingPushSecret: 'Missing push secret.',
  OutOfMemoryKilled: 'The build pod was killed due to an out of memory condition.',
  NoBuildContainerStatus: 'The pod for this build has no container statuses indicating success or failure.',
} as const;

export interface Observation {
  build: Build;
  pod: Pod | undefined;
  /** Steps the builder's log told so far. */
  told: readonly StepProgress[];
  steps: readonly StepProgress[];
  /** True once the output's image stream shows the digest. */
  streamShows(digest: string): boolean;
  /** The image that a builder which tells nothing has brought into the output's stream. */
  pushed?: string | undefined;
  now: Date;
}

export interface PlannedState {
  status: BuildStatus;
  steps: StepProgress[];
  /** Set when the builder found it out. */
  revision?: BuildTermination['revision'];
}

/** For a build whose pod was created. `status` is the one it has if nothing changed. */
export function planState({ build, pod, told, steps: had, streamShows, pushed, now }: Observation): PlannedState {
  let steps = told.reduce((all, one) => mergeStep(all, one), [...had]);
  if (!pod) return finished(build, steps, 'Error', 'BuildPodDeleted', messages.BuildPodDeleted, undefined, now);
  switch (pod.status?.phase) {
    case 'Running':
      return { status: build.status.phase === 'Running' ? build.status : { ...withoutReason(build.status), phase: 'Running', startTimestamp: startOf(pod, now) }, steps };
    case 'Succeeded':
    case 'Failed': {
      const ended = readTermination(pod) ?? silentEnd(pod, pushed);
      for (const step of ended?.steps ?? []) steps = mergeStep(steps, step);
      if (pod.status.phase === 'Succeeded' && (pod.status.containerStatuses?.length ?? 0) === 0) return finished(build, steps, 'Error', 'NoBuildContainerStatus', messages.NoBuildContainerStatus, ended, now, pod);
      if (pod.status.phase === 'Succeeded' && pod.status.containerStatuses?.some((one) => (one.state?.terminated?.exitCode ?? 0) !== 0)) return finished(build, steps, 'Error', 'FailedContainer', messages.FailedContainer, ended, now, pod);
      if (pod.status.phase === 'Failed') {
        if (pod.metadata.deletionTimestamp && !outOfMemory(pod)) return finished(build, steps, 'Error', 'BuildPodDeleted', messages.BuildPodDeleted, ended, now, pod);
        const { reason, message } = whyFailed(build, pod, ended);
        return finished(build, steps, 'Failed', reason, message, ended, now, pod);
      }
      const digest = ended?.imageDigest;
      if (digest && streamShows(digest)) steps = mergeStep(steps, { step: 'ImageStreamUpdated', state: 'done', startedAt: now.toISOString(), finishedAt: now.toISOString() });
      return finished(build, steps, 'Complete', undefined, undefined, ended, now, pod);
    }
    default:
      return { status: build.status.phase === 'New' ? { ...withoutReason(build.status), phase: 'Pending' } : build.status, steps };
  }
}

/** The state of a build that the user gave up. */
export function planCancelled(build: Build, steps: readonly StepProgress[], now: Date): PlannedState {
  return finished(build, [...steps], 'Cancelled', 'CancelledBuild', messages.CancelledBuild, undefined, now);
}

export function planError(build: Build, steps: readonly StepProgress[], reason: string, message: string, now: Date): PlannedState {
  return finished(build, [...steps], 'Error', reason, message, undefined, now);
}

function finished(build: Build, steps: StepProgress[], phase: BuildPhase, reason: string | undefined, message: string | undefined, ended: BuildTermination | undefined, now: Date, pod?: Pod): PlannedState {
  const completion = endOf(pod) ?? now;
  const start = build.status.startTimestamp ?? (pod && startOf(pod, now));
  const output = ended?.imageDigest ? { to: { imageDigest: ended.imageDigest } } : build.status.output;
  const duration = durationOf(steps, start, completion);
  const at = completion.toISOString();
  const ending = phase === 'Complete' ? steps : steps.map((one): StepProgress => (one.state === 'running' ? { ...one, state: 'failed', finishedAt: at } : one.state === 'waiting' ? { ...one, state: 'skipped' } : one));
  return {
    status: {
      ...withoutReason(build.status),
      phase,
      ...(reason && { reason }),
      ...(message && { message }),
      ...(start && { startTimestamp: start }),
      completionTimestamp: toTime(completion),
      ...(duration > 0 && { duration }),
      ...(output && { output }),
      ...(ended?.stages.length && { stages: ended.stages as StageInfo[] }),
      ...(phase !== 'Complete' && ended?.logSnippet && { logSnippet: ended.logSnippet }),
    },
    steps: ending,
    ...(ended?.revision && { revision: ended.revision }),
  };
}

function withoutReason({ reason: _reason, message: _message, ...status }: BuildStatus): BuildStatus {
  return status;
}

const controllersOwn: readonly string[] = ['SourceLocation', 'BuilderImage', 'BuildInstantiated', 'ImageStreamUpdated'];

/** Times of the API have seconds; the builder's steps tell more. Nanoseconds. */
function durationOf(steps: readonly StepProgress[], start: string | undefined, completion: Date): number {
  const own = steps.filter((one) => !controllersOwn.includes(one.step));
  const first = own.map((one) => one.startedAt).filter((time) => time !== undefined).sort()[0];
  const last = own.map((one) => one.finishedAt).filter((time) => time !== undefined).sort().at(-1);
  if (first && last) return Math.max(0, Date.parse(last) - Date.parse(first)) * 1e6;
  return start ? Math.max(0, completion.getTime() - Date.parse(start)) * 1e6 : 0;
}

function startOf(pod: Pod, now: Date): string {
  const state = pod.status?.containerStatuses?.[0]?.state;
  const told = state?.running?.startedAt ?? state?.terminated?.startedAt ?? pod.status?.startTime;
  return told ? toTime(new Date(told)) : toTime(now);
}

function endOf(pod: Pod | undefined): Date | undefined {
  const time = pod?.status?.containerStatuses?.[0]?.state?.terminated?.finishedAt;
  return time ? new Date(time) : undefined;
}

function outOfMemory({ status }: Pod): boolean {
  return status?.reason === 'OOMKilled' || (status?.containerStatuses ?? []).some((one) => one.state?.terminated?.reason === 'OOMKilled');
}

function whyFailed(build: Build, pod: Pod, ended: BuildTermination | undefined): { reason: string; message: string } {
  const terminated = pod.status?.containerStatuses?.[0]?.state?.terminated;
  if (outOfMemory(pod)) return { reason: 'OutOfMemoryKilled', message: messages.OutOfMemoryKilled };
  if (pod.status?.reason === 'Evicted') return { reason: 'BuildPodEvicted', message: pod.status.message ?? 'The build pod was evicted.' };
  if (pod.status?.reason === 'DeadlineExceeded') return { reason: 'GenericBuildFailed', message: `The build was ended because it ran longer than its completionDeadlineSeconds (${build.spec.completionDeadlineSeconds}).` };
  if (ended?.reason) return { reason: ended.reason, message: ended.message ?? messages.GenericBuildFailed };
  return { reason: 'GenericBuildFailed', message: terminated?.message?.slice(-500) || messages.GenericBuildFailed };
}

/** Of a builder that leaves no message of ours: what there is of its log, or the image it pushed. */
function silentEnd(pod: Pod, pushed: string | undefined): BuildTermination | undefined {
  if (pod.status?.phase === 'Succeeded') return pushed === undefined ? undefined : { imageDigest: pushed, stages: [], steps: [] };
  const logSnippet = pod.status?.containerStatuses?.[0]?.state?.terminated?.message;
  return logSnippet ? { logSnippet: logSnippet.split('\n').slice(-snippetLines).join('\n'), stages: [], steps: [] } : undefined;
}

const snippetLines = 10;

function readTermination(pod: Pod): BuildTermination | undefined {
  const text = pod.status?.containerStatuses?.[0]?.state?.terminated?.message;
  if (!text) return undefined;
  try {
    const value = JSON.parse(text) as Partial<BuildTermination>;
    return Array.isArray(value.steps) && Array.isArray(value.stages) ? (value as BuildTermination) : undefined;
  } catch {
    return undefined;
  }
}
