/** What the Build panel and its host say to each other. */
import type { BuildPhase } from '../api/kinds/build.ts';
import type { BuildStep, StepState } from './build-progress.ts';

export interface StepView {
  step: BuildStep;
  title: string;
  state: StepState;
  startedAt?: string;
  finishedAt?: string;
  detail?: string;
}

export interface BuildView {
  name: string;
  project: string;
  phase: BuildPhase;
  phaseText: string;
  builder: string;
  source: string;
  commit?: string;
  startedAt?: string;
  finishedAt?: string;
  steps: StepView[];
  /** Why it failed, the last lines, and what to do. */
  failure?: { message: string; lines: string[]; hint?: string };
  canCancel: boolean;
  canRebuild: boolean;
  canOpen: boolean;
}

export interface BuildTexts {
  steps: string;
  log: string;
  cancel: string;
  rebuild: string;
  open: string;
  follow: string;
  search: string;
  nextMatch: string;
  previousMatch: string;
  matches: string;
  noMatches: string;
  builder: string;
  source: string;
  commit: string;
  elapsed: string;
  empty: string;
  newLines: string;
  olderLines: string;
  states: Record<StepState, string>;
}

export type BuildToPage =
  | { type: 'build'; build: BuildView | undefined; texts: BuildTexts }
  | { type: 'log'; lines: { number: number; text: string }[]; reset?: boolean };

export type BuildFromPage = { type: 'ready' } | { type: 'cancel' } | { type: 'rebuild' } | { type: 'open' };
