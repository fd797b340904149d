/** What every verb works with. */
import type { Clock } from '../../../base/clock.ts';
import type { Log } from '../../../base/log.ts';
import type { Store } from '../store/store.ts';
import type { KindTable, Served } from './kind-table.ts';
import type { Admission, Authorizer } from './ports.ts';
import type { WatchHub } from './watch/watch-hub.ts';

export interface Core {
  readonly store: Store;
  readonly kinds: KindTable;
  readonly clock: Clock;
  readonly log: Log;
  readonly authorize: Authorizer;
  readonly admission: readonly Admission[];
  readonly hub: WatchHub;
  /** The kind of namespaces, if it is served. */
  readonly namespaces: Served | undefined;
}
