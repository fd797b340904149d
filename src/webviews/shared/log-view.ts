/** A scrolling log: appends in batches, keeps a bounded number of rows, follows the end until the reader scrolls away, finds text. */
import { olderLines, pageLines, type FeedFromPage, type FeedTexts, type FeedToPage, type LogLine, type LogLink } from '../../protocol/log-feed.ts';
import { parseAnsi, withoutAnsi, type Span } from './ansi.ts';
import { element, fill } from './element.ts';
import { highlight } from './highlight.ts';

export interface LogRow {
  line: LogLine;
  /** Said before the line, e.g. the pod; `colour` 0 to 7. */
  label?: { text: string; colour: number } | undefined;
}

export interface LogViewOptions {
  send(message: FeedFromPage): void;
  row(line: LogLine): LogRow;
  onMatches(text: string): void;
  /** A place that a line names was pressed. */
  onLink?(link: LogLink): void;
}

/** Words that colour a whole line by level. The level stands near the start of a line in every common format. */
const levels: [RegExp, string][] = [
  [/\b(error|fatal|panic|critical|exception|ERR!)\b/i, 'level-error'],
  [/\b(warn(ing)?)\b/i, 'level-warning'],
];
const levelReach = 60;
/** A pixel or two of rounding must not count as scrolled away. */
const nearEnd = 24;
/** Rows kept while older ones are read: what is under the eyes stays. */
const readingLines = pageLines + 5 * olderLines;

export class LogView {
  readonly root: HTMLElement;
  readonly #rows: HTMLElement;
  readonly #more: HTMLElement;
  readonly #older: HTMLElement;
  readonly #options: LogViewOptions;
  #texts: FeedTexts;
  #lines: { row: LogRow; node: HTMLElement }[] = [];
  #follow = true;
  #asking = false;
  #query = '';
  #matches: HTMLElement[] = [];
  #current = -1;

  constructor(texts: FeedTexts, options: LogViewOptions) {
    this.#texts = texts;
    this.#options = options;
    // Announcing each line would drown a screen reader: whoever wants to hear the log reads it.
    this.#rows = element('div', { class: 'rows', role: 'log', 'aria-live': 'off', 'aria-label': texts.log, tabindex: '0' });
    this.#more = element('button', { class: 'more', type: 'button', hidden: true });
    this.#older = element('button', { class: 'older', type: 'button', hidden: true }, texts.olderLines);
    this.root = element('div', { class: 'log-view' }, this.#older, this.#rows, this.#more);
    this.#rows.addEventListener('scroll', () => this.#scrolled());
    this.#more.addEventListener('click', () => this.#tellFollow(true));
    this.#older.addEventListener('click', () => this.#askOlder());
    this.setTexts(texts);
  }

  setTexts(texts: FeedTexts): void {
    this.#texts = texts;
    this.#rows.dataset.empty = texts.empty;
    this.#older.textContent = texts.olderLines;
  }

  setWrap(wrap: boolean): void {
    this.#rows.classList.toggle('wrap', wrap);
  }

  setTimestamps(shown: boolean): void {
    this.#rows.classList.toggle('times', shown);
  }

  /** As the host has it. */
  setFollow(follow: boolean): void {
    this.#follow = follow;
    if (!follow) return;
    this.#more.hidden = true;
    this.#toEnd();
  }

  receive(message: FeedToPage): void {
    if (message.type === 'unseen') {
      this.#more.hidden = message.count === 0;
      this.#more.textContent = fill(this.#texts.newLines, message.count);
      return;
    }
    if (message.type === 'older') this.#prepend(message.lines);
    else {
      if (message.reset) this.#clear();
      this.#append(message.lines);
    }
    this.#older.hidden = message.older === 0;
    this.#asking = false;
  }

  search(query: string): void {
    this.#query = query.toLowerCase();
    this.#search(true);
  }

  /** Goes to the next (1) or previous (-1) match. */
  step(by: 1 | -1): void {
    if (this.#matches.length === 0) return;
    this.#current = (this.#current + by + this.#matches.length) % this.#matches.length;
    this.#mark();
  }

  #clear(): void {
    this.#lines = [];
    this.#matches = [];
    this.#rows.replaceChildren();
    this.#more.hidden = true;
  }

  #append(lines: readonly LogLine[]): void {
    const added = lines.map((line) => this.#render(this.#options.row(line)));
    this.#rows.append(...added.map(({ node }) => node));
    this.#lines.push(...added);
    for (const { node } of this.#lines.splice(0, this.#lines.length - pageLines)) node.remove();
    if (this.#follow) this.#toEnd();
    if (this.#query) this.#search(false);
  }

  #prepend(lines: readonly LogLine[]): void {
    const before = this.#rows.scrollHeight;
    const added = lines.map((line) => this.#render(this.#options.row(line)));
    this.#rows.prepend(...added.map(({ node }) => node));
    this.#lines.unshift(...added);
    this.#rows.scrollTop += this.#rows.scrollHeight - before;
    for (const { node } of this.#lines.splice(readingLines)) node.remove();
    if (this.#query) this.#search(false);
  }

  #render(row: LogRow): { row: LogRow; node: HTMLElement } {
    const { text, time } = row.line;
    const node = element('div', { class: 'row' });
    const level = levels.find(([pattern]) => pattern.test(withoutAnsi(text).slice(0, levelReach)))?.[1];
    if (level) node.classList.add(level);
    if (time) node.append(element('span', { class: 'time' }, `${time.slice(0, 23)} `));
    if (row.label) node.append(element('span', { class: `label source-${row.label.colour}` }, `${row.label.text} `));
    node.append(...this.#pieces(parseAnsi(text), row.line.links ?? []));
    return { row, node };
  }

  /** The spans of a line, cut where links begin and end. */
  #pieces(spans: readonly Span[], links: readonly LogLink[]): (Node | string)[] {
    const styled = ({ text, style }: Span) => (style ? element('span', { class: style }, text) : text);
    if (links.length === 0) return spans.map(styled);
    const pieces: (Node | string)[] = [];
    const buttons = new Map<LogLink, HTMLElement>();
    let at = 0;
    for (const { text, style } of spans) {
      for (let from = 0; from < text.length; ) {
        const link = links.find(({ start, end }) => start <= at && at < end);
        const next = link ? link.end : Math.min(...links.map(({ start }) => start).filter((start) => start > at), Infinity);
        const piece = styled({ text: text.slice(from, Math.min(text.length, from + next - at)), style });
        const length = Math.min(text.length - from, next - at);
        if (link) {
          let button = buttons.get(link);
          if (!button) {
            buttons.set(link, (button = this.#link(link)));
            pieces.push(button);
          }
          button.append(piece);
        } else pieces.push(piece);
        from += length;
        at += length;
      }
    }
    return pieces;
  }

  #link(link: LogLink): HTMLElement {
    const label = fill(this.#texts.openPlace, `${link.path}:${link.line}`);
    const button = element('button', { class: 'place', type: 'button', title: label, 'aria-label': label });
    button.addEventListener('click', () => this.#options.onLink?.(link));
    return button;
  }

  #scrolled(): void {
    const atEnd = this.#rows.scrollHeight - this.#rows.scrollTop - this.#rows.clientHeight < nearEnd;
    if (atEnd !== this.#follow) this.#tellFollow(atEnd);
    if (this.#rows.scrollTop === 0 && !this.#older.hidden) this.#askOlder();
  }

  #tellFollow(follow: boolean): void {
    this.#follow = follow;
    this.#options.send({ type: 'follow', follow });
  }

  #askOlder(): void {
    const before = this.#lines[0]?.row.line.number;
    if (before === undefined || this.#asking) return;
    this.#asking = true;
    // Who reads older lines does not follow; the host must not send new ones in between.
    if (this.#follow) this.#tellFollow(false);
    this.#options.send({ type: 'older', before });
  }

  #toEnd(): void {
    this.#rows.scrollTop = this.#rows.scrollHeight;
  }

  #search(jump: boolean): void {
    for (const node of this.#matches) node.classList.remove('match', 'current');
    this.#matches = this.#query ? this.#lines.filter(({ row }) => withoutAnsi(row.line.text).toLowerCase().includes(this.#query)).map(({ node }) => node) : [];
    for (const node of this.#matches) node.classList.add('match');
    this.#current = jump || this.#current < 0 ? this.#matches.length - 1 : Math.min(this.#current, this.#matches.length - 1);
    if (jump) this.#mark();
    else this.#tellMatches();
  }

  #mark(): void {
    for (const node of this.#matches) node.classList.remove('current');
    const node = this.#matches[this.#current];
    node?.classList.add('current');
    node?.scrollIntoView({ block: 'center' });
    this.#tellMatches();
  }

  #tellMatches(): void {
    const current = this.#matches[this.#current];
    highlight('match', this.#matches, this.#query);
    highlight('current-match', current ? [current] : [], this.#query);
    const { matches, noMatches } = this.#texts;
    this.#options.onMatches(!this.#query ? '' : this.#matches.length === 0 ? noMatches : fill(matches, this.#current + 1, this.#matches.length));
  }
}
