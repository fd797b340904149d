/** A scrolling log: appends in batches, keeps a bounded number of rows, follows the end until the reader scrolls away, finds text. */
import { parseAnsi, withoutAnsi } from './ansi.ts';
import { element, fill } from './element.ts';

export interface LogRow {
  number: number;
  text: string;
  time?: string;
  /** Said before the line, e.g. the pod; `colour` 0 to 7. */
  label?: { text: string; colour: number };
}

export interface LogViewTexts {
  empty: string;
  matches: string;
  noMatches: string;
  newLines: string;
  olderLines: string;
  log: string;
}

export interface LogViewOptions {
  /** Rows kept; beyond it the oldest leave the page (while following) . */
  limit: number;
  onFollow(follow: boolean): void;
  /** The reader has scrolled to the first row. */
  onOlder?(before: number): void;
  onMatches(text: string): void;
}

/** Words that colour a whole line by level. The level stands near the start of a line in every common format. */
const levels: [RegExp, string][] = [
  [/\b(error|fatal|panic|critical|exception|ERR!)\b/i, 'level-error'],
  [/\b(warn(ing)?)\b/i, 'level-warning'],
];
const levelReach = 60;
/** A pixel or two of rounding must not count as scrolled away. */
const nearEnd = 24;

export class LogView {
  readonly root: HTMLElement;
  readonly #rows: HTMLElement;
  readonly #more: HTMLElement;
  readonly #older: HTMLElement;
  readonly #options: LogViewOptions;
  #texts: LogViewTexts;
  #lines: { row: LogRow; node: HTMLElement }[] = [];
  #follow = true;
  #unseen = 0;
  #query = '';
  #matches: HTMLElement[] = [];
  #current = -1;

  constructor(texts: LogViewTexts, options: LogViewOptions) {
    this.#texts = texts;
    this.#options = options;
    this.#rows = element('div', { class: 'rows', role: 'log', 'aria-label': texts.log, tabindex: '0' });
    this.#more = element('button', { class: 'more', type: 'button', hidden: true });
    this.#older = element('button', { class: 'older', type: 'button', hidden: true }, texts.olderLines);
    this.root = element('div', { class: 'log-view' }, this.#older, this.#rows, this.#more);
    this.#rows.dataset.empty = texts.empty;
    this.#rows.addEventListener('scroll', () => this.#scrolled());
    this.#more.addEventListener('click', () => this.setFollow(true, true));
    this.#older.addEventListener('click', () => this.#askOlder());
  }

  setTexts(texts: LogViewTexts): void {
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

  /** `tell`: the reader did it, so the host should know. */
  setFollow(follow: boolean, tell = false): void {
    this.#follow = follow;
    if (follow) this.#toEnd();
    if (tell) this.#options.onFollow(follow);
  }

  /** How many lines before the first row could still be loaded. */
  setOlder(count: number): void {
    this.#older.hidden = count === 0;
  }

  clear(): void {
    this.#lines = [];
    this.#rows.replaceChildren();
    this.#unseen = 0;
    this.#search();
    this.#showMore();
  }

  append(rows: readonly LogRow[]): void {
    if (rows.length === 0) return;
    const added = rows.slice(-this.#options.limit).map((row) => ({ row, node: this.#render(row) }));
    this.#rows.append(...added.map(({ node }) => node));
    this.#lines.push(...added);
    if (this.#follow) this.#toEnd();
    else this.#unseen += added.length;
    // While the reader looks at older lines nothing is taken from under the eyes, up to twice the bound.
    const limit = this.#follow ? this.#options.limit : this.#options.limit * 2;
    if (this.#lines.length > limit) this.#drop(this.#lines.length - limit);
    if (this.#query) this.#search(false);
    this.#showMore();
  }

  prepend(rows: readonly LogRow[]): void {
    if (rows.length === 0) return;
    const before = this.#rows.scrollHeight;
    const added = rows.map((row) => ({ row, node: this.#render(row) }));
    this.#rows.prepend(...added.map(({ node }) => node));
    this.#lines.unshift(...added);
    this.#rows.scrollTop += this.#rows.scrollHeight - before;
    if (this.#query) this.#search(false);
  }

  search(query: string): void {
    this.#query = query.toLowerCase();
    this.#search();
  }

  /** Goes to the next (1) or previous (-1) match. */
  step(by: 1 | -1): void {
    if (this.#matches.length === 0) return;
    this.#current = (this.#current + by + this.#matches.length) % this.#matches.length;
    this.#mark();
  }

  #render(row: LogRow): HTMLElement {
    const node = element('div', { class: 'row' });
    const plain = withoutAnsi(row.text);
    const level = levels.find(([pattern]) => pattern.test(plain.slice(0, levelReach)))?.[1];
    if (level) node.classList.add(level);
    if (row.time) node.append(element('span', { class: 'time' }, `${row.time.slice(0, 23)} `));
    if (row.label) node.append(element('span', { class: `label source-${row.label.colour}` }, `${row.label.text} `));
    for (const span of parseAnsi(row.text)) node.append(span.style ? element('span', { class: span.style }, span.text) : span.text);
    return node;
  }

  #drop(count: number): void {
    for (const { node } of this.#lines.splice(0, count)) node.remove();
    this.#older.hidden = !this.#options.onOlder;
  }

  #scrolled(): void {
    const atEnd = this.#rows.scrollHeight - this.#rows.scrollTop - this.#rows.clientHeight < nearEnd;
    if (atEnd !== this.#follow) {
      this.#follow = atEnd;
      this.#options.onFollow(atEnd);
    }
    if (atEnd) this.#unseen = 0;
    if (this.#rows.scrollTop === 0 && !this.#older.hidden) this.#askOlder();
    this.#showMore();
  }

  #askOlder(): void {
    const first = this.#lines[0]?.row.number;
    if (first !== undefined) this.#options.onOlder?.(first);
  }

  #toEnd(): void {
    this.#unseen = 0;
    this.#rows.scrollTop = this.#rows.scrollHeight;
    this.#showMore();
  }

  #showMore(): void {
    this.#more.hidden = this.#follow || this.#unseen === 0;
    this.#more.textContent = fill(this.#texts.newLines, this.#unseen);
  }

  #search(jump = true): void {
    for (const node of this.#matches) node.classList.remove('match', 'current');
    this.#matches = this.#query ? this.#lines.filter(({ row }) => withoutAnsi(row.text).toLowerCase().includes(this.#query)).map(({ node }) => node) : [];
    for (const node of this.#matches) node.classList.add('match');
    if (jump) this.#current = this.#matches.length - 1;
    else this.#current = Math.min(this.#current, this.#matches.length - 1);
    if (jump) this.#mark();
    else this.#tell();
  }

  #mark(): void {
    for (const node of this.#matches) node.classList.remove('current');
    const node = this.#matches[this.#current];
    node?.classList.add('current');
    node?.scrollIntoView({ block: 'center' });
    this.#tell();
  }

  #tell(): void {
    const { matches, noMatches } = this.#texts;
    this.#options.onMatches(!this.#query ? '' : this.#matches.length === 0 ? noMatches : fill(matches, this.#current + 1, this.#matches.length));
  }
}
