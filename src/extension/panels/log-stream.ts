/** Streams logs into panels in batches. */
import type { Connection } from '../../client/connection.ts';
import { isStatusError } from '../../api/status.ts';
import type { LogSource } from '../../protocol/logs-panel.ts';

export interface LogFollower {
  onState(state: LogSource['state'], detail?: string): void;
  onLines(lines: readonly { time: string; text: string }[]): void;
}

export interface FollowTarget {
  namespace: string;
  pod: string;
  container: string;
  previous: boolean;
  sinceSeconds: number | undefined;
}

/** Lines read at first; a long log's beginning is one click away by *Since* and *Save all*. */
const firstLines = 20_000;
/** A container that has not started has no log yet: asked again this often, at most this many times. */
const waitMs = 1_000;
const mostTries = 300;

/** Resolves when the log has ended; rejects with what went wrong. */
export async function followLog(connection: Connection, target: FollowTarget, follower: LogFollower, signal: AbortSignal): Promise<void> {
  const { previous, sinceSeconds, ...at } = target;
  for (let tries = 0; ; tries += 1) {
    try {
      const lines = connection.logs(at, {
        follow: !previous, previous, tailLines: firstLines, signal,
        ...(sinceSeconds !== undefined && { sinceSeconds }),
        onInterruption: (error) => follower.onState(error ? 'waiting' : 'streaming', error?.message),
      });
      follower.onState('streaming');
      for await (const line of lines) follower.onLines([line]);
      return;
    } catch (error) {
      if (previous || tries >= mostTries || !isStatusError(error, 'BadRequest') || !/waiting to start/.test(error.message)) throw error;
      follower.onState('waiting', error.message);
      await pause(waitMs, signal);
      if (signal.aborted) return;
    }
  }
}

/** The log of a build from its first line; waits for the build to start. */
export async function followBuildLog(connection: Connection, at: { namespace: string; name: string }, onLines: (lines: readonly string[]) => void, signal: AbortSignal): Promise<void> {
  for await (const line of connection.logs({ namespace: at.namespace, build: at.name }, { follow: true, signal })) onLines([line.text]);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}
