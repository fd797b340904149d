/** Looks at the endpoints of routes that have several, for as long as somebody asks the route: a dead one is left out before a request finds it. */
import type { Target } from './table.ts';

/** A route that nobody asked for this long is not looked after; the next request begins anew. */
const unusedMs = 60_000;

export class HealthChecks {
  readonly #watched = new Map<Target, { timer: NodeJS.Timeout; seen: number; usedAt: number }>();

  watch = (target: Target): void => {
    if (this.#watched.has(target)) return;
    this.#watched.set(target, { timer: this.#next(target), seen: target.counters.requests, usedAt: Date.now() });
  };

  stop(): void {
    for (const { timer } of this.#watched.values()) clearTimeout(timer);
    this.#watched.clear();
  }

  #next(target: Target): NodeJS.Timeout {
    return setTimeout(() => this.#look(target), target.route.healthCheckMs).unref();
  }

  #look(target: Target): void {
    const state = this.#watched.get(target);
    if (!state) return;
    const { requests } = target.counters;
    if (requests !== state.seen) Object.assign(state, { seen: requests, usedAt: Date.now() });
    if (target.route.healthCheckMs === undefined || target.all.length === 0 || Date.now() - state.usedAt > unusedMs) {
      this.#watched.delete(target);
      return;
    }
    for (const { endpoint, wakes } of target.all) if (!wakes) endpoint.check();
    state.timer = this.#next(target);
  }
}
