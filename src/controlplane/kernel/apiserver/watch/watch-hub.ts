/**
 * Fan-out of committed writes to watchers.
 *
 *   store ──commit──▶ collection (one subscription a kind) ──▶ group (same namespace, selectors and form: written once) ──▶ sinks
 *
 * Nothing is queued here: a commit is written to every sink before the next one is looked at, and a sink that holds too much refuses
 * and is dropped (the bound is the sink's, see http-watch.ts). Everything between reading the store's revision and joining a group is
 * synchronous, so no event is lost between what a watcher is told first and what it is told live.
 */
import type { KubeObject } from '../../../../api/meta.ts';
import { expired, internalError } from '../../../../api/status.ts';
import type { Clock } from '../../../../base/clock.ts';
import { toDisposable, type Disposable } from '../../../../base/disposable.ts';
import { Expired, type Store, type StoreEvent } from '../../store/store.ts';
import { storeKey, type Served } from '../kind-table.ts';
import { followVirtual } from './virtual-watch.ts';
import type { Form, Matched, Sink, WatchPlan } from './watch-plan.ts';

const bookmarkEvery = 60_000;

/** An open watch, whatever its form. */
interface OpenWatch {
  bookmark(revision: number): void;
  /** The server ends it. */
  end(): void;
}

class Watcher<C> {
  readonly #form: Form<C>;
  readonly #sink: Sink<C>;
  #begun = false;
  #closed = false;
  readonly #onClose: () => void;

  constructor(form: Form<C>, sink: Sink<C>, onClose: () => void) {
    this.#form = form;
    this.#sink = sink;
    this.#onClose = onClose;
  }

  get begun(): boolean {
    return this.#begun;
  }

  events(events: readonly Matched[]): void {
    if (events.length === 0) return;
    const first = !this.#begun;
    this.#begun = true;
    this.write(this.#form.events(events, first));
  }

  /** A chunk that was made for several. */
  write(chunk: C): void {
    if (!this.#closed && !this.#sink.send(chunk)) this.close();
  }

  bookmark(revision: number, initialEnd: boolean): void {
    this.write(this.#form.bookmark(revision, initialEnd));
  }

  fail(error: unknown, since: number | undefined, revision: number): void {
    const status = error instanceof Expired ? expired(`too old resource version: ${since ?? 0} (${revision})`) : internalError((error as Error).message);
    this.write(this.#form.error(status.status));
    this.end();
  }

  end(): void {
    if (this.#closed) return;
    this.close();
    this.#sink.end();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose();
  }
}

interface Group<C> {
  readonly prefix: string;
  readonly test: ((object: KubeObject) => boolean) | undefined;
  readonly form: Form<C>;
  readonly watchers: Set<Watcher<C>>;
}

interface Collection {
  readonly groups: Map<string, Group<unknown>>;
  readonly subscription: Disposable;
}

export class WatchHub implements Disposable {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #collections = new Map<string, Collection>();
  readonly #open = new Map<object, OpenWatch>();
  #bookmarks: Disposable | undefined;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** How many watches are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Sends what the plan asks for until it is disposed, the time is up, or the sink refuses. Never throws: failures are sent as ERROR events. */
  open<C>(plan: WatchPlan, form: Form<C>, sink: Sink<C>): Disposable {
    const ends: Disposable[] = [];
    const watcher = new Watcher(form, sink, () => {
      this.#open.delete(watcher);
      for (const end of ends.splice(0).reverse()) void end.dispose();
      if (this.#open.size === 0) this.#stopBookmarks();
    });
    this.#open.set(watcher, {
      bookmark: (revision) => {
        if (plan.bookmarks) watcher.bookmark(revision, false);
      },
      end: () => watcher.end(),
    });
    try {
      ends.push(plan.served.kind.type === 'virtual' ? this.#followVirtual(plan, watcher) : this.#follow(plan, form, watcher));
    } catch (error) {
      watcher.fail(error, plan.since, this.#store.revision);
      return toDisposable(() => undefined);
    }
    ends.push(this.#clock.after(plan.milliseconds, () => {
      this.#open.get(watcher)?.bookmark(this.#store.revision);
      watcher.end();
    }));
    this.#bookmarks ??= this.#scheduleBookmarks();
    return toDisposable(() => watcher.close());
  }

  /** Ends every watch, as a server that stops does. */
  dispose(): void {
    for (const watch of [...this.#open.values()]) watch.end();
    this.#stopBookmarks();
  }

  #follow<C>(plan: WatchPlan, form: Form<C>, watcher: Watcher<C>): Disposable {
    const { served, namespace } = plan;
    const { test, text } = plan.filter;
    const prefix = namespace ? storeKey(served, namespace, '') : served.prefix;
    const now = this.#store.revision;
    if (plan.since === undefined) {
      const { entries } = this.#store.list(prefix);
      const existing = test ? entries.filter((entry) => test(entry.object)) : entries;
      watcher.events(existing.map((source) => ({ type: 'ADDED', source })));
      if (plan.markInitialEnd) watcher.bookmark(now, true);
    } else if (plan.since > now) {
      // Another past than ours: the client has to list again.
      throw new Expired(plan.since, now);
    } else if (plan.since < now) {
      // History is told at once; what comes later comes from the collection's own subscription.
      void this.#store.watch(prefix, plan.since, (events) => watcher.events(matched(events, prefix, test))).dispose();
    }

    const key = `${prefix}\n${text}\n${form.key}`;
    const collection = this.#collection(served);
    const group = (collection.groups.get(key) as Group<C> | undefined) ?? { prefix, test, form, watchers: new Set<Watcher<C>>() };
    collection.groups.set(key, group as Group<unknown>);
    group.watchers.add(watcher);
    return toDisposable(() => {
      group.watchers.delete(watcher);
      if (group.watchers.size === 0) collection.groups.delete(key);
      if (collection.groups.size > 0 || this.#collections.get(served.prefix) !== collection) return;
      this.#collections.delete(served.prefix);
      void collection.subscription.dispose();
    });
  }

  #collection(served: Served): Collection {
    const known = this.#collections.get(served.prefix);
    if (known) return known;
    const groups = new Map<string, Group<unknown>>();
    const collection: Collection = { groups, subscription: this.#store.watch(served.prefix, undefined, (events) => deliver(groups, events)) };
    this.#collections.set(served.prefix, collection);
    return collection;
  }

  #followVirtual<C>(plan: WatchPlan, watcher: Watcher<C>): Disposable {
    return followVirtual(plan, {
      events: (events) => watcher.events(events),
      initialEnd: (revision) => {
        if (plan.markInitialEnd) watcher.bookmark(revision ?? this.#store.revision, true);
      },
      end: () => watcher.end(),
    });
  }

  #scheduleBookmarks(): Disposable {
    return this.#clock.after(bookmarkEvery, () => {
      this.#bookmarks = this.#scheduleBookmarks();
      for (const watch of [...this.#open.values()]) watch.bookmark(this.#store.revision);
    });
  }

  #stopBookmarks(): void {
    void this.#bookmarks?.dispose();
    this.#bookmarks = undefined;
  }
}

function deliver(groups: ReadonlyMap<string, Group<unknown>>, events: readonly StoreEvent[]): void {
  for (const { prefix, test, form, watchers } of [...groups.values()]) {
    const passed = matched(events, prefix, test);
    if (passed.length === 0) continue;
    let shared: { chunk: unknown } | undefined;
    for (const watcher of [...watchers]) {
      if (!watcher.begun) watcher.events(passed);
      else watcher.write((shared ??= { chunk: form.events(passed, false) }).chunk);
    }
  }
}

/** Committed writes as a watcher with this filter sees them. */
function matched(events: readonly StoreEvent[], prefix: string, test: ((object: KubeObject) => boolean) | undefined): Matched[] {
  const result: Matched[] = [];
  for (const event of events) {
    const { entry, previous } = event;
    if (!entry.key.startsWith(prefix)) continue;
    if (event.type === 'remove') {
      if (!test || test(event.previous.object)) result.push({ type: 'DELETED', source: entry });
      continue;
    }
    const fits = !test || test(entry.object);
    const fitted = previous !== undefined && (!test || test(previous.object));
    if (fits) result.push({ type: fitted ? 'MODIFIED' : 'ADDED', source: entry });
    else if (fitted) {
      // As it was while it still fitted, at the revision at which it stopped.
      const object = { ...previous.object, metadata: { ...previous.object.metadata, resourceVersion: String(entry.revision) } };
      result.push({ type: 'DELETED', source: { object } });
    }
  }
  return result;
}
