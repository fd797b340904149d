/** What a page that shows a log and its host say to each other about the lines. The host holds them: a page that was hidden gets them again. */

export interface LogLine {
  /** Number in the host's buffer, rising. */
  number: number;
  /** `<pod>/<container>`, or empty where there is but one. */
  source: string;
  /** RFC 3339 with nanoseconds. */
  time: string;
  text: string;
  /** Places in files of the user's that the line names. */
  links?: LogLink[];
}

export interface LogLink {
  /** Where it stands in the line, escape sequences not counted. */
  start: number;
  end: number;
  /** As the line says it; the host knows which file is meant. */
  path: string;
  line: number;
  column?: number;
}

/** `older`: lines the host still has before the page's first. */
export type FeedToPage =
  /** `reset`: forget what is shown. */
  | { type: 'lines'; lines: LogLine[]; reset?: boolean; older: number }
  | { type: 'older'; lines: LogLine[]; older: number }
  /** Lines that came while the page was paused. */
  | { type: 'unseen'; count: number };

export type FeedFromPage =
  /** A page that does not follow gets no new lines, so that nothing moves under the reader's eyes. */
  | { type: 'follow'; follow: boolean }
  /** Asks for lines before that number. */
  | { type: 'older'; before: number };

/** Of pages whose lines have links. */
export interface LinkFromPage {
  type: 'link';
  path: string;
  line: number;
  column?: number;
}

/** Texts of a page's log in the user's language. */
export interface FeedTexts {
  log: string;
  search: string;
  nextMatch: string;
  previousMatch: string;
  /** `{0}` of `{1}` */
  matches: string;
  noMatches: string;
  newLines: string;
  olderLines: string;
  /** `Open {0}`: what a link does. */
  openPlace: string;
  /** Said while there is no line. */
  empty: string;
}

/** Lines a page keeps at the most; older ones come back from the host when scrolled to. */
export const pageLines = 5_000;
/** Lines a host sends at once when older ones are asked for. */
export const olderLines = 1_000;
