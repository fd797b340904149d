/** A build as its panel shows it: pure. */
import { finishedPhases, strategyType, type Build, type BuildPhase, type BuildSource, type BuildStrategy } from '../../api/kinds/build.ts';
import type { BuildView, StepView } from '../../protocol/build-panel.ts';
import type { StepState } from '../../protocol/build-progress.ts';
import { builderText, commitText } from '../explorer/presenters/build.ts';
import type { BuildHint } from './build-hints.ts';
import { stepProgress, type Step } from './build-steps.ts';

export interface BuildWords {
  step(step: string, strategy: BuildStrategy['type']): string;
  phase(phase: BuildPhase): string;
  /** That many instructions of a Dockerfile were not run. */
  cached(count: number): string;
  source(source: BuildSource | undefined): string;
  /** By what the log says: a likely cause and what to do. */
  hint(log: string): BuildHint | undefined;
}

/** What the build itself does not say. */
export interface BuildCircumstances {
  /** Instructions of a Dockerfile whose layers were known. */
  cached: number;
  /** There is a route to open. */
  canOpen: boolean;
  /** True if that file of the source lies on this machine. */
  hasFile(file: string): boolean;
  now: Date;
}

export function viewBuild(build: Build, words: BuildWords, { cached, canOpen, hasFile, now }: BuildCircumstances): BuildView {
  const { status, spec, metadata } = build;
  const finished = finishedPhases.includes(status.phase);
  const commit = commitText(build);
  const steps = stepProgress(build);
  const strategy = strategyType(spec.strategy);
  const startedAt = steps.find((step) => step.startedAt)?.startedAt ?? status.startTimestamp ?? metadata.creationTimestamp;
  return {
    name: metadata.name,
    project: metadata.namespace ?? '',
    phase: status.phase,
    phaseText: words.phase(status.phase),
    strategy: strategy ?? '',
    builder: builderText(build),
    source: [words.source(spec.source), spec.source?.contextDir].filter(Boolean).join(' · '),
    ...(commit && { commit }),
    ...(startedAt && { startedAt }),
    ...(finished && { finishedAt: endOf(steps) ?? status.completionTimestamp ?? now.toISOString() }),
    steps: steps.map((step): StepView => ({ ...step, ...(step.step === 'Dockerfile' && cached > 0 && { detail: [step.detail, words.cached(cached)].filter(Boolean).join(' · ') }), title: words.step(step.step, strategy), state: settled(step.state, status.phase) })),
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

/** A build that has ended runs no step any more, whatever was told last. */
function settled(state: StepState, phase: BuildPhase): StepState {
  if (!finishedPhases.includes(phase)) return state;
  // What a cancelled build was at did not fail by itself.
  if (state === 'failed' && phase === 'Cancelled') return 'skipped';
  if (state === 'running') return phase === 'Complete' ? 'done' : phase === 'Cancelled' ? 'skipped' : 'failed';
  return state === 'waiting' ? (phase === 'Complete' ? 'done' : 'skipped') : state;
}

/** Steps are told to the millisecond, the build's own times to the second. */
function endOf(steps: readonly Step[]): string | undefined {
  return steps.map((step) => step.finishedAt).filter((time) => time !== undefined).sort().at(-1);
}
