/** What the server does with a schema: decode strictly, prune, fill defaults, check required fields and enums. */
import { isObject, type JsonObject } from '../json.ts';
import { canonicalQuantity, longestQuantity, quantityPattern } from '../quantity.ts';
import { notSupported, required, type FieldError } from '../status.ts';
import type { Field, ObjectType, Scalar } from './notation.ts';

/** A value whose JSON type cannot be held by its field; worded as Go's decoder words it. */
export class DecodeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DecodeError';
  }
}

export interface ConformOptions {
  /** Leave defaults out: what a client applied is only what it said. */
  defaults?: false;
}

interface Walk {
  defaults: boolean;
  /** Name of the struct whose field is being read and the JSON names down to it: the two things Go's message tells. */
  struct: string;
  names: string[];
  unknown: string[] | undefined;
}

/**
 * Brings `object` (changed in place) into the form of `type`: drops unknown fields and nulls, fills the schema's defaults.
 * Returns the paths of the fields it dropped, in document order. Throws `DecodeError` when a value has the wrong JSON type.
 */
export function conform(type: ObjectType, object: JsonObject, options?: ConformOptions): string[] {
  const walk: Walk = { struct: '', names: [], unknown: undefined, defaults: options?.defaults !== false };
  conformObject(type, object, '', walk);
  return walk.unknown ?? [];
}

function conformObject(type: ObjectType, object: JsonObject, path: string, walk: Walk): void {
  if (type.fields.size === 0) return;
  const structName = type.name.slice(type.name.lastIndexOf('.') + 1);
  for (const key of Object.keys(object)) {
    const field = type.fields.get(key);
    if (!field) {
      (walk.unknown ??= []).push(path ? `${path}.${key}` : key);
      delete object[key];
      continue;
    }
    const value = object[key];
    if (value === null || value === undefined) {
      delete object[key];
      continue;
    }
    if (field.shape.is === 'scalar' && holds(field.shape.scalar, value)) continue;
    walk.struct = structName;
    walk.names.push(key);
    object[key] = conformField(field, value, path ? `${path}.${key}` : key, walk);
    walk.names.pop();
  }
  if (walk.defaults) fillDefaults(type, object);
}

function conformField(field: Field, value: unknown, path: string, walk: Walk): unknown {
  const shape = field.shape;
  switch (shape.is) {
    case 'scalar':
      return conformScalar(shape.scalar, value, walk);
    case 'object':
      if (!isObject(value)) throw mismatch(value, field, walk);
      conformObject(shape.type, value, path, walk);
      return value;
    case 'list': {
      if (!Array.isArray(value)) throw mismatch(value, field, walk);
      const struct = walk.struct;
      for (let index = 0; index < value.length; index++) {
        const item: unknown = value[index];
        if (shape.item.shape.is === 'scalar' && holds(shape.item.shape.scalar, item)) continue;
        walk.struct = struct;
        // A null item decodes to the element's zero value.
        value[index] = item === null ? zero(shape.item) : conformField(shape.item, item, `${path}[${index}]`, walk);
      }
      return value;
    }
    case 'map': {
      if (!isObject(value)) throw mismatch(value, field, walk);
      const struct = walk.struct;
      for (const key of Object.keys(value)) {
        const member = value[key];
        if (shape.value.shape.is === 'scalar' && holds(shape.value.shape.scalar, member)) continue;
        walk.struct = struct;
        value[key] = member === null || member === undefined ? zero(shape.value) : conformField(shape.value, member, `${path}.${key}`, walk);
      }
      return value;
    }
  }
}

/** True if nothing needs to be looked at any further. */
function holds(scalar: Scalar, value: unknown): boolean {
  switch (scalar) {
    case 'string':
      return typeof value === 'string';
    case 'boolean':
      return typeof value === 'boolean';
    case 'int32':
      return Number.isInteger(value) && (value as number) >= -0x80000000 && (value as number) <= 0x7fffffff;
    case 'int64':
      return Number.isInteger(value);
    case 'number':
      return typeof value === 'number';
    case 'any':
      return value !== null && value !== undefined;
    case 'intOrString':
      return typeof value === 'string' || Number.isInteger(value);
    default:
      return false;
  }
}

function conformScalar(scalar: Scalar, value: unknown, walk: Walk): unknown {
  if (holds(scalar, value)) return value;
  switch (scalar) {
    case 'quantity': {
      const text = typeof value === 'number' ? String(value) : value;
      if (typeof text === 'string' && text.length <= longestQuantity && quantityPattern.test(text)) return canonicalQuantity(text);
      throw new DecodeError(`quantities must match the regular expression '${quantityPattern.source}'`);
    }
    case 'bytes':
      if (typeof value !== 'string') throw mismatch(value, { shape: { is: 'scalar', scalar } }, walk);
      // Line ends are taken out first: two runs of them side by side would make the match as slow as it is long, squared.
      if (!/^[A-Za-z0-9+/]*={0,2}$/.test(value.replace(/[\r\n]/g, ''))) throw new DecodeError('illegal base64 data at input byte 0');
      return value;
    case 'time':
    case 'microTime':
      if (typeof value !== 'string') throw mismatch(value, { shape: { is: 'scalar', scalar } }, walk);
      if (value !== '' && Number.isNaN(Date.parse(value))) {
        throw new DecodeError(`parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(value)} as "2006"`);
      }
      return value;
    default:
      throw mismatch(value, { shape: { is: 'scalar', scalar } }, walk);
  }
}

function zero(field: Field): unknown {
  switch (field.shape.is) {
    case 'object':
    case 'map':
      return {};
    case 'list':
      return [];
    case 'scalar':
      return field.shape.scalar === 'boolean' ? false : ['int32', 'int64', 'number'].includes(field.shape.scalar) ? 0 : '';
  }
}

function mismatch(value: unknown, field: Field, walk: Walk): DecodeError {
  const found = typeof value === 'number' && field.shape.is === 'scalar' && field.shape.scalar.startsWith('int') ? `number ${value}` : jsonType(value);
  return new DecodeError(`json: cannot unmarshal ${found} into Go struct field ${walk.struct}.${walk.names.join('.')} of type ${goType(field)}`);
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function goType(field: Field): string {
  const { shape } = field;
  switch (shape.is) {
    case 'object':
      return shape.type.name.split('.').slice(-2).join('.');
    case 'list':
      return `[]${goType(shape.item)}`;
    case 'map':
      return `map[string]${goType(shape.value)}`;
    case 'scalar':
      return { string: 'string', int32: 'int32', int64: 'int64', number: 'float64', boolean: 'bool', bytes: '[]uint8', time: 'v1.Time', microTime: 'v1.MicroTime', quantity: 'resource.Quantity', intOrString: 'intstr.IntOrString', any: 'runtime.RawExtension' }[
        shape.scalar
      ];
  }
}

const defaultsOf = new WeakMap<ObjectType, [key: string, value: unknown][]>();

function fillDefaults(type: ObjectType, object: JsonObject): void {
  let defaults = defaultsOf.get(type);
  if (!defaults) {
    defaults = [...type.fields].flatMap(([key, field]) => (field.default === undefined || field.shape.is === 'map' ? [] : [[key, field.default] as [string, unknown]]));
    defaultsOf.set(type, defaults);
  }
  for (const [key, value] of defaults) if (object[key] === undefined) object[key] = value;
}

/**
 * Required fields and enums of a conforming object. `status` is left out: its writers are controllers, which the real server trusts too.
 * Numbers and booleans are never required, since absent means their zero value; OpenShift's types leave the question to their own rules.
 */
export function checkObject(type: ObjectType, object: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(object)) {
    if (key === 'status' || key === 'metadata') continue;
    const field = type.fields.get(key);
    if (field) checkField(field, value, key, errors);
  }
  checkRequired(type, object, '', errors);
  return errors;
}

function checkRequired(type: ObjectType, object: JsonObject, path: string, errors: FieldError[]): void {
  if (type.required.length === 0 || !type.name.startsWith('io.k8s.api.')) return;
  for (const key of type.required) {
    const shape = type.fields.get(key)?.shape;
    if (!shape || key === 'metadata') continue;
    if (shape.is === 'scalar' && shape.scalar !== 'string') continue;
    const value = object[key];
    if (value === undefined || value === '') errors.push(required(path ? `${path}.${key}` : key));
  }
}

function checkField(field: Field, value: unknown, path: string, errors: FieldError[]): void {
  const { shape } = field;
  if (field.enum && typeof value === 'string' && value !== '' && !field.enum.includes(value)) errors.push(notSupported(path, value, [...field.enum].sort()));
  switch (shape.is) {
    case 'scalar':
      return;
    case 'object':
      if (!needsCheck(shape.type)) return;
      for (const [key, member] of Object.entries(value as JsonObject)) {
        const inner = shape.type.fields.get(key);
        if (inner) checkField(inner, member, `${path}.${key}`, errors);
      }
      checkRequired(shape.type, value as JsonObject, path, errors);
      return;
    case 'list':
      if (shape.item.shape.is === 'scalar') return;
      (value as unknown[]).forEach((item, index) => checkField(shape.item, item, `${path}[${index}]`, errors));
      return;
    case 'map':
      if (shape.value.shape.is === 'scalar') return;
      for (const [key, member] of Object.entries(value as JsonObject)) checkField(shape.value, member, `${path}[${key}]`, errors);
  }
}

const checked = new WeakMap<ObjectType, boolean>();

/** Whether anything under the type has a rule; most types of a pod have none. */
function needsCheck(type: ObjectType): boolean {
  const known = checked.get(type);
  if (known !== undefined) return known;
  checked.set(type, true);
  const interesting = (field: Field): boolean => {
    if (field.enum) return true;
    const { shape } = field;
    if (shape.is === 'object') return needsCheck(shape.type);
    if (shape.is === 'list') return interesting(shape.item);
    return shape.is === 'map' && interesting(shape.value);
  };
  const result = type.required.length > 0 || [...type.fields.values()].some(interesting);
  checked.set(type, result);
  return result;
}
