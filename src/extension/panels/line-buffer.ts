/** The lines a panel's host keeps: bounded, numbered without gaps, the oldest leave first. */
import type { LogLine } from '../../protocol/log-feed.ts';

export class LineBuffer {
  #lines: LogLine[] = [];
  #next = 0;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#lines.length;
  }

  push(lines: readonly Omit<LogLine, 'number'>[]): LogLine[] {
    const added = lines.map((line) => ({ ...line, number: this.#next++ }));
    for (const line of added) this.#lines.push(line);
    // Cut in larger pieces: one shift a line would move the whole array each time.
    if (this.#lines.length > this.#limit * 1.1) this.#lines = this.#lines.slice(-this.#limit);
    return added;
  }

  last(count: number): LogLine[] {
    return this.#lines.slice(-count);
  }

  /** `count` lines before line `number`. */
  before(number: number, count: number): LogLine[] {
    const end = this.#indexOf(number);
    return this.#lines.slice(Math.max(0, end - count), end);
  }

  /** How many lines there are before line `number`. */
  countBefore(number: number): number {
    return this.#indexOf(number);
  }

  /** Forgets a source's lines, or all; numbers go on. */
  clear(source?: string): void {
    this.#lines = source === undefined ? [] : this.#lines.filter((line) => line.source !== source);
  }

  #indexOf(number: number): number {
    let low = 0;
    let high = this.#lines.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#lines[middle]?.number ?? 0) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
