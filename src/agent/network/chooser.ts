/** Which endpoint a connection goes to: in turn, or the client's own. */
import type { Target } from './service-table.ts';

/** Clients remembered by one service; beyond it the one seen least recently is forgotten. */
const clientsKept = 10_000;

export class Chooser {
  #targets: readonly Target[];
  #affinity: number | undefined;
  #next = 0;
  readonly #clients = new Map<string, { target: Target; until: number }>();
  readonly #now: () => number;

  constructor(targets: readonly Target[], affinitySeconds: number | undefined, now: () => number = Date.now) {
    this.#targets = targets;
    this.#affinity = affinitySeconds;
    this.#now = now;
  }

  update(targets: readonly Target[], affinitySeconds: number | undefined): void {
    this.#targets = targets;
    this.#affinity = affinitySeconds;
    if (affinitySeconds === undefined) this.#clients.clear();
  }

  has({ ip, port }: Target): boolean {
    return this.#targets.some((one) => one.ip === ip && one.port === port);
  }

  /** In the order in which to try them; the first is the choice. */
  order(client: string): Target[] {
    const count = this.#targets.length;
    if (count === 0) return [];
    const kept = this.#kept(client);
    const start = kept ? this.#targets.indexOf(kept) : this.#next++ % count;
    // At once: the client's next connection may come before this one is made.
    if (!kept) this.chosen(client, this.#targets[start]!);
    return [...this.#targets.slice(start), ...this.#targets.slice(0, start)];
  }

  /** The client was connected to this one, perhaps not the first in order. */
  chosen(client: string, target: Target): void {
    if (this.#affinity === undefined) return;
    this.#clients.delete(client);
    this.#clients.set(client, { target, until: this.#now() + this.#affinity * 1000 });
    if (this.#clients.size > clientsKept) this.#clients.delete(this.#clients.keys().next().value!);
  }

  #kept(client: string): Target | undefined {
    const entry = this.#affinity === undefined ? undefined : this.#clients.get(client);
    if (!entry || entry.until < this.#now()) return undefined;
    return this.#targets.find(({ ip, port }) => ip === entry.target.ip && port === entry.target.port);
  }
}
