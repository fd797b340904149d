/** CPU time that never falls, and its rate, from sums over processes that come and go. */
interface Reading {
  /** The sum as it was read. */
  read: number;
  /** Milliseconds. */
  at: number;
  /** What was told. */
  total: number;
}

/** Looks closer together than this give no useful rate: the system counts in steps of 10 ms. */
export const leastWindowMs = 400;
/** A rate over longer than this says nothing about now. */
export const longestWindowMs = 60_000;

export class CpuMeter {
  readonly #last = new Map<string, Reading>();
  readonly #rates = new Map<string, number>();

  /** `nanoseconds` as read at `at`. A process that left from a sum takes its time with it: then the total stands still. */
  add(id: string, nanoseconds: number, at: number): { usageCoreNanoSeconds: number; usageNanoCores?: number } {
    const last = this.#last.get(id);
    const total = last ? last.total + Math.max(0, nanoseconds - last.read) : nanoseconds;
    const window = last ? at - last.at : Infinity;
    if (window > longestWindowMs) this.#rates.delete(id);
    else if (last && window >= leastWindowMs) this.#rates.set(id, Math.round(((total - last.total) * 1000) / window));
    if (!last || window >= leastWindowMs) this.#last.set(id, { read: nanoseconds, at, total });
    const rate = this.#rates.get(id);
    return { usageCoreNanoSeconds: total, ...(rate !== undefined && { usageNanoCores: rate }) };
  }

  /** Forgets all but these. */
  keep(ids: ReadonlySet<string>): void {
    for (const id of this.#last.keys()) {
      if (ids.has(id)) continue;
      this.#last.delete(id);
      this.#rates.delete(id);
    }
  }
}
