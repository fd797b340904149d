/** What the Events panel and its host say to each other. */
import type { PageProblem } from './page-problem.ts';

/** What was told of one object, again and again perhaps. */
export interface EventRow {
  id: string;
  /** RFC 3339: when it was told last, and first. */
  last: string;
  first: string;
  warning: boolean;
  reason: string;
  kind: string;
  name: string;
  message: string;
  count: number;
  /** Who told it. */
  component: string;
}

export interface EventTexts {
  events: string;
  tools: string;
  filter: string;
  warnings: string;
  /** Shows the whole project again. */
  wholeProject: string;
  /** `{0} of {1}` */
  shown: string;
  /** `{0} times since {1}` */
  times: string;
  /** `Describe {0}` */
  describe: string;
  warning: string;
  /** Said while there is none, and while the filter fits none. */
  empty: string;
  noMatch: string;
  /** `The {0} newest are shown` */
  newest: string;
  loading: string;
}

export type EventsToPage = {
  type: 'events';
  title: string;
  /** False: of some objects only. */
  whole: boolean;
  /** Newest first. */
  rows: EventRow[];
  /** There are more than these. */
  more: boolean;
  /** They are not known yet. */
  loading: boolean;
  /** Why the list may be untrue. */
  problem?: PageProblem;
  texts: EventTexts;
};

export type EventsFromPage = { type: 'ready' } | { type: 'fix' } | { type: 'project' } | { type: 'describe'; kind: string; name: string };

/** Rows a page shows at the most. */
export const mostRows = 500;
