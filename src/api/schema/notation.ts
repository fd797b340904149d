/**
 * How schemas.json is written, and its types linked together once used.
 *
 * `kinds`: `<apiVersion>/<kind>` → type name. `types`: type name → fields. A field is a scalar (`"string"`), a reference to a type (`"#name"`),
 * or an object: `{"list": field}`, `{"map": field}`, `{"of": field}` with what else is known about it. Go's zero values are not noted as defaults.
 */
import data from './schemas.json' with { type: 'json' };

export type Scalar = 'string' | 'int32' | 'int64' | 'number' | 'boolean' | 'bytes' | 'time' | 'microTime' | 'quantity' | 'intOrString' | 'any';

interface RawTraits {
  enum?: readonly string[];
  default?: unknown;
  keys?: readonly string[];
  set?: boolean;
  mergeKey?: string;
  strategy?: string;
  atomic?: boolean;
}
type RawField = string | (RawTraits & ({ list: RawField } | { map: RawField } | { of: string }));
interface RawType {
  required?: readonly string[];
  atomic?: boolean;
  open?: boolean;
  fields?: Record<string, RawField>;
}
interface RawData {
  kinds: Record<string, string>;
  types: Record<string, RawType>;
}

/** What a field may hold. */
export type Shape =
  | { readonly is: 'scalar'; readonly scalar: Scalar }
  | { readonly is: 'object'; readonly type: ObjectType }
  | { readonly is: 'list'; readonly item: Field }
  | { readonly is: 'map'; readonly value: Field };

export interface Field {
  readonly shape: Shape;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  /** Keys that identify an item of an associative list (server-side apply). */
  readonly keys?: readonly string[];
  /** A list whose items are unique scalars (server-side apply). */
  readonly set?: boolean;
  /** Key that identifies an item in a strategic merge patch. */
  readonly mergeKey?: string;
  /** Strategic merge: `merge`, `replace`, `retainKeys`, `merge,retainKeys`. */
  readonly strategy?: string;
  /** Owned as a whole in server-side apply. */
  readonly atomic?: boolean;
}

export interface ObjectType {
  /** E.g. `io.k8s.api.core.v1.PodSpec`. */
  readonly name: string;
  readonly fields: ReadonlyMap<string, Field>;
  readonly required: readonly string[];
  readonly atomic: boolean;
}

const raw = data as unknown as RawData;
const linked = new Map<string, ObjectType>();

/** The type of a kind, or undefined for a kind without a schema. */
export function typeOfKind(apiVersion: string, kind: string): ObjectType | undefined {
  const name = raw.kinds[`${apiVersion}/${kind}`];
  return name === undefined ? undefined : typeNamed(name);
}

export function typeNamed(name: string): ObjectType {
  const known = linked.get(name);
  if (known) return known;
  const source = raw.types[name];
  if (!source) throw new Error(`schemas.json holds no type "${name}"`);
  const fields = new Map<string, Field>();
  const type: ObjectType = { name, fields, required: source.required ?? [], atomic: source.atomic ?? false };
  // Entered before its fields, so that a type may contain itself.
  linked.set(name, type);
  for (const [key, field] of Object.entries(source.fields ?? {})) fields.set(key, link(field));
  return type;
}

const plain = new Map<string, Field>();

function link(field: RawField): Field {
  if (typeof field === 'string') {
    const known = plain.get(field);
    if (known) return known;
    const made: Field = { shape: shapeOf(field) };
    plain.set(field, made);
    return made;
  }
  if ('list' in field) {
    const { list, ...traits } = field;
    return { shape: { is: 'list', item: link(list) }, ...traits };
  }
  if ('map' in field) {
    const { map, ...traits } = field;
    return { shape: { is: 'map', value: link(map) }, ...traits };
  }
  const { of, ...traits } = field;
  return { shape: shapeOf(of), ...traits };
}

function shapeOf(text: string): Shape {
  return text.startsWith('#') ? { is: 'object', type: typeNamed(text.slice(1)) } : { is: 'scalar', scalar: text as Scalar };
}
