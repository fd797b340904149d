/** HTTP/2 connections of clients. */
import type { ServerHttp2Session } from 'node:http2';

/**
 * Ends those on which nothing moved for `idleMs`; what is under way on them ends in peace. All are looked at together: a timer of its own (`setTimeout` of a session) is not
 * given back when the session is over, and would hold all of it until it fires.
 */
export class Sessions {
  readonly #known = new Map<ServerHttp2Session, { moved: number; since: number }>();
  readonly #idleMs: number;
  readonly #looking: NodeJS.Timeout;

  constructor(idleMs: number, lookMs = idleMs / 10) {
    this.#idleMs = idleMs;
    this.#looking = setInterval(() => this.#look(), lookMs).unref();
  }

  get size(): number {
    return this.#known.size;
  }

  add(session: ServerHttp2Session): void {
    this.#known.set(session, { moved: 0, since: Date.now() });
    session.once('close', () => this.#known.delete(session));
  }

  /** Those that have streams end with the last of them. */
  close(): void {
    clearInterval(this.#looking);
    for (const session of this.#known.keys()) session.close();
  }

  #look(): void {
    const now = Date.now();
    for (const [session, state] of this.#known) {
      if (session.destroyed) continue;
      const { bytesRead, bytesWritten } = session.socket;
      if (bytesRead + bytesWritten !== state.moved) Object.assign(state, { moved: bytesRead + bytesWritten, since: now });
      else if (now - state.since >= this.#idleMs) session.close();
    }
  }
}
