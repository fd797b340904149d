import type { KubeObject } from '../../../api/meta.ts';
import { apiVersionOf, type Resource } from '../../../api/resource.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Disposable } from '../../../base/disposable.ts';
import type { Log } from '../../../base/log.ts';
import type { Client } from '../../../client/client.ts';
import type { Informer } from '../../../client/informer.ts';
import { informer, type GrowingInformer } from '../../../client/informers.ts';

/** Shared informers over all namespaces, one a resource, started on first use and ended with the factory. */
export interface InformerFactory {
  /** `indexes` of later callers are added to those of earlier ones. */
  for<T extends KubeObject>(of: Resource<T>, indexes?: Record<string, (object: T) => readonly string[]>): Informer<T>;
}

export function informerFactory(client: Client, clock: Clock, log: Log): InformerFactory & Disposable {
  const made = new Map<string, GrowingInformer<KubeObject>>();
  let ended = false;
  return {
    for<T extends KubeObject>(of: Resource<T>, indexes: Record<string, (object: T) => readonly string[]> = {}): Informer<T> {
      if (ended) throw new Error('the control plane is stopping: no informer can be started');
      const key = `${apiVersionOf(of)}/${of.plural}`;
      let found = made.get(key) as unknown as GrowingInformer<T> | undefined;
      if (found) found.addIndexes(indexes);
      else {
        found = informer(client, of, { indexes }, { clock, log });
        made.set(key, found as unknown as GrowingInformer<KubeObject>);
      }
      return found;
    },
    async dispose() {
      ended = true;
      await Promise.all([...made.values()].map((one) => one.dispose()));
      made.clear();
    },
  };
}
