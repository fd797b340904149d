/**
 * Strategic merge patch (kubernetes/community, strategic-merge-patch.md): a merge patch in which lists that have a merge key merge by it,
 * with the directives `$patch`, `$retainKeys`, `$deleteFromPrimitiveList/<field>` and `$setElementOrder/<field>`.
 */
import { copyJson, equalJson, isObject, type JsonObject } from '../json.ts';
import type { Field, ObjectType } from '../schema/notation.ts';
import { badRequest } from '../status.ts';

const deletePrefix = '$deleteFromPrimitiveList/';
const orderPrefix = '$setElementOrder/';

/** Returns a new object; neither argument is changed. A type without fields (or none) merges as a plain merge patch. */
export function strategicMerge(type: ObjectType | undefined, target: JsonObject, patch: JsonObject): JsonObject {
  if (patch.$patch !== undefined) {
    if (patch.$patch === 'replace') return withoutDirectives(patch);
    if (patch.$patch === 'delete') return {};
    if (patch.$patch !== 'merge') throw unknownDirective(patch.$patch);
  }
  const result: JsonObject = { ...target };
  if (patch.$retainKeys !== undefined) retain(result, patch);

  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(deletePrefix)) {
      const name = key.slice(deletePrefix.length);
      const list = result[name];
      if (Array.isArray(list) && Array.isArray(value)) result[name] = list.filter((item) => !value.some((gone) => equalJson(item, gone)));
    }
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$') || key === '__proto__') continue;
    if (value === null) {
      delete result[key];
      continue;
    }
    const field = type?.fields.get(key);
    result[key] = mergeField(field, result[key], value, patch[orderPrefix + key]);
  }
  // An order may be given for a list that the patch does not otherwise touch.
  for (const [key, order] of Object.entries(patch)) {
    if (!key.startsWith(orderPrefix)) continue;
    const name = key.slice(orderPrefix.length);
    const list = result[name];
    if (patch[name] === undefined && Array.isArray(list) && Array.isArray(order)) result[name] = ordered(list, list, order, type?.fields.get(name)?.mergeKey);
  }
  return result;
}

function mergeField(field: Field | undefined, current: unknown, value: unknown, order: unknown): unknown {
  if (isObject(value)) {
    const shape = field?.shape;
    if (shape?.is === 'object') {
      if (field?.strategy === 'replace') return withoutDirectives(value);
      return strategicMerge(shape.type, isObject(current) ? current : {}, value);
    }
    if (shape?.is === 'map') return mergeMap(shape.value, isObject(current) ? current : {}, value);
    // Free-form content (raw extensions) is a plain merge.
    return strategicMerge(undefined, isObject(current) ? current : {}, value);
  }
  if (Array.isArray(value)) {
    if (!field || !(field.strategy ?? '').split(',').includes('merge')) return copyJson(value);
    const list = Array.isArray(current) ? current : [];
    return field.mergeKey ? mergeKeyed(field, field.mergeKey, list, value, order) : mergeScalars(list, value, order);
  }
  return value;
}

function mergeMap(value: Field, current: JsonObject, patch: JsonObject): JsonObject {
  if (patch.$patch === 'replace') return withoutDirectives(patch);
  if (patch.$patch === 'delete') return {};
  const result: JsonObject = { ...current };
  for (const [key, member] of Object.entries(patch)) {
    if (key === '$patch' || key === '$retainKeys' || key === '__proto__') continue;
    if (member === null) delete result[key];
    else result[key] = mergeField(value, result[key], member, undefined);
  }
  return result;
}

function mergeScalars(current: unknown[], patch: unknown[], order: unknown): unknown[] {
  const result = [...current];
  for (const item of patch) if (!result.some((one) => equalJson(one, item))) result.push(item);
  return ordered(result, current, Array.isArray(order) ? order : patch, undefined);
}

function mergeKeyed(field: Field, key: string, current: unknown[], patch: unknown[], order: unknown): unknown[] {
  const type = field.shape.is === 'list' && field.shape.item.shape.is === 'object' ? field.shape.item.shape.type : undefined;
  const items = patch.map((item) => {
    if (!isObject(item)) throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    return item;
  });
  // One such item anywhere means the whole list; items with directives are not part of it.
  if (items.some((item) => item.$patch === 'replace')) return copyJson(items.filter((item) => item.$patch === undefined));
  let result = [...current];
  for (const item of items) {
    const value = item[key];
    if (value === undefined) throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    const sameKey = (one: unknown) => isObject(one) && equalJson(one[key], value);
    if (item.$patch !== undefined) {
      if (item.$patch !== 'delete') throw unknownDirective(item.$patch);
      result = result.filter((one) => !sameKey(one));
      continue;
    }
    const at = result.findIndex(sameKey);
    if (at < 0) result.push(strategicMerge(type, {}, item));
    else result[at] = strategicMerge(type, result[at] as JsonObject, item);
  }
  return ordered(result, current, Array.isArray(order) ? order : items.filter((item) => item.$patch === undefined), key);
}

/** Items named by the order (the patch's own, if it gives none) stand in it; those only the server knows keep their place before their old neighbours. */
function ordered(merged: unknown[], original: unknown[], order: unknown[], key: string | undefined): unknown[] {
  const idOf = (item: unknown) => JSON.stringify(key && isObject(item) ? item[key] : item);
  const rank = new Map(order.map((item, index) => [idOf(item), index]));
  const named = merged.filter((item) => rank.has(idOf(item))).sort((a, b) => (rank.get(idOf(a)) ?? 0) - (rank.get(idOf(b)) ?? 0));
  const position = new Map(original.map((item, index) => [idOf(item), index]));
  const serverOnly = merged.filter((item) => !rank.has(idOf(item)));
  const result: unknown[] = [];
  let i = 0;
  let j = 0;
  while (i < serverOnly.length && j < named.length) {
    const left = position.get(idOf(serverOnly[i])) ?? Infinity;
    const right = position.get(idOf(named[j]));
    if (right === undefined || left >= right) result.push(named[j++]);
    else result.push(serverOnly[i++]);
  }
  return [...result, ...named.slice(j), ...serverOnly.slice(i)];
}

function retain(result: JsonObject, patch: JsonObject): void {
  const keep = patch.$retainKeys;
  if (!Array.isArray(keep)) throw badRequest('invalid patch format of $retainKeys: it must be a list');
  for (const key of Object.keys(patch)) {
    if (!key.startsWith('$') && patch[key] !== null && !keep.includes(key)) throw badRequest(`'${key}' is not in $retainKeys but is in the patch`);
  }
  for (const key of Object.keys(result)) if (!keep.includes(key)) delete result[key];
}

function withoutDirectives(patch: JsonObject): JsonObject {
  const { $patch: _patch, $retainKeys: _retain, ...rest } = patch;
  return stripNulls(copyJson(rest));
}

function stripNulls(object: JsonObject): JsonObject {
  for (const [key, value] of Object.entries(object)) if (value === null) delete object[key];
  return object;
}

function unknownDirective(directive: unknown) {
  return badRequest(`unknown patch strategy: ${JSON.stringify(directive)}`);
}
