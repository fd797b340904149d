/** The one way to talk to a cluster: ours in process, ours over HTTPS, or any other of the user's kubeconfig. */
import type { KubeList, KubeObject, WatchEvent } from '../api/meta.ts';
import type { Resource } from '../api/resource.ts';

export interface ObjectAt {
  /** Needed for namespaced resources. */
  namespace?: string | undefined;
  name: string;
  subresource?: string;
}
export interface CreateAt {
  namespace?: string | undefined;
  /** With `name`: posts to `<name>/<subresource>`, e.g. a Binding. */
  name?: string;
  subresource?: string;
  dryRun?: boolean;
}
export interface ListOptions {
  /** All namespaces if absent. */
  namespace?: string | undefined;
  labelSelector?: string;
  fieldSelector?: string;
  limit?: number;
  continue?: string;
  resourceVersion?: string;
  signal?: AbortSignal;
}
export interface WatchOptions extends Omit<ListOptions, 'limit' | 'continue'> {
  allowBookmarks?: boolean;
  /** The server ends the watch after this long. */
  timeoutSeconds?: number;
}
export interface DeleteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  preconditions?: { uid?: string; resourceVersion?: string };
}
export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

/** An open watch: iterate it; it ends when the server ends it or `dispose` is called. A 410 comes as an `ERROR` event carrying a Status. */
export interface Watch<T extends KubeObject> extends AsyncIterable<WatchEvent<T>> {
  /** Resolves once the server has accepted the watch; absent where that is immediate. */
  readonly opened?: Promise<void>;
  dispose(): void;
}

/**
 * Every call rejects with a `StatusError` for whatever the server refuses, and with `ConnectionError` when it cannot be reached.
 * Objects that come back may be deeply frozen: copy (`structuredClone`) before changing one.
 */
export interface Client {
  get<T extends KubeObject>(of: Resource<T>, at: ObjectAt): Promise<T>;
  list<T extends KubeObject>(of: Resource<T>, options?: ListOptions): Promise<KubeList<T>>;
  watch<T extends KubeObject>(of: Resource<T>, options?: WatchOptions): Watch<T>;
  /** `R` differs from `T` for subresources that answer with another kind. */
  create<T extends KubeObject, R = T>(of: Resource<T>, object: KubeObject, at?: CreateAt): Promise<R>;
  /** Replaces; `metadata.resourceVersion` in the object makes it a compare-and-swap. */
  update<T extends KubeObject>(of: Resource<T>, object: KubeObject, at?: Partial<ObjectAt>): Promise<T>;
  patch<T extends KubeObject>(of: Resource<T>, at: ObjectAt, type: PatchType, patch: unknown, options?: { fieldManager?: string; force?: boolean }): Promise<T>;
  delete<T extends KubeObject>(of: Resource<T>, at: ObjectAt, options?: DeleteOptions): Promise<void>;
  /** Any other path of the API (discovery, `/version`, logs read whole): the parsed JSON, or text for other media types. A `Uint8Array` or `Readable` body is sent as it is. */
  raw(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown, accept?: string): Promise<unknown>;
}

/** The server could not be reached, or the connection broke: worth trying again, unlike a refusal. */
export class ConnectionError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConnectionError';
  }
}
