/** Brings config maps, secrets, downward API fields and tokens in the volumes of running pods up to date: at once when what they show changes, tokens when they are due. */
import { equalJson } from '../../api/json.ts';
import type { ConfigMap, Pod, Secret } from '../../api/kinds/core.ts';
import { isTerminal } from '../../api/pod.ts';
import type { Clock } from '../../base/clock.ts';
import { Scope, type Disposable } from '../../base/disposable.ts';
import type { Log } from '../../base/log.ts';
import { exponential, WorkQueue } from '../../base/work-queue.ts';
import type { Informer } from '../../client/informer.ts';
import type { ObjectCache } from '../api-objects.ts';
import type { TokenSource } from './tokens.ts';
import { VolumeError } from './volume-files.ts';
import { MountFailure } from './volume-manager.ts';

export interface RefresherParts {
  configMaps: ObjectCache<ConfigMap>;
  secrets: ObjectCache<Secret>;
  tokens: TokenSource;
  /** Of this node. */
  ownPods: Informer<Pod>;
  /** Writes the pod's volumes anew; what did not change is left alone. */
  refresh(pod: Pod): Promise<void>;
  /** The pod may have waited for what has just appeared. */
  retry(uid: string): void;
  /** A volume can no longer be made as the pod wants it; it keeps what it has. */
  failed(pod: Pod, failure: MountFailure): void;
  clock: Clock;
  log: Log;
}

export function volumeRefresher(parts: RefresherParts): Disposable {
  const { clock, log } = parts;
  const scope = new Scope();
  const backoff = exponential(500, 60_000);
  const podOf = (uid: string) => parts.ownPods.list().find(({ metadata }) => metadata.uid === uid);
  const queue = scope.own(new WorkQueue({
    clock,
    work: async (uid) => {
      const pod = podOf(uid);
      if (!pod || isTerminal(pod)) return;
      try {
        await parts.refresh(pod);
      } catch (error) {
        // What is missing tells by itself when it comes.
        if (error instanceof MountFailure && error.cause instanceof VolumeError) return parts.failed(pod, error);
        throw error;
      }
    },
    retryMs: (_, failures) => backoff(failures),
    onFailure: (uid, error, failures) => log.warn('cannot refresh the volumes of a pod', { uid, pod: podOf(uid)?.metadata.name, error, failures }),
  }));
  const changed = (users: ReadonlySet<string>) => {
    for (const uid of users) {
      queue.add(uid);
      parts.retry(uid);
    }
  };
  scope.own(parts.configMaps.onChange(changed));
  scope.own(parts.secrets.onChange(changed));
  scope.own(parts.tokens.onDue((uid) => queue.add(uid)));
  scope.own(parts.ownPods.onChange(({ type, object, previous }) => {
    const { labels, annotations, uid = '' } = object.metadata;
    // Found running: what changed while no agent looked, and its tokens are not known here.
    if (type === 'added' && object.status?.startTime) return queue.add(uid);
    if (type !== 'modified' || !previous || !showsItself(object)) return;
    const before = previous.metadata;
    if (!equalJson(labels ?? {}, before.labels ?? {}) || !equalJson(annotations ?? {}, before.annotations ?? {})) queue.add(uid);
  }));
  return scope;
}

/** Some volume holds the pod's own labels or annotations. */
function showsItself({ spec }: Pod): boolean {
  return (spec.volumes ?? []).some(({ downwardAPI, projected }) => downwardAPI !== undefined || projected?.sources?.some((source) => source.downwardAPI));
}
