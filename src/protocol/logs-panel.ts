/** What the Logs panel and its host say to each other. The host holds all state: a page that was hidden gets it again. */

/** One pod's container whose log the panel can show. */
export interface LogSource {
  /** `<pod>/<container>` */
  id: string;
  pod: string;
  container: string;
  shown: boolean;
  /** 0 to 7: which of the palette's colours marks its lines. */
  colour: number;
  /** `streaming`, `ended`, or why nothing comes. */
  state: 'streaming' | 'ended' | 'waiting' | 'failed';
  detail?: string;
}

export interface LogOptions {
  follow: boolean;
  wrap: boolean;
  timestamps: boolean;
  previous: boolean;
  /** Seconds back from now; 0: from the start. */
  since: number;
}

export interface LogLine {
  /** Number in the host's buffer, rising. */
  number: number;
  source: string;
  /** RFC 3339 with nanoseconds. */
  time: string;
  text: string;
}

/** Texts of the page in the user's language. */
export interface LogTexts {
  follow: string;
  wrap: string;
  timestamps: string;
  previous: string;
  search: string;
  nextMatch: string;
  previousMatch: string;
  /** `{0}` of `{1}` */
  matches: string;
  noMatches: string;
  clear: string;
  saveAll: string;
  since: string;
  sinceAll: string;
  sinceMinutes: string;
  sinceHour: string;
  empty: string;
  choose: string;
  olderLines: string;
  newLines: string;
  sources: string;
  log: string;
}

export type LogsToPage =
  | { type: 'state'; title: string; sources: LogSource[]; options: LogOptions; texts: LogTexts; /** Lines the host still has before the page's first. */ older: number }
  /** `reset`: forget what is shown. */
  | { type: 'lines'; lines: LogLine[]; reset?: boolean; older: number }
  | { type: 'older'; lines: LogLine[]; older: number };

export type LogsFromPage =
  | { type: 'ready' }
  | { type: 'options'; options: LogOptions }
  | { type: 'source'; id: string; shown: boolean }
  /** Asks for lines before that number. */
  | { type: 'older'; before: number }
  | { type: 'clear' }
  | { type: 'save' };

/** Lines a page keeps at the most; older ones come back from the host when scrolled to. */
export const pageLines = 5_000;
/** Lines a host sends at once when older ones are asked for. */
export const olderLines = 1_000;
