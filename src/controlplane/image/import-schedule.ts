/** When scheduled streams are looked up again: spread over the interval, and never more than so many a minute. */

export interface ScheduleLimits {
  /** Between two looks at one stream (`ScheduledImageImportMinimumIntervalSeconds` of OpenShift: 15 minutes). */
  intervalMs: number;
  /** New streams go to the part of the interval that has fewest. */
  buckets: number;
  /** Imports a minute over all streams (`MaxScheduledImageImportsPerMinute`); twice as many may come at once after a rest. */
  perMinute: number;
}

export const scheduleLimits: ScheduleLimits = { intervalMs: 15 * 60_000, buckets: 4, perMinute: 60 };

const minute = 60_000;

/** Bounded by the streams there are: whoever deletes one calls `remove`. */
export class ImportSchedule {
  readonly #limits: ScheduleLimits;
  readonly #now: () => number;
  /** Milliseconds since the epoch, by stream. */
  readonly #due = new Map<string, number>();
  /** Streams that fall due in each part of time; only parts that have any. */
  readonly #load = new Map<number, number>();
  #tokens: number;
  #filledAt: number;

  constructor(now: () => Date, limits: ScheduleLimits = scheduleLimits) {
    this.#limits = limits;
    this.#now = () => now().getTime();
    this.#tokens = limits.perMinute * 2;
    this.#filledAt = this.#now();
  }

  get size(): number {
    return this.#due.size;
  }

  /** Milliseconds until the stream is due, 0 if it is. A stream not known yet gets its place. */
  dueIn(key: string): number {
    const due = this.#due.get(key) ?? this.#place(key, this.#leastLoaded());
    return Math.max(0, due - this.#now());
  }

  /** The stream was looked at just now. */
  delay(key: string): void {
    this.#place(key, this.#now() + this.#limits.intervalMs);
  }

  remove(key: string): void {
    const due = this.#due.get(key);
    if (due === undefined) return;
    this.#due.delete(key);
    this.#count(due, -1);
  }

  /** 0: an import may start now, and is counted. Otherwise milliseconds until one may. */
  take(): number {
    const { perMinute } = this.#limits;
    const now = this.#now();
    this.#tokens = Math.min(perMinute * 2, this.#tokens + ((now - this.#filledAt) * perMinute) / minute);
    this.#filledAt = now;
    if (this.#tokens < 1) return Math.ceil(((1 - this.#tokens) * minute) / perMinute);
    this.#tokens -= 1;
    return 0;
  }

  #place(key: string, due: number): number {
    this.remove(key);
    this.#due.set(key, due);
    this.#count(due, 1);
    return due;
  }

  /** Of parts with equally few, the one furthest ahead. */
  #leastLoaded(): number {
    const { intervalMs, buckets } = this.#limits;
    const ahead = Array.from({ length: buckets }, (_, index) => this.#now() + (intervalMs / buckets) * (buckets - index));
    return ahead.reduce((best, due) => (this.#loadAt(due) < this.#loadAt(best) ? due : best));
  }

  #part(due: number): number {
    return Math.floor((due * this.#limits.buckets) / this.#limits.intervalMs);
  }

  #loadAt(due: number): number {
    return this.#load.get(this.#part(due)) ?? 0;
  }

  #count(due: number, by: number): void {
    const load = this.#loadAt(due) + by;
    if (load > 0) this.#load.set(this.#part(due), load);
    else this.#load.delete(this.#part(due));
  }
}
