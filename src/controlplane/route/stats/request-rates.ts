/** Requests a second of each route, between two looks at its counters. */
import type { RouterRouteMetrics } from '../../../protocol/router.ts';

/** Looks that come sooner after another are compared with the one before that. */
const shortestMs = 1_000;

interface Look {
  at: number;
  requests: ReadonlyMap<string, number>;
}

export class RequestRates {
  readonly #now: () => number;
  #before: Look | undefined;
  #last: Look | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Routes that were not there the last time, or whose counters began anew, have none. */
  look(routes: readonly RouterRouteMetrics[]): Map<string, number> {
    const at = this.#now();
    if (!this.#last || at - this.#last.at >= shortestMs) {
      this.#before = this.#last;
      this.#last = { at, requests: new Map(routes.map(({ key, requests }) => [key, requests])) };
    }
    const before = this.#before;
    if (!before) return new Map();
    return new Map(routes.flatMap(({ key, requests }): [string, number][] => {
      const then = before.requests.get(key);
      return then === undefined || requests < then ? [] : [[key, ((requests - then) * 1_000) / (at - before.at)]];
    }));
  }
}
