import { StoredEntry } from './entry.ts';
import { Expired, type Entry, type StoreEvent } from './store.ts';

export interface HistoryBounds {
  /** Events kept; default 10,000. */
  events?: number;
  /** Serialised bytes of versions that only history keeps; default 16 MiB. */
  bytes?: number;
}

/**
 * The newest committed events, in order: what a watch that begins in the past and a list of an earlier revision are answered from.
 * What is beyond a bound is forgotten, oldest first; asking for it throws `Expired`. History begins anew with the process:
 * a client that comes back after a restart with the newest revision misses nothing, any other lists again, as it would after an hour away.
 */
export class History {
  readonly #maxEvents: number;
  readonly #maxBytes: number;
  #events: (StoreEvent | undefined)[] = [];
  /** Index of the oldest event kept; what lies before it is cut off now and then. */
  #head = 0;
  #bytes = 0;
  /** Everything after this revision is kept. */
  #floor: number;

  constructor(revision: number, { events = 10_000, bytes = 16 * 1024 * 1024 }: HistoryBounds = {}) {
    this.#floor = revision;
    this.#maxEvents = events;
    this.#maxBytes = bytes;
  }

  /** The oldest revision that can be asked for. */
  get oldest(): number {
    return this.#floor;
  }

  append(events: readonly StoreEvent[]): void {
    for (const event of events) {
      this.#events.push(event);
      this.#bytes += weight(event);
    }
    while (this.#events.length - this.#head > this.#maxEvents || (this.#bytes > this.#maxBytes && this.#head < this.#events.length)) this.#forget();
    if (this.#head > 1024 && this.#head * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Events after `revision`, oldest first. */
  since(revision: number): StoreEvent[] {
    if (revision < this.#floor) throw new Expired(revision, this.#floor);
    let low = this.#head;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#events[middle]?.entry.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#events.slice(low) as StoreEvent[];
  }

  /** What the keys under `prefix` that changed since held at `revision`; undefined: were not there. */
  before(revision: number, prefix: string): Map<string, Entry | undefined> {
    const then = new Map<string, Entry | undefined>();
    for (const { entry, previous } of this.since(revision)) {
      if (entry.key.startsWith(prefix) && !then.has(entry.key)) then.set(entry.key, previous);
    }
    return then;
  }

  #forget(): void {
    const event = this.#events[this.#head];
    this.#events[this.#head++] = undefined;
    if (!event) return;
    this.#bytes -= weight(event);
    this.#floor = event.entry.revision;
  }
}

function weight({ previous }: StoreEvent): number {
  return previous ? previous.bytes.length : 0;
}

/** After everybody was told: versions that are no longer current keep their bytes only. */
export function shrinkSuperseded(events: readonly StoreEvent[]): void {
  for (const { previous } of events) if (previous instanceof StoredEntry) previous.shrink();
}
