/**
 * Sets of fields in the notation of `metadata.managedFields` (FieldsV1): a trie whose keys are `f:<field>`, `k:<keys of an item>`, `v:<value>`;
 * `.` marks the node itself. A leaf is an empty object.
 *
 * `{"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{".":{},"f:image":{}}}}}` holds the item `a` and its image.
 */
import { equalJson, isObject, type JsonObject } from '../../../../api/json.ts';
import type { Field, ObjectType, Shape } from '../../../../api/schema/notation.ts';

export type FieldSet = { [element: string]: FieldSet };

export const isEmpty = (set: FieldSet): boolean => {
  for (const _ in set) return false;
  return true;
};

/** How a value is looked into: by a schema, or freely where there is none. */
export type Lens = Field | undefined;

const fieldOf = (type: ObjectType | undefined, key: string): Lens => type?.fields.get(key);

/** A value owned as one piece: scalars, atomic lists and maps. */
export function isAtomic(lens: Lens, value: unknown): boolean {
  if (Array.isArray(value)) return !(lens?.keys ?? lens?.set);
  if (!isObject(value)) return true;
  if (!lens) return false;
  if (lens.atomic) return true;
  return lens.shape.is === 'object' && lens.shape.type.atomic;
}

export function memberLens(lens: Lens, key: string): Lens {
  const shape: Shape | undefined = lens?.shape;
  if (shape?.is === 'object') return shape.type.fields.get(key);
  return shape?.is === 'map' ? shape.value : undefined;
}

export const itemLens = (lens: Lens): Lens => (lens?.shape.is === 'list' ? lens.shape.item : undefined);

/** Whether entries of the value are things of their own, not fields of a known structure. */
export const isOpen = (lens: Lens): boolean => lens?.shape.is === 'map' || (lens !== undefined && lens.shape.is === 'object' && lens.shape.type.fields.size === 0);

/** `k:{…}` with the keys sorted; an absent key counts with its schema default. */
export function itemElement(lens: Field, item: unknown): string {
  if (lens.set) return `v:${JSON.stringify(item)}`;
  const keys: JsonObject = {};
  const type = lens.shape.is === 'list' && lens.shape.item.shape.is === 'object' ? lens.shape.item.shape.type : undefined;
  for (const key of [...(lens.keys ?? [])].sort()) {
    const value = isObject(item) ? (item[key] ?? type?.fields.get(key)?.default) : undefined;
    if (value !== undefined) keys[key] = value;
  }
  return `k:${JSON.stringify(keys)}`;
}

/** Identity and bookkeeping are nobody's. */
const unowned: Record<string, readonly string[]> = {
  '': ['apiVersion', 'kind'],
  metadata: ['name', 'namespace', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'managedFields', 'generateName', 'selfLink'],
};

/** Every field of an object. `except` names top-level fields left out (`status` for main writes). */
export function fieldsOf(type: ObjectType | undefined, object: JsonObject, except?: string): FieldSet {
  return changedFields(type, {}, object, except).set;
}

export interface Changes {
  /** Fields that are new or have another value. */
  set: FieldSet;
  /** Fields that are gone. */
  removed: FieldSet;
}

export function changedFields(type: ObjectType | undefined, old: JsonObject, next: JsonObject, except?: string, only?: string): Changes {
  const changes: Changes = { set: {}, removed: {} };
  const skip = new Set(unowned['']);
  if (except) skip.add(except);
  const keys = only ? [only] : new Set([...Object.keys(old), ...Object.keys(next)]);
  for (const key of keys) {
    if (skip.has(key)) continue;
    diffMember(`f:${key}`, fieldOf(type, key), old[key], next[key], changes, key === 'metadata' ? unowned.metadata : undefined);
  }
  return changes;
}

function diffMember(element: string, lens: Lens, old: unknown, next: unknown, into: Changes, skip?: readonly string[]): void {
  if (next === undefined) {
    if (old !== undefined) into.removed[element] = wholly(lens, old);
    return;
  }
  if (isAtomic(lens, next) || (isObject(next) && Object.keys(next).length === 0)) {
    if (!equalJson(old, next)) into.set[element] = {};
    return;
  }
  const inner: Changes = { set: {}, removed: {} };
  if (Array.isArray(next)) diffList(lens as Field, Array.isArray(old) ? old : [], next, inner);
  else diffObject(lens, isObject(old) ? old : {}, next as JsonObject, inner, skip);
  // A free map that comes into being is itself something to own.
  if (old === undefined && isOpen(lens)) inner.set['.'] = {};
  if (!isEmpty(inner.set)) into.set[element] = inner.set;
  if (!isEmpty(inner.removed)) into.removed[element] = inner.removed;
}

function diffObject(lens: Lens, old: JsonObject, next: JsonObject, into: Changes, skip?: readonly string[]): void {
  for (const key of Object.keys(next)) {
    if (skip?.includes(key)) continue;
    diffMember(`f:${key}`, memberLens(lens, key), old[key], next[key], into);
  }
  for (const key of Object.keys(old)) {
    if (next[key] === undefined && old[key] !== undefined && !skip?.includes(key)) into.removed[`f:${key}`] = wholly(memberLens(lens, key), old[key]);
  }
}

function diffList(lens: Field, old: unknown[], next: unknown[], into: Changes): void {
  const before = new Map(old.map((item) => [itemElement(lens, item), item]));
  for (const item of next) {
    const element = itemElement(lens, item);
    const previous = before.get(element);
    before.delete(element);
    if (lens.set) {
      if (previous === undefined) into.set[element] = {};
      continue;
    }
    const inner: Changes = { set: {}, removed: {} };
    diffObject(itemLens(lens), isObject(previous) ? previous : {}, item as JsonObject, inner);
    if (previous === undefined) inner.set['.'] = {};
    if (!isEmpty(inner.set)) into.set[element] = inner.set;
    if (!isEmpty(inner.removed)) into.removed[element] = inner.removed;
  }
  for (const [element, item] of before) into.removed[element] = lens.set ? {} : { '.': {}, ...wholly(itemLens(lens), item) };
}

/** All of a value that is gone: its fields, and itself. */
function wholly(lens: Lens, value: unknown): FieldSet {
  if (isAtomic(lens, value)) return {};
  const inner: Changes = { set: {}, removed: {} };
  if (Array.isArray(value)) diffList(lens as Field, [], value, inner);
  else diffObject(lens, {}, value as JsonObject, inner);
  if (isEmpty(inner.set)) return {};
  return { '.': {}, ...inner.set };
}

function union(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(a)) return isEmpty(b) ? a : withSelf(b);
  if (isEmpty(b)) return withSelf(a);
  const result: FieldSet = { ...a };
  for (const [key, inner] of Object.entries(b)) {
    const mine = result[key];
    result[key] = mine ? (isEmpty(mine) && isEmpty(inner) ? {} : union(mine, inner)) : inner;
  }
  return result;
}

/** An empty set under an element stands for the element itself; joined with children it is written `.`. */
const withSelf = (set: FieldSet): FieldSet => ('.' in set ? set : { '.': {}, ...set });

/** Unions at the root, where an empty set really is empty. */
export const unionOf = (a: FieldSet, b: FieldSet): FieldSet => (isEmpty(a) ? b : isEmpty(b) ? a : union(a, b));

/** Elements of `a` that are not in `b`. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  const result: FieldSet = {};
  for (const [key, inner] of Object.entries(a)) {
    const other = b[key];
    if (!other) {
      result[key] = inner;
      continue;
    }
    const selfOfA = isEmpty(inner) || '.' in inner;
    const selfOfB = isEmpty(other) || '.' in other;
    const { '.': _self, ...children } = inner;
    const { '.': _other, ...otherChildren } = other;
    const rest = difference(children, otherChildren);
    const keepsSelf = selfOfA && !selfOfB;
    if (isEmpty(rest)) {
      if (keepsSelf) result[key] = {};
    } else result[key] = keepsSelf ? { '.': {}, ...rest } : rest;
  }
  return result;
}

/** Elements in both. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const result: FieldSet = {};
  for (const [key, inner] of Object.entries(a)) {
    const other = b[key];
    if (!other) continue;
    const self = (isEmpty(inner) || '.' in inner) && (isEmpty(other) || '.' in other);
    const { '.': _self, ...children } = inner;
    const { '.': _other, ...otherChildren } = other;
    const shared = intersection(children, otherChildren);
    if (isEmpty(shared)) {
      if (self) result[key] = {};
    } else result[key] = self ? { '.': {}, ...shared } : shared;
  }
  return result;
}

/** Everything of `a` at or below a member of `gone`: used when whole values disappear. */
export function without(a: FieldSet, gone: FieldSet): FieldSet {
  const result: FieldSet = {};
  for (const [key, inner] of Object.entries(a)) {
    const other = gone[key];
    if (!other) result[key] = inner;
    else if (isEmpty(other) || '.' in other) continue;
    else {
      const rest = without(inner, other);
      if (!isEmpty(rest)) result[key] = rest;
    }
  }
  return result;
}

/** The paths of a set as error texts show them: `.spec.template.spec.containers[name="a"].image`. */
export function pathsOf(set: FieldSet, prefix = ''): string[] {
  const paths: string[] = [];
  for (const [element, inner] of Object.entries(set)) {
    if (element === '.') continue;
    const path = prefix + textOf(element);
    if (isEmpty(inner) || '.' in inner) paths.push(path);
    paths.push(...pathsOf(inner, path));
  }
  return paths.sort();
}

function textOf(element: string): string {
  const rest = element.slice(2);
  if (element.startsWith('f:')) return `.${rest}`;
  if (element.startsWith('v:')) return `[=${rest}]`;
  const keys = JSON.parse(rest) as JsonObject;
  return `[${Object.entries(keys).map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
}
