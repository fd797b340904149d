import { revisionAnnotation } from '../../api/kinds/apps.ts';
import type { DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import type { KubeObject } from '../../api/meta.ts';
import { followObject } from '../apps/follow-app.ts';
import type { Client } from '../client.ts';
import { rolloutState, type RolloutState } from './status.ts';
import { rolloutKindOf, type RolloutTarget } from './target.ts';

export interface FollowOptions {
  /** Of this revision only: the outcome is `failed` as soon as another one is asked for. */
  revision?: number;
  /** Go on through states in which nothing happens by itself (paused, waiting for an image). */
  wait?: boolean;
  signal?: AbortSignal;
}

/** Tells each new state once, and resolves to the last: complete, failed, or waiting for somebody. Rejects when the workload is deleted or `signal` ends it. */
export async function followStatus(client: Client, target: RolloutTarget, onState: (state: RolloutState) => void, { revision, wait = false, signal }: FollowOptions = {}): Promise<RolloutState> {
  let last: RolloutState | undefined;
  return followObject(client, target.of, { namespace: target.namespace, name: target.name }, (object) => {
    const state = stateOf(target, object, revision);
    if (state.phase !== last?.phase || state.message !== last.message) onState(state);
    last = state;
    return state.phase === 'progressing' || (wait && state.phase === 'waiting') ? undefined : state;
  }, signal);
}

function stateOf(target: RolloutTarget, object: KubeObject, revision: number | undefined): RolloutState {
  const now = revision === undefined ? undefined : currentRevision(target, object);
  if (now !== undefined && now !== revision) return { phase: 'failed', message: `desired revision (${revision}) is different from the running revision (${now})` };
  return rolloutState(target, object);
}

/** Undefined for kinds whose objects do not tell. */
function currentRevision({ of }: RolloutTarget, object: KubeObject): number | undefined {
  if (rolloutKindOf(of) === 'DeploymentConfig') return (object as DeploymentConfig).status?.latestVersion ?? 0;
  const text = object.metadata.annotations?.[revisionAnnotation];
  return text === undefined ? undefined : Number(text);
}
