import type { KubeObject, WatchEvent } from '../../../../api/meta.ts';
import { toDisposable, type Disposable } from '../../../../base/disposable.ts';
import type { Matched, WatchPlan } from './watch-plan.ts';

export interface VirtualListener {
  events(events: readonly Matched[]): void;
  /** What existed has been told, up to this revision. */
  initialEnd(revision: number | undefined): void;
  /** The source failed or ended. */
  end(): void;
}

/** Follows a kind that is computed from others, filtering what it emits. */
export function followVirtual(plan: WatchPlan, listener: VirtualListener): Disposable {
  const { kind } = plan.served;
  if (kind.type !== 'virtual' || !kind.watch) throw new Error(`${plan.served.resource.plural} cannot be watched`);
  const watch = kind.watch.bind(kind);
  const { test } = plan.filter;
  /** Names that the watcher was shown; without a first list it may have been shown anything before. */
  const shown = plan.since === undefined ? new Set<string>() : undefined;
  let closed = false;
  let source: { dispose(): void } | undefined;

  const take = ({ type, object }: WatchEvent): void => {
    if (closed || type === 'BOOKMARK') return;
    if (type === 'ERROR') return listener.end();
    const event = test ? transition(type, object, test, shown) : type;
    if (event) listener.events([{ type: event, source: { object } }]);
  };
  const tellExisting = async (): Promise<void> => {
    const found = await kind.list?.(plan.call);
    if (closed) return;
    const items = (found?.items ?? []).filter((item) => !test || test(item));
    for (const item of items) shown?.add(idOf(item));
    listener.events(items.map((object) => ({ type: 'ADDED', source: { object } })));
    const version = found?.metadata.resourceVersion;
    listener.initialEnd(version ? Number(version) : undefined);
    source = watch(plan.call, version, take);
  };

  if (plan.since !== undefined) source = watch(plan.call, String(plan.since), take);
  else tellExisting().catch(() => listener.end());
  return toDisposable(() => {
    closed = true;
    source?.dispose();
  });
}

const idOf = (object: KubeObject) => `${object.metadata.namespace ?? ''}/${object.metadata.name}`;

/** What left the selection is gone for the watcher, what entered it is new. */
function transition(type: Matched['type'], object: KubeObject, test: (object: KubeObject) => boolean, shown: Set<string> | undefined): Matched['type'] | undefined {
  const id = idOf(object);
  const fits = type !== 'DELETED' && test(object);
  const known = shown ? shown.has(id) : type !== 'ADDED';
  if (fits) {
    shown?.add(id);
    return known ? 'MODIFIED' : 'ADDED';
  }
  shown?.delete(id);
  return known ? 'DELETED' : undefined;
}
