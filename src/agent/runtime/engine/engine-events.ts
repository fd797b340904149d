/** What happens to this node's containers, as the engine tells it; and whether it answers at all. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Readable } from 'node:stream';
import type { Disposable } from '../../../base/disposable.ts';
import type { Log } from '../../../base/log.ts';
import type { EngineClient } from './engine-client.ts';
import type { EngineEvent } from './engine-objects.ts';

export interface EventsOptions {
  engine: EngineClient;
  /** Of the engine's `filters`. */
  filters: string;
  log: Log;
  /** The stream is open: what happened before has to be looked at. */
  connected(): Promise<void>;
  changed(containerId: string, action: string): void;
  /** The engine does not answer. */
  lost(why: string): void;
}

/** Waits between attempts, doubled from the first to the last. */
const firstWaitMs = 200;
const longestWaitMs = 5000;
/** An event is a few hundred bytes. */
const longestLine = 1 << 20;

export function followEvents(options: EventsOptions): Disposable {
  const end = new AbortController();
  const running = follow(options, end.signal);
  return {
    dispose: () => {
      end.abort();
      return running;
    },
  };
}

async function follow({ engine, filters, log, connected, changed, lost }: EventsOptions, signal: AbortSignal): Promise<void> {
  for (let wait = firstWaitMs; !signal.aborted; wait = Math.min(wait * 2, longestWaitMs)) {
    try {
      const stream: Readable = await engine.stream('GET', '/events', { query: { filters, since: undefined }, signal });
      await connected();
      wait = firstWaitMs;
      await eachLine(stream, (line) => {
        const { id, Actor, Action, status } = JSON.parse(line) as EngineEvent;
        const container = Actor?.ID ?? id;
        if (container !== undefined) changed(container, Action ?? status ?? '');
      });
      if (!signal.aborted) lost('the container engine ended its connection');
    } catch (error) {
      if (signal.aborted) return;
      log.warn('the container engine does not answer', { error });
      lost((error as Error).message);
    }
    await sleep(wait, undefined, { signal }).catch(() => undefined);
  }
}

async function eachLine(stream: Readable, each: (line: string) => void): Promise<void> {
  let text = '';
  for await (const chunk of stream) {
    text += String(chunk);
    if (text.length > longestLine) throw new RangeError('an event of the engine is too long');
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n')) {
      const line = text.slice(0, at).trim();
      text = text.slice(at + 1);
      if (line !== '') each(line);
    }
  }
}
