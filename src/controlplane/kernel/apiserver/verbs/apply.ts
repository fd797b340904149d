/** Server-side apply (kubernetes.io "Server-Side Apply"): a manager states the fields it wants, the server merges, and tracks who owns what. */
import { copyJson, equalJson, isObject, type JsonObject } from '../../../../api/json.ts';
import type { KubeObject, ManagedFieldsEntry } from '../../../../api/meta.ts';
import { badRequest, conflict, invalid, methodNotAllowed, required, StatusError, type StatusCause } from '../../../../api/status.ts';
import type { Answer } from '../answer.ts';
import type { Call } from '../call.ts';
import type { Core } from '../core.ts';
import { decodeObject } from '../decode.ts';
import { isStored } from '../kind-table.ts';
import { mergeApplied, prune } from '../write/apply-merge.ts';
import { changedFields, difference, fieldsOf, intersection, isEmpty, pathsOf, unionOf, type FieldSet } from '../write/field-set.ts';
import { fieldsOfEntry, newEntry } from '../write/managed-fields.ts';
import { placeInNamespace } from '../write/metadata.ts';
import { replace } from '../write/replace.ts';
import { createStored } from './create.ts';
import { partOf } from './subresource.ts';

export async function apply(core: Core, call: Call, { patch, force = false }: { patch: unknown; force?: boolean }): Promise<Answer> {
  const { served } = call;
  if (!isStored(served)) throw methodNotAllowed();
  if (!call.manager) throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [required('fieldManager', 'is required for apply patch')]);
  if (!isObject(patch)) throw badRequest('error decoding YAML: an object is expected');
  const applied = decodeObject(served, patch, { validation: call.fieldValidation, warn: (text) => call.warn(text), defaults: false });
  if (applied.metadata.managedFields?.length) throw badRequest('metadata.managedFields must be nil');
  delete applied.metadata.managedFields;
  if (applied.metadata.name && applied.metadata.name !== call.object) throw badRequest(`the name of the object (${applied.metadata.name}) does not match the name on the URL (${call.object})`);
  applied.metadata.name = call.object;
  placeInNamespace(call, applied.metadata);
  const part = partOf(call);
  const wanted = applied as unknown as JsonObject;
  if (served.ownStatus && !part) delete wanted.status;
  const fields = fieldsOf(served.type, wanted);

  return replace(core, call, served, {
    part,
    tracked: true,
    async missing() {
      if (part) throw new StatusError(404, 'NotFound', `${served.resource.plural} "${call.object}" not found`);
      if (applied.metadata.uid) throw conflict(served.resource, call.object, `uid mismatch: the provided object specified uid ${applied.metadata.uid}, and no existing object was found`);
      const object = decodeObject(served, copyJson(wanted), { validation: 'Ignore', warn: () => undefined });
      object.metadata.managedFields = [newEntry(call, served.apiVersion, 'Apply', fields)];
      return createStored(core, call, served, object);
    },
    next: ({ object }) => {
      const merged = mergeInto(call, object, applied, fields, force);
      if (!applied.metadata.resourceVersion) delete merged.metadata.resourceVersion;
      return decodeObject(served, copyJson(merged) as unknown as JsonObject, { validation: 'Ignore', warn: () => undefined });
    },
  });
}

function mergeInto(call: Call, live: KubeObject, applied: KubeObject, fields: FieldSet, force: boolean): KubeObject {
  const { type } = call.served;
  const entries = live.metadata.managedFields ?? [];
  const mine = entries.find((entry) => isMine(entry, call));
  let others = entries.filter((entry) => entry !== mine);

  const before = live as unknown as JsonObject;
  const merged = mergeApplied(type, before, applied as unknown as JsonObject);
  const { set: changed } = changedFields(type, before, merged);
  const conflicts = others.map((entry) => ({ entry, fields: intersection(fieldsOfEntry(entry), changed) })).filter((one) => !isEmpty(one.fields));
  if (conflicts.length > 0) {
    if (!force) throw applyConflict(conflicts);
    others = others.flatMap((entry) => {
      const lost = conflicts.find((one) => one.entry === entry);
      if (!lost) return [entry];
      const left = difference(fieldsOfEntry(entry), lost.fields);
      return isEmpty(left) ? [] : [{ ...entry, fieldsV1: left }];
    });
  }
  if (mine) prune(type, merged, fieldsOfEntry(mine), others.map(fieldsOfEntry).reduce(unionOf, fields));

  const entry = mine && equalJson(mine.fieldsV1, fields) && mine.apiVersion === applied.apiVersion ? mine : newEntry(call, applied.apiVersion, 'Apply', fields);
  const result = merged as unknown as KubeObject;
  // Managers that apply stand first, as the real server sorts them.
  const all = [...others, entry];
  return { ...result, metadata: { ...result.metadata, managedFields: [...all.filter((one) => one.operation === 'Apply'), ...all.filter((one) => one.operation !== 'Apply')] } };
}

function isMine(entry: ManagedFieldsEntry, call: Call): boolean {
  return entry.operation === 'Apply' && entry.manager === call.manager && (entry.subresource ?? '') === (call.subresource ?? '');
}

function applyConflict(conflicts: readonly { entry: ManagedFieldsEntry; fields: FieldSet }[]): StatusError {
  const all = conflicts.flatMap(({ entry, fields }) => pathsOf(fields).map((path) => ({ manager: managerText(entry), path })));
  const causes = all.map(({ manager, path }): StatusCause => ({ reason: 'FieldManagerConflict', message: `conflict with ${manager}`, field: path }));
  const [first] = all;
  if (first && all.length === 1) return new StatusError(409, 'Conflict', `Apply failed with 1 conflict: conflict with ${first.manager}: ${first.path}`, { causes });
  const lines: string[] = [];
  for (const manager of [...new Set(all.map((one) => one.manager))].sort()) {
    lines.push(`conflicts with ${manager}:`, ...all.filter((one) => one.manager === manager).map((one) => `- ${one.path}`));
  }
  return new StatusError(409, 'Conflict', `Apply failed with ${all.length} conflicts: ${lines.join('\n')}`, { causes });
}

function managerText({ manager, subresource, operation, apiVersion }: ManagedFieldsEntry): string {
  const name = `${JSON.stringify(manager)}${subresource ? ` with subresource ${JSON.stringify(subresource)}` : ''}`;
  return operation === 'Update' ? `${name} using ${apiVersion ?? ''}` : name;
}
