/** The host's side of a split that is being made: it outlives its page, and what the cluster has not told yet. Pure. */
import type { Route } from '../../api/kinds/route.ts';
import { sameShares, type Share } from '../../api/traffic-split.ts';

export class KeptDraft {
  #shares: readonly Share[] | undefined;
  #edit = 0;
  #written: { before: string | undefined; route: Route } | undefined;

  /** The number of the page's last change. */
  get edit(): number {
    return this.#edit;
  }

  /** `undefined`: nothing differs from what the route says. */
  get shares(): readonly Share[] | undefined {
    return this.#shares;
  }

  /** `shares` undefined: what was changed is given up. */
  change(shares: readonly Share[] | undefined, edit: number): void {
    this.#shares = shares;
    this.#edit = edit;
  }

  /** `sent` is written. What was changed on the page meanwhile stays a draft. `before`: version of the route it was written over. */
  written(sent: readonly Share[], before: string | undefined, route: Route): void {
    if (this.#shares === sent) this.#shares = undefined;
    this.#written = { before, route };
  }

  /** The newest route there is: the one that was written, until the watch tells another than that before it. */
  newest(told: Route | undefined): Route | undefined {
    if (this.#written && told && told.metadata.resourceVersion === this.#written.before) return this.#written.route;
    this.#written = undefined;
    return told;
  }

  /** Forgets a draft that says what holds anyway. */
  settle(applied: readonly Share[]): void {
    if (this.#shares && sameShares(this.#shares, applied)) this.#shares = undefined;
  }
}
