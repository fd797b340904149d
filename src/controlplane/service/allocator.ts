/** Hands out numbers of a range, each to one owner. Memory only: the services themselves are the record, fed in through `confirm` and `release`. */
import type { Clock } from '../../base/clock.ts';

export interface Holder {
  /** `namespace/name` of the service. */
  key: string;
  /** Known once the service is stored. */
  uid?: string | undefined;
}

interface Entry extends Holder {
  takenAt: number;
}

/** What was handed out for a service that was then not stored (invalid, dry run) is free again after this long. */
const unconfirmedMs = 60_000;

export class Allocator {
  readonly #first: number;
  readonly #last: number;
  readonly #clock: Clock;
  readonly #entries = new Map<number, Entry>();

  constructor(range: { first: number; last: number }, clock: Clock) {
    this.#first = range.first;
    this.#last = range.last;
    this.#clock = clock;
  }

  holds(number: number): boolean {
    return number >= this.#first && number <= this.#last;
  }

  /** Takes exactly `number`; false if somebody else has it. */
  reserve(number: number, key: string): boolean {
    const entry = this.#entries.get(number);
    if (entry && !(entry.key === key && entry.uid === undefined) && !this.#stale(entry)) return false;
    this.#entries.set(number, { key, takenAt: this.#now() });
    return true;
  }

  /**
   * Takes a free number at or above `from`, by preference one that depends on the key alone, so that a service made anew tends to get its old number.
   * Undefined when the range is full.
   */
  take(key: string, from = this.#first): number | undefined {
    const size = this.#last - from + 1;
    const start = hash(key) % size;
    for (let step = 0; step < size; step += 1) {
      const number = from + ((start + step) % size);
      if (this.reserve(number, key)) return number;
    }
    return undefined;
  }

  /** A stored service holds `number`. */
  confirm(number: number, key: string, uid: string): void {
    this.#entries.set(number, { key, uid, takenAt: this.#now() });
  }

  /** The service is gone, or changed so that it no longer needs `number`. Ignored when another one holds it by now. */
  release(number: number, key: string, uid: string | undefined): void {
    const entry = this.#entries.get(number);
    if (entry && entry.key === key && entry.uid === uid) this.#entries.delete(number);
  }

  #stale(entry: Entry): boolean {
    return entry.uid === undefined && this.#now() - entry.takenAt > unconfirmedMs;
  }

  #now(): number {
    return this.#clock.now().getTime();
  }
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}
