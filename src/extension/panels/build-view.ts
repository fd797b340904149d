/** A build as its panel shows it: pure. */
import { finishedPhases, type Build, type BuildPhase } from '../../api/kinds/build.ts';
import { buildSteps, stepsAnnotation, type BuildStep, type StepProgress } from '../../protocol/build-progress.ts';
import type { BuildView, StepView } from '../../protocol/build-panel.ts';

export interface BuildWords {
  steps: Record<BuildStep, string>;
  phases: Record<BuildPhase, string>;
  /** By what the log says: a likely cause and what to do. */
  hint(log: string): string | undefined;
}

export function viewBuild(build: Build, words: BuildWords, canOpen: boolean): BuildView {
  const { status, spec, metadata } = build;
  const finished = finishedPhases.includes(status.phase);
  const failed = status.phase === 'Failed' || status.phase === 'Error';
  const lines = (status.logSnippet ?? '').split('\n').filter(Boolean);
  const source = spec.source;
  return {
    name: metadata.name,
    project: metadata.namespace ?? '',
    phase: status.phase,
    phaseText: words.phases[status.phase],
    builder: spec.strategy.sourceStrategy?.from.name ?? spec.strategy.type ?? '',
    source: source?.git ? `${source.git.uri}${source.git.ref ? `#${source.git.ref}` : ''}` : (source?.type ?? ''),
    ...(spec.revision?.git?.commit && { commit: `${spec.revision.git.commit.slice(0, 8)} ${spec.revision.git.message ?? ''}`.trim() }),
    ...(startOf(build) && { startedAt: startOf(build) }),
    ...(finished && { finishedAt: status.completionTimestamp ?? new Date().toISOString() }),
    steps: stepsOf(build, words.steps, finished),
    ...(failed && { failure: { message: status.message ?? status.reason ?? words.phases.Failed, lines, ...hintOf(words.hint(`${status.message ?? ''}\n${status.logSnippet ?? ''}`)) } }),
    canCancel: !finished,
    canRebuild: finished && status.config !== undefined,
    canOpen: canOpen && status.phase === 'Complete',
  } as BuildView;
}

function hintOf(hint: string | undefined): { hint?: string } {
  return hint ? { hint } : {};
}

function startOf(build: Build): string | undefined {
  return stepProgress(build).find((step) => step.startedAt)?.startedAt ?? build.status.startTimestamp ?? build.metadata.creationTimestamp;
}

function stepsOf(build: Build, titles: Record<BuildStep, string>, finished: boolean): StepView[] {
  const told = new Map(stepProgress(build).map((step) => [step.step, step]));
  return buildSteps.map((step): StepView => {
    const progress = told.get(step);
    // A build that has ended runs no step any more, whatever was told last.
    const state = progress?.state ?? 'waiting';
    return { ...(progress ?? {}), step, title: titles[step], state: finished && state === 'waiting' ? 'skipped' : state };
  });
}

export function stepProgress(build: Build): StepProgress[] {
  try {
    return JSON.parse(build.metadata.annotations?.[stepsAnnotation] ?? '[]') as StepProgress[];
  } catch {
    return [];
  }
}
