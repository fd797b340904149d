import type { Clock } from '../../../base/clock.ts';
import type { Client } from '../../../client/client.ts';

/** What a rollout works with. */
export interface RolloutTools {
  client: Client;
  clock: Clock;
  /** One line of progress. */
  write(line: string): void;
  signal: AbortSignal;
}
