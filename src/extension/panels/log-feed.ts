/**
 * The host's side of a page's log: keeps the lines, sends them in batches, and pauses while the reader looks at older ones.
 *
 *   streams → batch (50 ms) → LineBuffer (bounded, oldest leave) → page (its newest 5,000 lines)
 */
import { olderLines, pageLines, type FeedFromPage, type FeedToPage, type LogLine } from '../../protocol/log-feed.ts';
import { LineBuffer } from './line-buffer.ts';

/** Lines that arrived within this time travel together. */
const batchMs = 50;

type Incoming = Omit<LogLine, 'number'>;

export class LogFeed {
  readonly #buffer: LineBuffer;
  readonly #send: (message: FeedToPage) => void;
  #follow = true;
  #unseen = 0;
  #incoming: Incoming[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(limit: number, send: (message: FeedToPage) => void) {
    this.#buffer = new LineBuffer(limit);
    this.#send = send;
  }

  get follow(): boolean {
    return this.#follow;
  }

  /** What is kept, as text. */
  texts(): string[] {
    this.flush();
    return this.#buffer.last(this.#buffer.size).map(({ text }) => text);
  }

  add(source: string, lines: readonly Omit<Incoming, 'source'>[]): void {
    for (const { time, text, links } of lines) this.#incoming.push({ source, time, text, ...(links?.length && { links }) });
    this.#timer ??= setTimeout(() => this.flush(), batchMs);
  }

  /** Hands on what has come so far, several streams in the order of time. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const lines = this.#buffer.push(byTime(this.#incoming.splice(0)));
    if (lines.length === 0) return;
    if (this.#follow) {
      const shown = lines.slice(-pageLines);
      this.#send({ type: 'lines', lines: shown, older: this.#older() });
    } else {
      this.#unseen += lines.length;
      this.#send({ type: 'unseen', count: this.#unseen });
    }
  }

  /** Sends the newest lines anew, to a page that has none or others. */
  show(): void {
    this.flush();
    this.#unseen = 0;
    this.#send({ type: 'lines', lines: this.#buffer.last(pageLines), reset: true, older: this.#older() });
  }

  /** Begins anew, with no line. */
  restart(): void {
    this.#follow = true;
    this.clear();
  }

  /** Follows from now on, and shows the newest lines. */
  resume(): void {
    this.#follow = true;
    this.show();
  }

  /** True if the message was for the log. */
  receive(message: FeedFromPage | { type: string }): message is FeedFromPage {
    if (message.type === 'follow' && 'follow' in message) {
      if (message.follow && !this.#follow) this.resume();
      this.#follow = message.follow;
      return true;
    }
    if (message.type === 'older' && 'before' in message) {
      const lines = this.#buffer.before(message.before, olderLines);
      this.#send({ type: 'older', lines, older: this.#buffer.countBefore(lines[0]?.number ?? message.before) });
      return true;
    }
    return false;
  }

  /** Forgets a source's lines, or all. */
  clear(source?: string): void {
    this.#incoming = source === undefined ? [] : this.#incoming.filter((line) => line.source !== source);
    this.#buffer.clear(source);
    this.show();
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }

  /** Lines before those that a page which follows shows. */
  #older(): number {
    return Math.max(0, this.#buffer.size - pageLines);
  }
}

function byTime(lines: Incoming[]): Incoming[] {
  if (lines.every((line) => line.source === lines[0]?.source)) return lines;
  const times = new Map(lines.map((line) => [line, Date.parse(line.time) || 0]));
  return lines.sort((a, b) => (times.get(a) ?? 0) - (times.get(b) ?? 0));
}
