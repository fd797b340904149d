import type { KubeObject, ObjectReference } from '../../../api/meta.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Client } from '../../../client/client.ts';

/** What a rollout works with. */
export interface RolloutTools {
  client: Client;
  clock: Clock;
  /** One line of progress. */
  write(line: string): void;
  /** Lines of a pod's log as they come, until its container ends. */
  follow(pod: { namespace: string; name: string }, signal: AbortSignal): AsyncIterable<string>;
  /** Told on the deployment config, by the name of the deployer pod. */
  event(type: 'normal' | 'warning', about: KubeObject | ObjectReference, reason: string, message: string): void;
  signal: AbortSignal;
  /** When the deployer began. */
  began: Date;
  /** Stop when this is reached: `start`, `pre`, `mid`, or a share of the new pods such as `50%`. */
  until?: string | undefined;
}
