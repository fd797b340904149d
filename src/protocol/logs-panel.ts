/** What the Logs panel and its host say to each other. The host holds all state: a page that was hidden gets it again. */
import type { FeedFromPage, FeedTexts, FeedToPage } from './log-feed.ts';

/** One pod's container whose log the panel can show. */
export interface LogSource {
  /** `<pod>/<container>` */
  id: string;
  pod: string;
  container: string;
  shown: boolean;
  /** 0 to 7: which of the palette's colours marks its lines. */
  colour: number;
  state: 'streaming' | 'ended' | 'waiting' | 'failed';
  /** Why nothing comes. */
  detail?: string;
}

export interface LogOptions {
  wrap: boolean;
  timestamps: boolean;
  previous: boolean;
  /** Seconds back from now; 0: from the start. */
  since: number;
}

/** Texts of the page in the user's language. */
export interface LogTexts extends FeedTexts {
  follow: string;
  wrap: string;
  timestamps: string;
  previous: string;
  clear: string;
  saveAll: string;
  since: string;
  sinceAll: string;
  sinceMinutes: string;
  sinceHour: string;
  choose: string;
  sources: string;
  tools: string;
  states: Record<LogSource['state'], string>;
}

export type LogsToPage = { type: 'state'; title: string; sources: LogSource[]; options: LogOptions; follow: boolean; texts: LogTexts } | FeedToPage;

export type LogsFromPage =
  | { type: 'ready' }
  | { type: 'options'; options: LogOptions }
  | { type: 'source'; id: string; shown: boolean }
  | { type: 'clear' }
  | { type: 'save' }
  | FeedFromPage;
