/** What the editor of a workload's rollouts and its host say to each other. */
import type { PageProblem } from './page-problem.ts';

export interface RevisionRow {
  number: number;
  /** RFC 3339. */
  created?: string;
  /** Why it was rolled out. */
  cause: string;
  /** Short names of its images; `title`: the whole references. */
  images: { text: string; title: string }[];
  /** The build its image came from, with the commit: `web-3 · 1a2b3c4d Fix the header`. */
  source?: string;
  /** Pods asked for and ready under it. */
  pods: string;
  state: 'current' | 'running' | 'failed' | 'past';
  stateText: string;
  canUndo: boolean;
  /** Its deployer's log can be shown. */
  canLog: boolean;
}

export interface PodView {
  name: string;
  state: 'ready' | 'starting' | 'ending' | 'failed';
  /** What a screen reader says, and the tooltip. */
  text: string;
}

/** Pods of one revision. */
export interface PodGroup {
  label: string;
  current: boolean;
  ready: number;
  /** At most `mostPods`. */
  pods: PodView[];
  /** Those not shown. */
  more: number;
}

export type RolloutAction = 'latest' | 'restart' | 'pause' | 'resume' | 'cancel' | 'retry' | 'enableTriggers';

export interface RolloutView {
  kind: string;
  name: string;
  project: string;
  phase: 'progressing' | 'waiting' | 'complete' | 'failed';
  phaseText: string;
  /** More about it; in the API's own words where they are the cluster's. */
  message: string;
  /** Why pods cannot be made, in the API's own words. */
  trouble: string;
  paused: boolean;
  /** `Rolling · maxSurge 25%` */
  strategy: string;
  wanted: number;
  ready: number;
  /** 0 to 1: how much of the newest revision serves. */
  progress: number;
  canScale: boolean;
  /** In the order of their buttons. */
  actions: RolloutAction[];
  /** Image triggers that are off. */
  disabledTriggers: string[];
  groups: PodGroup[];
  revisions: RevisionRow[];
}

export interface RolloutTexts {
  actions: Record<RolloutAction, string>;
  pods: string;
  history: string;
  revision: string;
  created: string;
  cause: string;
  image: string;
  state: string;
  compare: string;
  /** `Compare {0} with the current revision` */
  compareWith: string;
  /** `Select {0} to compare` */
  select: string;
  undo: string;
  /** `Roll back to {0}` */
  undoTo: string;
  log: string;
  template: string;
  /** `{0} of {1} ready` */
  ready: string;
  replicas: string;
  fewer: string;
  more: string;
  noPods: string;
  noHistory: string;
  paused: string;
  /** `Image triggers are off: {0}` */
  triggersOff: string;
  /** `{0} more` */
  andMore: string;
  /** Heads of the columns without one that is shown. */
  choice: string;
  changes: string;
  loading: string;
}

export interface RolloutToPage {
  type: 'rollout';
  view: RolloutView | undefined;
  /** An action is under way. */
  busy: boolean;
  problem?: PageProblem;
  texts: RolloutTexts;
}

export type RolloutFromPage =
  | { type: 'ready' }
  | { type: 'fix' }
  | { type: 'act'; action: RolloutAction }
  | { type: 'scale'; replicas: number }
  | { type: 'undo'; revision: number }
  /** Two revisions, or one with the current one. */
  | { type: 'compare'; revisions: number[] }
  | { type: 'template'; revision: number }
  | { type: 'log'; revision: number }
  | { type: 'pod'; name: string };

/** More pods than this on one machine are a slip of the finger. */
export const mostReplicas = 100;
/** Pods of a revision that are shown one by one. */
export const mostPods = 60;
