/** Events on their way to an in-process reader that iterates at its own pace. */
import type { WatchEvent } from '../../../../api/meta.ts';
import { expired, isStatusError, type Status } from '../../../../api/status.ts';
import type { Disposable } from '../../../../base/disposable.ts';
import type { Served } from '../kind-table.ts';
import { initialEventsEnd } from '../encode/forms.ts';
import type { Form, Sink } from './watch-plan.ts';

/** A reader that lags this many events behind is dropped with 410; it lists again. */
const mostWaiting = 100_000;

type Events = readonly WatchEvent[];

export interface EventQueue {
  form(served: Served): Form<Events>;
  readonly sink: Sink<Events>;
  own(watch: Disposable): void;
  /** The reader sees the failure: a refusal as an ERROR event, anything else as a rejection. */
  fail(error: unknown): void;
  end(): void;
  iterate(): AsyncIterator<WatchEvent>;
}

const errorEvent = (status: Status): WatchEvent => ({ type: 'ERROR', object: status as unknown as WatchEvent['object'] });

export function eventQueue(): EventQueue {
  const waiting: WatchEvent[] = [];
  let wake: (() => void) | undefined;
  let watch: Disposable | undefined;
  let ended = false;
  let failure: { error: unknown } | undefined;

  const notify = () => {
    const waiter = wake;
    wake = undefined;
    waiter?.();
  };
  const end = () => {
    ended = true;
    void watch?.dispose();
    notify();
  };

  return {
    form: (served) => ({
      key: 'objects',
      events: (events) => events.map(({ type, source }) => ({ type, object: source.object })),
      bookmark: (revision, initialEnd) => [
        {
          type: 'BOOKMARK',
          object: { apiVersion: served.apiVersion, kind: served.resource.kind, metadata: { name: '', resourceVersion: String(revision), ...(initialEnd && { annotations: { [initialEventsEnd]: 'true' } }) } },
        },
      ],
      error: (status) => [errorEvent(status)],
    }),
    sink: {
      send(events) {
        if (ended) return false;
        if (waiting.length + events.length > mostWaiting) {
          waiting.length = 0;
          waiting.push(errorEvent(expired('too old resource version: the watch was not read fast enough').status));
          ended = true;
          notify();
          return false;
        }
        waiting.push(...events);
        notify();
        return true;
      },
      end,
    },
    own(open) {
      watch = open;
      if (ended) void open.dispose();
    },
    fail(error) {
      if (isStatusError(error)) waiting.push(errorEvent(error.status));
      else failure = { error };
      end();
    },
    end,
    iterate: () => ({
      async next() {
        for (;;) {
          const event = waiting.shift();
          if (event) return { done: false, value: event };
          if (failure) {
            const { error } = failure;
            failure = undefined;
            throw error;
          }
          if (ended) return { done: true, value: undefined };
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      },
      return() {
        end();
        return Promise.resolve({ done: true, value: undefined });
      },
    }),
  };
}
