/** Copying, comparing and freezing of JSON values: objects, arrays, strings, finite numbers, booleans, null. */

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A private, unfrozen copy; several times faster than `structuredClone` for API objects. Members that are `undefined` are left out. */
export function copyJson<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const list = new Array<unknown>(value.length);
    for (let index = 0; index < value.length; index++) list[index] = copyJson((value as unknown[])[index]);
    return list as T;
  }
  const object: JsonObject = {};
  for (const key of Object.keys(value)) {
    const member = (value as JsonObject)[key];
    if (member === undefined) continue;
    const made = copyJson(member);
    if (key === '__proto__') Object.defineProperty(object, key, { value: made, enumerable: true, configurable: true, writable: true });
    else object[key] = made;
  }
  return object as T;
}

/** Deep equality; the order of an object's members does not matter, and an `undefined` member equals an absent one. */
export function equalJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let index = 0; index < a.length; index++) if (!equalJson(a[index], b[index])) return false;
    return true;
  }
  if (Array.isArray(b)) return false;
  const left = a as JsonObject;
  const right = b as JsonObject;
  let shared = 0;
  for (const key of Object.keys(left)) {
    if (left[key] === undefined) continue;
    if (!equalJson(left[key], right[key])) return false;
    shared++;
  }
  let others = 0;
  for (const key of Object.keys(right)) if (right[key] !== undefined) others++;
  return shared === others;
}

/** Freezes a JSON value all the way down; parts that are frozen already cost nothing. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return value;
}
