/** Who owns which field (`metadata.managedFields`), after writes that state whole objects: create, update, and all patches but apply. */
import type { JsonObject } from '../../../../api/json.ts';
import { toTime, type KubeObject, type ManagedFieldsEntry } from '../../../../api/meta.ts';
import type { Call } from '../call.ts';
import { changedFields, difference, isEmpty, unionOf, without, type FieldSet } from './field-set.ts';

/** As in the real server: beyond this many updaters the oldest become one. */
const mostUpdaters = 10;

/** Notes the fields that `call` changed as its manager's, and takes them from whoever had them. `next` is changed in place. */
export function trackUpdate(call: Call, old: KubeObject | undefined, next: KubeObject): void {
  const before = (old ?? {}) as unknown as JsonObject;
  const after = next as unknown as JsonObject;
  const entries = old?.metadata.managedFields ?? [];
  const sent = next.metadata.managedFields;
  // Clients may give ownership up by sending one empty entry.
  const cleared = old !== undefined && sent?.length === 1 && sent[0] !== undefined && Object.keys(sent[0]).length === 0;
  if (cleared) {
    delete next.metadata.managedFields;
    return;
  }
  const { set, removed } = changedFields(call.served.type, before, after, call.served.ownStatus && !call.subresource ? 'status' : undefined);
  if (isEmpty(set) && isEmpty(removed)) {
    if (entries.length > 0) next.metadata.managedFields = entries;
    else delete next.metadata.managedFields;
    return;
  }
  const result: ManagedFieldsEntry[] = [];
  let mine: ManagedFieldsEntry | undefined;
  for (const entry of entries) {
    const owned = fieldsOfEntry(entry);
    if (isManager(entry, call)) {
      mine = { ...entry, time: toTime(call.now), apiVersion: next.apiVersion, fieldsV1: unionOf(without(owned, removed), set) };
      continue;
    }
    const left = without(difference(owned, set), removed);
    if (!isEmpty(left)) result.push(left === owned ? entry : { ...entry, fieldsV1: left });
  }
  if (!mine && !isEmpty(set)) mine = newEntry(call, next.apiVersion, 'Update', set);
  if (mine && !isEmpty(fieldsOfEntry(mine))) result.push(mine);
  next.metadata.managedFields = bounded(result);
}

export function fieldsOfEntry(entry: ManagedFieldsEntry): FieldSet {
  return (entry.fieldsV1 ?? {}) as FieldSet;
}

export function newEntry(call: Call, apiVersion: string, operation: 'Apply' | 'Update', fields: FieldSet): ManagedFieldsEntry {
  return {
    manager: call.manager,
    operation,
    apiVersion,
    time: toTime(call.now),
    fieldsType: 'FieldsV1',
    fieldsV1: fields,
    ...(call.subresource && { subresource: call.subresource }),
  };
}

function isManager(entry: ManagedFieldsEntry, call: Call): boolean {
  return entry.operation === 'Update' && entry.manager === call.manager && (entry.subresource ?? '') === (call.subresource ?? '');
}

function bounded(entries: ManagedFieldsEntry[]): ManagedFieldsEntry[] {
  const updates = entries.filter((entry) => entry.operation === 'Update');
  if (updates.length <= mostUpdaters) return entries;
  const oldest = updates.slice(0, updates.length - mostUpdaters + 1);
  const merged: ManagedFieldsEntry = { ...oldest[oldest.length - 1], manager: 'ancient-changes', fieldsV1: oldest.map(fieldsOfEntry).reduce(unionOf) };
  return [merged, ...entries.filter((entry) => !oldest.includes(entry))];
}
