import { events } from '../../api/kinds/core.ts';
import { isStatusError } from '../../api/status.ts';
import type { Disposable } from '../../base/disposable.ts';
import type { Client } from '../../client/client.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { lastSeen } from './event.ts';

/** How long an event is kept after it last happened. */
const eventLife = 60 * 60_000;
/** Between two looks; an event may live this much longer. */
const lookEvery = 5 * 60_000;
const pageSize = 500;

/** Removes events an hour after they last happened. */
export function startEventExpiry({ client, clock, log, scope }: ModuleContext): void {
  const stop = new AbortController();
  let timer: Disposable | undefined;
  scope.defer(async () => {
    stop.abort();
    await timer?.dispose();
  });
  const next = () => {
    timer = clock.after(lookEvery, () => {
      expireEvents(client, clock.now(), stop.signal)
        .catch((error: unknown) => log.warn('old events could not be removed', { error }))
        .finally(() => {
          if (!stop.signal.aborted) next();
        });
    });
  };
  next();
}

/** Removes what is old by now; returns how many. */
export async function expireEvents(client: Client, now: Date, signal?: AbortSignal): Promise<number> {
  let removed = 0;
  let token: string | undefined;
  do {
    const { items, metadata } = await client.list(events, { limit: pageSize, ...(token && { continue: token }) });
    const old = items.filter((event) => now.getTime() - Date.parse(lastSeen(event) ?? '') > eventLife);
    await Promise.all(old.map(({ metadata: { namespace, name } }) => client.delete(events, { namespace, name }).catch(ignoreMissing)));
    removed += old.length;
    token = metadata.continue;
  } while (token && !signal?.aborted);
  return removed;
}

function ignoreMissing(error: unknown): void {
  if (!isStatusError(error, 'NotFound')) throw error;
}
