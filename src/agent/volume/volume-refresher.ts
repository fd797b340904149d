/** Brings config maps, secrets, downward API fields and tokens in the volumes of running pods up to date. */
import type { ConfigMap, Pod, Secret } from '../../api/kinds/core.ts';
import type { Clock } from '../../base/clock.ts';
import { Scope, type Disposable } from '../../base/disposable.ts';
import type { Log } from '../../base/log.ts';
import type { ObjectCache } from '../api-objects.ts';

export interface RefresherParts {
  configMaps: ObjectCache<ConfigMap>;
  secrets: ObjectCache<Secret>;
  pods(): Pod[];
  /** Writes the pod's volumes anew; what did not change is left alone. */
  refresh(pod: Pod): Promise<void>;
  /** The pod may have waited for what has just appeared. */
  retry(uid: string): void;
  clock: Clock;
  log: Log;
}

/** The kubelet's sync period: by then tokens are renewed and changed labels appear in downward API files. */
const everyMs = 60_000;

export function volumeRefresher(parts: RefresherParts): Disposable {
  const scope = new Scope();
  const refresh = (pod: Pod) =>
    parts.refresh(pod).catch((error: unknown) => parts.log.warn('cannot refresh the volumes of a pod', { pod: pod.metadata.name, namespace: pod.metadata.namespace, error }));
  const changed = (users: ReadonlySet<string>) => {
    for (const pod of parts.pods()) {
      const uid = pod.metadata.uid ?? '';
      if (!users.has(uid)) continue;
      if (pod.status?.phase === 'Running') void refresh(pod);
      parts.retry(uid);
    }
  };
  scope.own(parts.configMaps.onChange(changed));
  scope.own(parts.secrets.onChange(changed));

  let timer: Disposable | undefined;
  const next = () => {
    if (scope.disposed) return;
    timer = parts.clock.after(everyMs, () => {
      const running = parts.pods().filter(({ status, metadata }) => status?.phase === 'Running' && !metadata.deletionTimestamp);
      void running.reduce((before, pod) => before.then(() => refresh(pod)), Promise.resolve()).finally(next);
    });
  };
  scope.defer(() => void timer?.dispose());
  next();
  return scope;
}
