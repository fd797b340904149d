/** How far a container's log has been copied, told by the copy itself: nothing else has to be kept, and nothing can disagree with it. Pure but for the reading. */
import { openLogs } from '../../server/log-files.ts';

/**
 * Engines give each entry the time at which they read it: Docker to the nanosecond, Podman before version 5 to the second. An entry of the second is written with its
 * number among those of its second as the fraction, so that every line of the copy says which entry of the engine's log it was.
 */
export interface LogPosition {
  /** Time of the last entry copied, as written; empty at the beginning. */
  stamp: string;
  /** Entries at the end of the copy that carry exactly this time. */
  count: number;
}

export const beginning: LogPosition = { stamp: '', count: 0 };

/** Bytes read from the end of a log to find the last entries of one time. */
const tailBytes = 256 * 1024;

/** Names the entries of one reading of the engine's log, which begins at or before the position. */
export class EntryStamps {
  readonly #after: LogPosition;
  /** Entries passed with exactly the position's time. */
  #passed = 0;
  #second = '';
  #inSecond = 0;

  constructor(after: LogPosition) {
    this.#after = after;
  }

  /** The time to write, or undefined for an entry that has been copied. */
  next(engineStamp: string): string | undefined {
    const stamp = this.#written(engineStamp);
    const { stamp: last, count } = this.#after;
    if (last === '' || stamp > last) return stamp;
    if (stamp < last) return undefined;
    this.#passed += 1;
    return this.#passed > count ? stamp : undefined;
  }

  /** Nine digits, UTC. */
  #written(text: string): string {
    const [, second = '', fraction = '', zone = 'Z'] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
    const utc = zone === 'Z' ? second : new Date(`${second}${zone}`).toISOString().slice(0, 19);
    if (fraction !== '') return `${utc}.${fraction.padEnd(9, '0')}Z`;
    this.#inSecond = utc === this.#second ? this.#inSecond + 1 : 0;
    this.#second = utc;
    return `${utc}.${String(this.#inSecond).padStart(9, '0')}Z`;
  }
}

/** For `since`: whole seconds, which every engine counts alike, and one more, since some leave out the second itself. */
export function sinceOf({ stamp }: LogPosition): number {
  return stamp === '' ? 0 : Math.floor(Date.parse(stamp) / 1000) - 1;
}

export async function positionIn(logPath: string): Promise<LogPosition> {
  const files = await openLogs(logPath);
  try {
    for (const { handle, size } of [...files].reverse()) {
      if (size === 0) continue;
      const start = Math.max(0, size - tailBytes);
      const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(size - start), position: start });
      const position = positionOf(buffer.toString('latin1', 0, bytesRead));
      if (position.stamp !== '') return position;
    }
    return beginning;
  } finally {
    for (const { handle } of files) await handle.close();
  }
}

/** `text` ends where the log ends. A last line that was cut short is no entry. */
export function positionOf(text: string): LogPosition {
  const stamps = text.slice(0, text.lastIndexOf('\n') + 1).split('\n').flatMap((line) => /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) /.exec(line)?.[1] ?? []);
  const stamp = stamps.at(-1) ?? '';
  let count = 0;
  while (stamp !== '' && stamps.at(-1 - count) === stamp) count += 1;
  return { stamp, count };
}
