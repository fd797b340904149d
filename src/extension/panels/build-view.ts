/** A build as its panel shows it: pure. */
import { finishedPhases, type Build, type BuildPhase, type BuildSource, type StageName } from '../../api/kinds/build.ts';
import { stepsAnnotation, stepsFor, type BuildStep, type StepProgress, type StepState } from '../../protocol/build-progress.ts';
import type { BuildView, StepView } from '../../protocol/build-panel.ts';
import { builderText } from '../explorer/presenters/build.ts';
import type { BuildHint } from './build-hints.ts';

export interface BuildWords {
  steps: Record<BuildStep, string>;
  phase(phase: BuildPhase): string;
  source(source: BuildSource | undefined): string;
  /** By what the log says: a likely cause and what to do. */
  hint(log: string): BuildHint | undefined;
}

/** What the build itself does not say. */
export interface BuildCircumstances {
  /** There is a route to open. */
  canOpen: boolean;
  /** True if that file of the source lies on this machine. */
  hasFile(file: string): boolean;
  now: Date;
}

export function viewBuild(build: Build, words: BuildWords, { canOpen, hasFile, now }: BuildCircumstances): BuildView {
  const { status, spec, metadata } = build;
  const finished = finishedPhases.includes(status.phase);
  const commit = spec.revision?.git?.commit && `${spec.revision.git.commit.slice(0, 8)} ${spec.revision.git.message?.split('\n')[0] ?? ''}`.trim();
  const steps = stepProgress(build);
  const startedAt = steps.find((step) => step.startedAt)?.startedAt ?? status.startTimestamp ?? metadata.creationTimestamp;
  return {
    name: metadata.name,
    project: metadata.namespace ?? '',
    phase: status.phase,
    phaseText: words.phase(status.phase),
    builder: builderText(build),
    source: [words.source(spec.source), spec.source?.contextDir].filter(Boolean).join(' · '),
    ...(commit && { commit }),
    ...(startedAt && { startedAt }),
    ...(finished && { finishedAt: endOf(steps) ?? status.completionTimestamp ?? now.toISOString() }),
    steps: stepViews(stepsFor(spec.strategy), steps, words.steps, status.phase),
    ...failureOf(build, words, hasFile),
    canCancel: !finished && !status.cancelled,
    canRebuild: finished && status.config !== undefined,
    canOpen: canOpen && status.phase === 'Complete',
  };
}

function failureOf({ status }: Build, words: BuildWords, hasFile: (file: string) => boolean): Pick<BuildView, 'failure'> {
  if (status.phase !== 'Failed' && status.phase !== 'Error') return {};
  const message = status.message ?? status.reason ?? words.phase(status.phase);
  const lines = (status.logSnippet ?? '').split('\n').filter((line) => line.trim() !== '');
  const hint = words.hint(`${message}\n${status.logSnippet ?? ''}`);
  return { failure: { message, lines, ...(hint && { hint: hint.text }), ...(hint?.file && hasFile(hint.file) && { file: hint.file }) } };
}

function stepViews(steps: readonly BuildStep[], progress: readonly StepProgress[], titles: Record<BuildStep, string>, phase: BuildPhase): StepView[] {
  return steps.map((step): StepView => {
    const told = progress.find((one) => one.step === step);
    return { ...told, step, title: titles[step], state: settled(told?.state ?? 'waiting', phase) };
  });
}

/** A build that has ended runs no step any more, whatever was told last. */
function settled(state: StepState, phase: BuildPhase): StepState {
  if (!finishedPhases.includes(phase)) return state;
  // What a cancelled build was at did not fail by itself.
  if (state === 'failed' && phase === 'Cancelled') return 'skipped';
  if (state === 'running') return phase === 'Complete' ? 'done' : phase === 'Cancelled' ? 'skipped' : 'failed';
  return state === 'waiting' ? (phase === 'Complete' ? 'done' : 'skipped') : state;
}

/** Steps are told to the millisecond, the build's own times to the second. */
function endOf(steps: readonly StepProgress[]): string | undefined {
  return steps.map((step) => step.finishedAt).filter((time) => time !== undefined).sort().at(-1);
}

/** The steps as our builder tells them, or as far as the stages of another cluster's build show them. */
export function stepProgress(build: Build): StepProgress[] {
  try {
    const told = JSON.parse(build.metadata.annotations?.[stepsAnnotation] ?? '[]') as StepProgress[];
    if (told.length > 0) return told;
  } catch {
    // Somebody else's annotation: the stages tell enough.
  }
  return stepsOfStages(build);
}

const stageOfStep: Partial<Record<BuildStep, StageName>> = { BuilderImage: 'PullImages', SourceFetched: 'FetchInputs', Assemble: 'Build', Dockerfile: 'Build', CustomBuild: 'Build', ImagePushed: 'PushImage' };

function stepsOfStages({ status, spec }: Build): StepProgress[] {
  const steps = stepsFor(spec.strategy);
  const failed = status.phase === 'Failed' || status.phase === 'Error';
  const running = status.phase === 'Running';
  const reached = steps.map((step) => {
    const stage = status.stages?.find(({ name }) => name === stageOfStep[step]);
    if (!stage?.startTime) return undefined;
    const end = new Date(Date.parse(stage.startTime) + (stage.durationMilliseconds ?? 0)).toISOString();
    return { step, state: 'done' as const, startedAt: new Date(Date.parse(stage.startTime)).toISOString(), finishedAt: end };
  });
  const last = reached.findLastIndex((one) => one !== undefined);
  const begun = status.phase !== 'New';
  return steps.map((step, index): StepProgress => {
    const known = reached[index];
    if (known) return known;
    if (status.phase === 'Complete' || index < last) return { step, state: 'done' };
    // Before the first stage: the source and the builder are named, the build is made.
    if (last < 0 && index <= steps.indexOf('BuildInstantiated') && begun) return { step, state: 'done' };
    const next = index === Math.max(last + 1, steps.indexOf('BuildInstantiated') + 1);
    return { step, state: next && failed ? 'failed' : next && running ? 'running' : 'waiting' };
  });
}
