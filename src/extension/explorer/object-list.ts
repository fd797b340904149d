/** The objects of one kind in one project (or the whole cluster), kept true by a shared watch for as long as somebody looks. */
import type { KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';
import { isStatusError } from '../../api/status.ts';
import type { Session } from '../connections/session.ts';
import type { SharedInformer } from '../connections/shared-watches.ts';

/** What asking again would not change: the rest is tried again by the watch itself. */
const refusals = ['Forbidden', 'NotFound', 'MethodNotAllowed'];

export class ObjectList<T extends KubeObject> {
  readonly resource: Resource<T>;
  /** Resolves, never rejects, once the objects are there or it is known why not. */
  readonly ready: Promise<void>;
  #lease: SharedInformer<T> | undefined;
  #listening: { dispose(): unknown }[] = [];
  #problem: Error | undefined;
  #known = false;

  constructor(session: Pick<Session, 'serves' | 'watch'>, resource: Resource<T>, namespace: string | undefined, changed: () => void) {
    this.resource = resource;
    // A cluster without the group (plain Kubernetes knows no builds) has none of them, and is not asked.
    this.ready = session.serves(resource) ? this.#open(session, namespace, changed) : Promise.resolve();
  }

  items(): readonly T[] {
    return this.#lease?.informer.list() ?? [];
  }

  /** Why the list may be untrue or is empty. */
  get problem(): Error | undefined {
    return this.#problem;
  }

  /** False until it has been listed once. */
  get known(): boolean {
    return this.#known;
  }

  dispose(): void {
    for (const one of this.#listening.splice(0)) one.dispose();
    this.#lease?.dispose();
    this.#lease = undefined;
  }

  #open(session: Pick<Session, 'watch'>, namespace: string | undefined, changed: () => void): Promise<void> {
    try {
      const lease = session.watch(this.resource, namespace);
      this.#lease = lease;
      return new Promise((resolve) => {
        const told = (failure: Error | undefined) => {
          this.#problem = failure;
          if (failure && isStatusError(failure, ...refusals)) this.dispose();
          if (failure) resolve();
          changed();
        };
        this.#listening = [lease.informer.onChange(changed), lease.informer.onFailure(told)];
        void lease.informer.synced.then(() => {
          this.#known = true;
          resolve();
        });
        if (lease.informer.failure) told(lease.informer.failure);
      });
    } catch (error) {
      this.#problem = error as Error;
      return Promise.resolve();
    }
  }
}
