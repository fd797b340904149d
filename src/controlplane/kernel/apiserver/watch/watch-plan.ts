/** What a watch asks for, checked; opened by the hub once it is known how its events are to be written. */
import type { KubeObject } from '../../../../api/meta.ts';
import type { Status } from '../../../../api/status.ts';
import type { Call } from '../call.ts';
import type { Filter } from '../filter.ts';
import type { Served } from '../kind-table.ts';

export interface WatchPlan {
  readonly served: Served;
  readonly call: Call;
  readonly namespace: string | undefined;
  readonly filter: Filter;
  /** Events after this revision; undefined: what exists comes first, as ADDED. */
  readonly since: number | undefined;
  /** Says with a marked bookmark where what existed ends. */
  readonly markInitialEnd: boolean;
  readonly bookmarks: boolean;
  /** The server ends the watch after this long. */
  readonly milliseconds: number;
}

/** An event that passed the filter. */
export interface Matched {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** The store's own entry where there is one: what of it is not read is not made. `bytes` is the object's JSON. */
  readonly source: { readonly object: KubeObject; readonly bytes?: Buffer };
}

/** How events are written. Watchers with equal keys share what is written. */
export interface Form<C> {
  readonly key: string;
  /** `first`: nothing was sent to this watcher before (tables begin with their columns). */
  events(events: readonly Matched[], first: boolean): C;
  bookmark(revision: number, initialEnd: boolean): C;
  error(status: Status): C;
}

/** Where events go. */
export interface Sink<C> {
  /** False: the receiver is too slow, nothing more may be sent. */
  send(chunk: C): boolean;
  /** The server ends the watch. */
  end(): void;
}
