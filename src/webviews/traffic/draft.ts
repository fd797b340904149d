/** The split that is being made. Every change has a number, so that an answer to an earlier one takes back no later one: pure. */
import type { Share } from '../../api/traffic-split.ts';

export class Draft {
  #shares: readonly Share[] = [];
  #edit = 0;

  get shares(): readonly Share[] {
    return this.#shares;
  }

  /** A change made on the page; resolves to its number. */
  change(shares: readonly Share[]): number {
    this.#shares = shares;
    return (this.#edit += 1);
  }

  /** What the host has, as of that change. A page that is shown again begins at 0. */
  hear(shares: readonly Share[], edit: number): void {
    if (edit < this.#edit) return;
    this.#shares = shares;
    this.#edit = edit;
  }
}
