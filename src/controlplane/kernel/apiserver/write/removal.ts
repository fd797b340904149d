/** How objects go: at once, after a grace period, or when their last finalizer is cleared. */
import { toTime, type KubeObject } from '../../../../api/meta.ts';
import { conflict } from '../../../../api/status.ts';
import { RevisionMismatch, type Entry } from '../../store/store.ts';
import type { Call } from '../call.ts';
import type { Core } from '../core.ts';
import { storeKey, type ServedStored } from '../kind-table.ts';
import { copyJson } from '../../../../api/json.ts';
import { admit } from './checks.ts';

export interface RemovalOptions {
  gracePeriodSeconds?: number | undefined;
  propagationPolicy?: string | undefined;
  uid?: string | undefined;
  resourceVersion?: string | undefined;
}

export type Removal = { readonly gone: true; readonly object: KubeObject } | { readonly gone: false; readonly entry: Entry | undefined; readonly object: KubeObject };

const attempts = 20;

/** Finalizers that the garbage collector works off. */
export const foregroundFinalizer = 'foregroundDeletion';
export const orphanFinalizer = 'orphan';

/** True once nothing holds a marked object any more. */
export function mayGo(served: ServedStored, object: KubeObject): boolean {
  const { metadata } = object;
  if (!metadata.deletionTimestamp || (metadata.deletionGracePeriodSeconds ?? 0) > 0) return false;
  return (metadata.finalizers?.length ?? 0) === 0 && (served.kind.finalizers?.(object).length ?? 0) === 0;
}

/** Takes the object out of the store at the revision that was looked at. */
export async function finish(core: Core, served: ServedStored, current: Entry): Promise<Entry> {
  const removed = await core.store.remove(current.key, current.revision);
  served.kind.afterDelete?.(removed.object);
  return removed;
}

/** Undefined if there is no such object. */
export async function removeObject(core: Core, call: Call, served: ServedStored, name: string, options: RemovalOptions): Promise<Removal | undefined> {
  const key = storeKey(served, call.namespace, name);
  for (let attempt = 1; ; attempt++) {
    const current = core.store.pending(key);
    if (!current) return undefined;
    checkPreconditions(served, name, current, options);
    const object = copyJson(current.object);
    await admit(core, call, 'delete', object, undefined);
    served.kind.prepareDelete?.(object, call);
    const stays = mark(served, object, call.now, options);
    if (call.dryRun) return { gone: !stays, object, entry: undefined };
    try {
      if (!stays) return { gone: true, object: (await finish(core, served, current)).object };
      if (stays === 'unchanged') return { gone: false, entry: current, object: current.object };
      const entry = await core.store.put(key, object, current.revision);
      return { gone: false, entry, object: entry.object };
    } catch (error) {
      if (!(error instanceof RevisionMismatch)) throw error;
      if (options.resourceVersion || attempt >= attempts) throw conflict(served.resource, name);
    }
  }
}

function checkPreconditions(served: ServedStored, name: string, current: Entry, { uid, resourceVersion }: RemovalOptions): void {
  const { metadata } = current.object;
  if (uid && uid !== metadata.uid) throw conflict(served.resource, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid ?? ''}`);
  if (resourceVersion && resourceVersion !== String(current.revision)) {
    throw conflict(served.resource, name, `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${current.revision}`);
  }
}

/** Puts the marks of deletion on `object`; false if it may go at once. */
function mark(served: ServedStored, object: KubeObject, now: Date, options: RemovalOptions): 'changed' | 'unchanged' | false {
  const { metadata } = object;
  const asked = options.gracePeriodSeconds;
  const grace = served.kind.gracePeriod?.(object, asked === undefined ? undefined : Math.max(0, asked)) ?? 0;
  let changed = propagate(object, options.propagationPolicy);
  if (!metadata.deletionTimestamp) {
    metadata.deletionTimestamp = toTime(new Date(now.getTime() + grace * 1000));
    metadata.deletionGracePeriodSeconds = grace;
    if (metadata.generation !== undefined) metadata.generation++;
    changed = true;
  } else if (asked !== undefined && grace < (metadata.deletionGracePeriodSeconds ?? 0)) {
    // A second request may only hurry.
    const began = Date.parse(metadata.deletionTimestamp) - (metadata.deletionGracePeriodSeconds ?? 0) * 1000;
    metadata.deletionTimestamp = toTime(new Date(Math.max(began, now.getTime()) + grace * 1000));
    metadata.deletionGracePeriodSeconds = grace;
    changed = true;
  }
  if (mayGo(served, object)) return false;
  return changed ? 'changed' : 'unchanged';
}

/** Sets or clears the collector's finalizers as the policy says. */
function propagate(object: KubeObject, policy: string | undefined): boolean {
  if (!policy) return false;
  const wanted = policy === 'Foreground' ? foregroundFinalizer : policy === 'Orphan' ? orphanFinalizer : undefined;
  const old = object.metadata.finalizers ?? [];
  const next = old.filter((one) => one !== foregroundFinalizer && one !== orphanFinalizer);
  if (wanted) next.push(wanted);
  const changed = next.length !== old.length || next.some((one) => !old.includes(one));
  if (next.length === 0) delete object.metadata.finalizers;
  else object.metadata.finalizers = next;
  return changed;
}
