/** How long a pod that failed on a node waits for its successor: doubled with each failure, forgotten after a long time without one. */
const firstMs = 1_000;
const longestMs = 15 * 60_000;
/** Without a failure for this long a node starts anew. */
const forgetMs = 2 * longestMs;

export class FailureBackoff {
  /** By owner, then node. As many entries as there are nodes on which pods failed. */
  readonly #entries = new Map<string, Map<string, { delayMs: number; at: number }>>();

  leftMs(owner: string, node: string, now: Date): number {
    const entry = this.#entries.get(owner)?.get(node);
    return entry ? Math.max(0, entry.at + entry.delayMs - now.getTime()) : 0;
  }

  note(owner: string, node: string, now: Date): void {
    const entries = this.#entries.get(owner) ?? new Map<string, { delayMs: number; at: number }>();
    this.#entries.set(owner, entries);
    const known = entries.get(node);
    const at = now.getTime();
    const delayMs = known && at - known.at < forgetMs ? Math.min(known.delayMs * 2, longestMs) : firstMs;
    entries.set(node, { delayMs, at });
  }

  forget(owner: string): void {
    this.#entries.delete(owner);
  }
}
