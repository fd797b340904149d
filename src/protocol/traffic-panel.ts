/** What the editor of a route's traffic and its host say to each other. The page makes the draft; the host keeps it while the page is hidden. */
import type { Share } from '../api/traffic-split.ts';
import type { PageProblem } from './page-problem.ts';

export interface TrafficService {
  name: string;
  /** Pods that are ready for it. */
  ready: number;
  /** It has no port of the name, or number, that the route asks for. */
  lacksPort: boolean;
}

export interface TrafficTexts {
  /** `Share of {0}` */
  share: string;
  /** `Percent for {0}` */
  percent: string;
  /** `Take out {0}` */
  remove: string;
  add: string;
  choose: string;
  apply: string;
  reset: string;
  /** `All to {0}` */
  all: string;
  open: string;
  split: string;
  /** `now {0} %` */
  now: string;
  /** `ready pods: {0}` */
  ready: string;
  noPods: string;
  noService: string;
  /** `no port {0}` */
  noPort: string;
  /** How shares of requests come about. */
  hint: string;
  loading: string;
}

export interface TrafficToPage {
  type: 'traffic';
  route: string;
  url: string;
  /** As the route names it; empty: the first of each service. */
  port: string;
  /** What the route says now. */
  applied: readonly Share[];
  draft: readonly Share[];
  /** The last change of the page that `draft` knows. */
  edit: number;
  /** Services of the project, those that could answer first. */
  services: TrafficService[];
  busy: boolean;
  /** The route is not known yet. */
  loading: boolean;
  /** Why nothing can be applied, or why what is shown may be untrue. */
  problem?: PageProblem;
  texts: TrafficTexts;
}

export type TrafficFromPage = { type: 'ready' } | { type: 'fix' } | { type: 'draft'; shares: readonly Share[]; edit: number } | { type: 'apply' } | { type: 'reset'; edit: number } | { type: 'open' };
