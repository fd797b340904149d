/** What the Build panel and its host say to each other. */
import type { BuildPhase } from '../api/kinds/build.ts';
import type { BuildStep, StepState } from './build-progress.ts';
import type { FeedFromPage, FeedTexts, FeedToPage } from './log-feed.ts';

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
  /** Why it failed, the last lines, and what to do. `file`: where to do it, if the source is a folder on this machine. */
  failure?: { message: string; lines: string[]; hint?: string; file?: string };
  canCancel: boolean;
  canRebuild: boolean;
  canOpen: boolean;
}

export interface BuildTexts extends FeedTexts {
  steps: string;
  cancel: string;
  rebuild: string;
  open: string;
  /** `Open {0}` */
  openFile: string;
  follow: string;
  builder: string;
  source: string;
  commit: string;
  elapsed: string;
  choose: string;
  tools: string;
  states: Record<StepState, string>;
}

export type BuildToPage = { type: 'build'; build: BuildView | undefined; follow: boolean; texts: BuildTexts } | FeedToPage;

export type BuildFromPage = { type: 'ready' } | { type: 'cancel' } | { type: 'rebuild' } | { type: 'open' } | { type: 'openFile' } | FeedFromPage;
