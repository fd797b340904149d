/** The watches of one connection, shared by every view that shows the same objects. */
import type { KubeObject } from '../../api/meta.ts';
import { resourcePath, type Resource } from '../../api/resource.ts';
import type { Client } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import type { informer as makeInformer, InformerSurroundings } from '../../client/informers.ts';

/** Watches outlive the last view that used them by this long, so that a click to and fro costs nothing. */
const lingerMs = 20_000;

/** A lease on a shared watch; dispose it when the view is hidden. */
export interface SharedInformer<T extends KubeObject> {
  readonly informer: Informer<T>;
  dispose(): void;
}

interface Shared {
  informer: Informer<KubeObject>;
  users: number;
  linger: NodeJS.Timeout | undefined;
}

export class SharedWatches {
  readonly #shared = new Map<string, Shared>();
  readonly #make: typeof makeInformer;
  readonly #client: Client;
  readonly #around: InformerSurroundings;
  readonly #onFailure: (failure: Error) => void;

  /** `onFailure` is told whenever a watch breaks. */
  constructor(make: typeof makeInformer, client: Client, around: InformerSurroundings, onFailure: (failure: Error) => void) {
    this.#make = make;
    this.#client = client;
    this.#around = around;
    this.#onFailure = onFailure;
  }

  /** `namespace` undefined: the whole cluster. */
  lease<T extends KubeObject>(of: Resource<T>, namespace: string | undefined): SharedInformer<T> {
    const key = resourcePath(of, { namespace });
    const shared = this.#shared.get(key) ?? this.#open(key, of as unknown as Resource, namespace);
    clearTimeout(shared.linger);
    shared.users += 1;
    let done = false;
    return {
      informer: shared.informer as unknown as Informer<T>,
      dispose: () => {
        if (done) return;
        done = true;
        shared.users -= 1;
        if (shared.users === 0) shared.linger = setTimeout(() => this.#end(key, shared), lingerMs);
      },
    };
  }

  dispose(): void {
    for (const [key, shared] of this.#shared) this.#end(key, shared);
  }

  #open(key: string, of: Resource, namespace: string | undefined): Shared {
    const shared: Shared = { informer: this.#make(this.#client, of, { namespace }, this.#around), users: 0, linger: undefined };
    shared.informer.onFailure((failure) => failure && this.#onFailure(failure));
    this.#shared.set(key, shared);
    return shared;
  }

  #end(key: string, shared: Shared): void {
    clearTimeout(shared.linger);
    if (this.#shared.get(key) === shared) this.#shared.delete(key);
    void shared.informer.dispose();
  }
}
