/** Server-side apply on values: merging what is applied into what lives, and taking out what is no longer applied. */
import { copyJson, isObject, type JsonObject } from '../../../../api/json.ts';
import type { Field, ObjectType } from '../../../../api/schema/notation.ts';
import { isAtomic, isOpen, itemElement, itemLens, memberLens, isEmpty, type FieldSet, type Lens } from './field-set.ts';

/** `live` with everything that `applied` says. A new value; the arguments stay as they are. */
export function mergeApplied(type: ObjectType | undefined, live: JsonObject, applied: JsonObject): JsonObject {
  return mergeObject(type && { shape: { is: 'object', type } }, live, applied);
}

function mergeObject(lens: Lens, live: JsonObject, applied: JsonObject): JsonObject {
  const result: JsonObject = { ...live };
  for (const [key, value] of Object.entries(applied)) result[key] = mergeValue(memberLens(lens, key), live[key], value);
  return result;
}

function mergeValue(lens: Lens, live: unknown, applied: unknown): unknown {
  if (live === undefined || isAtomic(lens, applied)) return copyJson(applied);
  if (Array.isArray(applied)) return mergeList(lens as Field, Array.isArray(live) ? live : [], applied);
  return isObject(live) ? mergeObject(lens, live, applied as JsonObject) : copyJson(applied);
}

function mergeList(lens: Field, live: unknown[], applied: unknown[]): unknown[] {
  const before = new Map(live.map((item) => [itemElement(lens, item), item]));
  const wanted = new Map(applied.map((item) => [itemElement(lens, item), item]));
  const merge = (element: string, item: unknown) => (lens.set ? item : mergeValue(itemLens(lens), before.get(element), item));
  // With nothing of others in between, the applied order is the order.
  if ([...before.keys()].every((element) => wanted.has(element))) return [...wanted].map(([element, item]) => merge(element, item));
  const kept = [...before].map(([element, item]) => (wanted.has(element) ? merge(element, wanted.get(element)) : item));
  const added = [...wanted].filter(([element]) => !before.has(element)).map(([, item]) => copyJson(item));
  return [...kept, ...added];
}

/** Removes from `object` (changed in place) what `last` held and `keep` does not. Structures go as a whole once nobody keeps anything in them. */
export function prune(type: ObjectType | undefined, object: JsonObject, last: FieldSet, keep: FieldSet): void {
  pruneObject(type && { shape: { is: 'object', type } }, object, last, keep);
}

function pruneObject(lens: Lens, object: JsonObject, last: FieldSet, keep: FieldSet): void {
  for (const [element, inner] of Object.entries(last)) {
    if (!element.startsWith('f:')) continue;
    const key = element.slice(2);
    const value = object[key];
    if (value === undefined) continue;
    const member = memberLens(lens, key);
    const kept = keep[element];
    if (!kept && !(isOpen(member) && !isEmpty(inner) && !('.' in inner))) {
      delete object[key];
      continue;
    }
    if (isAtomic(member, value)) continue;
    const copy = Array.isArray(value) ? [...(value as unknown[])] : { ...(value as JsonObject) };
    if (Array.isArray(copy)) object[key] = pruneList(member as Field, copy, inner, kept ?? {});
    else {
      pruneObject(member, copy, inner, kept ?? {});
      if (!kept && Object.keys(copy).length === 0) delete object[key];
      else object[key] = copy;
    }
  }
}

function pruneList(lens: Field, list: unknown[], last: FieldSet, keep: FieldSet): unknown[] {
  return list.flatMap((item) => {
    const element = itemElement(lens, item);
    const inner = last[element];
    if (!inner) return [item];
    const kept = keep[element];
    if (!kept) return [];
    if (lens.set || !isObject(item)) return [item];
    const copy = { ...item };
    pruneObject(itemLens(lens), copy, inner, kept);
    return [copy];
  });
}
