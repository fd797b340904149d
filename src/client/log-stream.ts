/** The lines of a log, followed across broken connections without a gap and without a line twice. */
import { StringDecoder } from 'node:string_decoder';
import { builds } from '../api/kinds/build.ts';
import { pods } from '../api/kinds/core.ts';
import { resourcePath } from '../api/resource.ts';
import { isStatusError } from '../api/status.ts';
import { delay, type Clock } from '../base/clock.ts';
import { ConnectionError } from './client.ts';
import { openText } from './http-client.ts';
import type { Transport } from './transport.ts';

export type LogTarget = { namespace: string; pod: string; container?: string | undefined } | { namespace: string; build: string };

export interface LogOptions {
  /** Goes on until the container ends or the signal aborts. */
  follow?: boolean;
  /** Of the container's run before this one. */
  previous?: boolean;
  tailLines?: number;
  sinceSeconds?: number;
  /** RFC 3339. */
  sinceTime?: string;
  limitBytes?: number;
  signal?: AbortSignal;
  /** Told when the connection broke and is tried again, and (undefined) when it is back. */
  onInterruption?(error: Error | undefined): void;
}

export interface LogLine {
  /** RFC 3339 with up to nanoseconds, as the runtime wrote it; empty where the server gives none. */
  time: string;
  text: string;
}

/** Longest line handed out; a longer one comes in pieces with the same time. */
const longestLine = 1024 * 1024;
const backoff = { first: 250, most: 10_000 };

/**
 * Rejects with `StatusError` when the server refuses, and with `ConnectionError` when it cannot be reached at first or, unless it follows, breaks off.
 * A server that knows times in seconds only is asked from the last line's second; lines up to and including the last one are then dropped.
 */
export async function* logLines(over: Transport, target: LogTarget, options: LogOptions, clock: Clock): AsyncGenerator<LogLine> {
  const { follow = false, signal, onInterruption, ...query } = options;
  const path = 'build' in target ? resourcePath(builds, { namespace: target.namespace, name: target.build, subresource: 'log' }) : resourcePath(pods, { namespace: target.namespace, name: target.pod, subresource: 'log' });
  const fixed = { ...('container' in target && { container: target.container }), ...(follow && { follow: true }), ...(query.previous && { previous: true }), timestamps: true };
  const start = { tailLines: query.tailLines, sinceSeconds: query.sinceSeconds, sinceTime: query.sinceTime, limitBytes: query.limitBytes };
  const place = new Place();
  let reached = false;
  for (let failures = 0; ; failures++) {
    try {
      const stream = await openText(over, path, { ...fixed, ...(place.known ? { sinceTime: place.second } : start) }, signal);
      reached = true;
      try {
        if (failures > 0) onInterruption?.(undefined);
        place.resume();
        for await (const line of lines(stream)) {
          if (signal?.aborted) return;
          if (!place.pass(line.time)) continue;
          failures = 0;
          yield line;
        }
        return;
      } finally {
        stream.destroy();
      }
    } catch (error) {
      if (signal?.aborted) return;
      const broken = !isStatusError(error) || error.code >= 500 || error.code === 429;
      if (!follow || !broken || !reached) throw isStatusError(error) || error instanceof ConnectionError ? error : new ConnectionError(`the log broke off: ${(error as Error).message}`, { cause: error });
      onInterruption?.(error as Error);
      await delay(clock, Math.min(backoff.first * 2 ** failures, backoff.most), signal).catch(() => undefined);
      if (signal?.aborted) return;
    }
  }
}

/** Where in the log we are: the time of the last line given out, and how many lines with that very time were. */
class Place {
  #last = '';
  #time = '';
  #seen = 0;
  #skip = 0;

  get known(): boolean {
    return this.#last !== '';
  }

  /** The last line's second, rounded down. */
  get second(): string {
    return this.#time.replace(/\.\d+/, '');
  }

  resume(): void {
    this.#skip = this.#seen;
  }

  /** False for a line that was given out before. */
  pass(time: string): boolean {
    if (time === '') return true;
    const key = sortable(time);
    if (key < this.#last) return this.#skip === 0;
    if (key === this.#last) {
      if (this.#skip > 0) {
        this.#skip--;
        return false;
      }
      this.#seen++;
      return true;
    }
    this.#skip = 0;
    this.#last = key;
    this.#time = time;
    this.#seen = 1;
    return true;
  }
}

/** Times with different fractions and zones in one order: seconds since 1970, then nine digits. */
function sortable(time: string): string {
  const [, seconds = '', fraction = '', zone = 'Z'] = /^(.{19})(?:\.(\d{1,9}))?(.*)$/.exec(time) ?? [];
  return `${String(Date.parse(`${seconds}${zone}`) / 1000).padStart(12, '0')}.${fraction.padEnd(9, '0')}`;
}

async function* lines(stream: AsyncIterable<Buffer>): AsyncGenerator<LogLine> {
  const decoder = new StringDecoder('utf8');
  let held = '';
  let time = '';
  let inside = false;
  const split = (raw: string): LogLine => {
    // A later piece of a long line has no time of its own.
    if (inside) return { time, text: raw };
    const space = raw.indexOf(' ');
    const stamped = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(raw);
    time = stamped ? raw.slice(0, space < 0 ? undefined : space) : '';
    return { time, text: stamped ? (space < 0 ? '' : raw.slice(space + 1)) : raw };
  };
  for await (const chunk of stream) {
    held += decoder.write(chunk);
    let start = 0;
    for (let end = held.indexOf('\n'); end >= 0; end = held.indexOf('\n', start)) {
      yield split(held.slice(start, held[end - 1] === '\r' ? end - 1 : end));
      inside = false;
      start = end + 1;
    }
    held = held.slice(start);
    if (held.length >= longestLine) {
      yield split(held);
      inside = true;
      held = '';
    }
  }
  held += decoder.end();
  if (held !== '') yield split(held);
}
