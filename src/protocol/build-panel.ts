/** What the Build panel and its host say to each other. */
import type { BuildPhase } from '../api/kinds/build.ts';
import type { StepState } from './build-progress.ts';
import type { FeedFromPage, FeedTexts, FeedToPage, LinkFromPage } from './log-feed.ts';

/** One of the builds that are followed. */
export interface BuildTab {
  id: string;
  name: string;
  phase: BuildPhase;
  phaseText: string;
  current: boolean;
}

export interface StepView {
  /** A step of Source-to-Image or of a Dockerfile build, or a stage of a custom one. */
  step: string;
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
  strategy: string;
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
  strategy: string;
  /** Of the chips. */
  followed: string;
  /** `Stop following {0}` */
  unfollow: string;
  states: Record<StepState, string>;
}

/** `tabs`: empty unless several builds are followed. */
export type BuildToPage = { type: 'build'; tabs: BuildTab[]; build: BuildView | undefined; follow: boolean; texts: BuildTexts } | FeedToPage;

export type BuildFromPage =
  | { type: 'ready' }
  | { type: 'cancel' }
  | { type: 'rebuild' }
  | { type: 'open' }
  | { type: 'openFile' }
  /** Shows another of the builds that are followed. */
  | { type: 'select'; id: string }
  | { type: 'unfollow'; id: string }
  | LinkFromPage
  | FeedFromPage;
