import type { KubeObject } from '../../../api/meta.ts';
import type { Resource } from '../../../api/resource.ts';
import type { Informer } from '../../../client/informer.ts';

/** Shared informers over all namespaces, one a resource, started on first use and ended with the factory. */
export interface InformerFactory {
  /** `indexes` of later callers are added to those of earlier ones. */
  for<T extends KubeObject>(of: Resource<T>, indexes?: Record<string, (object: T) => readonly string[]>): Informer<T>;
}
