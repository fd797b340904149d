/** How long connections live: kept from being forgotten while idle, cut off when a client does not leave. */
import { delay, type Clock } from '../../../../base/clock.ts';
import type { Disposable } from '../../../../base/disposable.ts';

/** Proxies and address translation commonly forget a silent connection after a minute. */
const interval = 25_000;
/** A client that got everything and does not close is cut off. */
const closeWithin = 10_000;

export interface Connection {
  readonly closed: Promise<void>;
  ping(): void;
  destroy(): void;
}

/** Calls `ping` at an interval until disposed. */
export function keepAlive(clock: Clock, ping: () => void): Disposable {
  let timer: Disposable;
  let ended = false;
  const next = () => {
    timer = clock.after(interval, () => {
      ping();
      if (!ended) next();
    });
  };
  next();
  return {
    dispose() {
      ended = true;
      void timer.dispose();
    },
  };
}

/** Waits for the peer's own close. */
export async function endWithin(connection: Connection, clock: Clock): Promise<void> {
  const stop = new AbortController();
  const late = delay(clock, closeWithin, stop.signal).then(() => connection.destroy(), () => undefined);
  await Promise.race([connection.closed, late]);
  stop.abort();
}
