/** Watches over a chunked HTTP response. */
import type { ServerResponse } from 'node:http';
import { expired } from '../../../../api/status.ts';
import type { Clock } from '../../../../base/clock.ts';
import type { WatchHub } from '../watch/watch-hub.ts';
import type { Form, WatchPlan } from '../watch/watch-plan.ts';

/** A receiver that leaves more than this unread is dropped; it lists again when it comes back. */
export const mostBuffered = 8 * 1024 * 1024;
/** How long a dropped receiver has to read its last event. */
const farewell = 5_000;

export function serveWatch(hub: WatchHub, clock: Clock, plan: WatchPlan, form: Form<Buffer>, response: ServerResponse, headers: Record<string, string | string[]>): void {
  response.writeHead(200, { ...headers, 'Content-Type': 'application/json' });
  response.flushHeaders();
  const watch = hub.open(plan, form, {
    send(chunk) {
      if (response.writableLength + chunk.length > mostBuffered && response.writableLength > 0) {
        response.end(form.error(expired('too old resource version: the watch was not read fast enough').status));
        const cut = clock.after(farewell, () => response.destroy());
        response.once('close', () => void cut.dispose());
        return false;
      }
      response.write(chunk);
      return true;
    },
    end: () => void response.end(),
  });
  // The request's own close fires as soon as its empty body was read.
  response.once('close', () => void watch.dispose());
}
