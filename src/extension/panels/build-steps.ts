/** The steps of a build, in order and how far it is: as its builder tells them, or as far as phase and stages of another cluster's build show them. Pure. */
import type { Build, StageName } from '../../api/kinds/build.ts';
import { stepsAnnotation, stepsFor, type StepState } from '../../protocol/build-progress.ts';

export interface Step {
  step: string;
  state: StepState;
  startedAt?: string;
  finishedAt?: string;
  detail?: string;
}

const stageOfStep: Record<string, StageName> = { BuilderImage: 'PullImages', SourceFetched: 'FetchInputs', Assemble: 'Build', Dockerfile: 'Build', CustomBuild: 'Build', ImagePushed: 'PushImage' };

export function stepProgress(build: Build): Step[] {
  const order = stepsFor(build.spec.strategy);
  const told = toldSteps(build);
  if (told.length > 0) return order.map((step) => told.find((one) => one.step === step) ?? { step, state: 'waiting' });
  return build.spec.strategy.customStrategy && build.status.stages?.length ? stagesOf(build) : derived(build, order);
}

function toldSteps(build: Build): Step[] {
  try {
    const told: unknown = JSON.parse(build.metadata.annotations?.[stepsAnnotation] ?? '[]');
    return Array.isArray(told) ? (told as Step[]) : [];
  } catch {
    // Somebody else's annotation: phase and stages tell enough.
    return [];
  }
}

/** A custom builder does what it likes: its stages are what it tells. */
function stagesOf({ status, metadata }: Build): Step[] {
  const { phase, stages = [], startTimestamp } = status;
  const made: Step = { step: 'BuildInstantiated', state: 'done', ...(metadata.creationTimestamp && { startedAt: metadata.creationTimestamp }), ...(startTimestamp && { finishedAt: startTimestamp }) };
  const told = stages.map((stage): Step => ({ step: stage.name, state: 'done', ...times(stage) }));
  const last = told.at(-1);
  if (last && phase !== 'Complete' && phase !== 'Cancelled') last.state = phase === 'Running' ? 'running' : 'failed';
  return [made, ...told];
}

function derived({ status }: Build, order: readonly string[]): Step[] {
  const failed = status.phase === 'Failed' || status.phase === 'Error';
  const running = status.phase === 'Running';
  const reached = order.map((step): Step | undefined => {
    const stage = status.stages?.find(({ name }) => name === stageOfStep[step]);
    return stage?.startTime ? { step, state: 'done', ...times(stage) } : undefined;
  });
  const last = reached.findLastIndex((one) => one !== undefined);
  const begun = status.phase !== 'New';
  return order.map((step, index): Step => {
    const known = reached[index];
    if (known) return known;
    if (status.phase === 'Complete' || index < last) return { step, state: 'done' };
    // Before the first stage: the source and the builder are named, the build is made.
    if (last < 0 && index <= order.indexOf('BuildInstantiated') && begun) return { step, state: 'done' };
    const next = index === Math.max(last + 1, order.indexOf('BuildInstantiated') + 1);
    return { step, state: next && failed ? 'failed' : next && running ? 'running' : 'waiting' };
  });
}

function times({ startTime, durationMilliseconds = 0 }: { startTime?: string; durationMilliseconds?: number }): { startedAt?: string; finishedAt?: string } {
  if (!startTime) return {};
  const start = Date.parse(startTime);
  return { startedAt: new Date(start).toISOString(), finishedAt: new Date(start + durationMilliseconds).toISOString() };
}
