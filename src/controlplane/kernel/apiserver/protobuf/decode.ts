/**
 * Kubernetes' protobuf bodies: the four bytes `k8s\0`, then a runtime.Unknown that carries apiVersion, kind and the object's own message
 * (kubernetes.io, "API concepts", "Kubernetes Protobuf encoding"). What comes out equals the JSON the same client would have sent.
 */
import type { KubeObject } from '../../../../api/meta.ts';
import { toTime } from '../../../../api/meta.ts';
import { splitApiVersion } from '../../../../api/resource.ts';
import { badRequest, StatusError } from '../../../../api/status.ts';
import { messageNamed, type Field, type Message } from './schema.ts';
import { readFields, readPacked, WireError, type WireValue } from './wire.ts';

export const protobufMediaType = 'application/vnd.kubernetes.protobuf';

const magic = Buffer.from('k8s\0');

type Json = string | number | boolean | null | undefined | Json[] | { [name: string]: Json };
type JsonObject = { [name: string]: Json };

/** Throws a `StatusError`: 400 for bytes that are no such body, 415 for a kind that has no protobuf form. */
export function decodeProtobuf(body: Buffer): KubeObject {
  if (!body.subarray(0, magic.length).equals(magic)) throw badRequest('the body is not in the Kubernetes protobuf encoding: it does not start with "k8s\\0"');
  try {
    const { apiVersion, kind, raw, contentType } = readEnvelope(body.subarray(magic.length));
    if (contentType.includes('json')) return JSON.parse(raw.toString('utf8')) as KubeObject;
    const message = messageOf(apiVersion, kind);
    if (!message) {
      throw new StatusError(415, 'UnsupportedMediaType', `${kind} in version "${apiVersion}" has no protobuf form here - accepted media types include: application/json, application/yaml`);
    }
    return { apiVersion, kind, ...(decodeMessage(message, raw) as JsonObject) } as unknown as KubeObject;
  } catch (error) {
    if (error instanceof WireError || error instanceof SyntaxError) throw badRequest(`the body cannot be decoded as protobuf: ${error.message}`);
    throw error;
  }
}

function readEnvelope(bytes: Buffer): { apiVersion: string; kind: string; raw: Buffer; contentType: string } {
  const envelope: { apiVersion: string; kind: string; raw: Buffer; contentType: string } = { apiVersion: '', kind: '', raw: Buffer.alloc(0), contentType: '' };
  readFields(bytes, (number, value) => {
    if (typeof value === 'number') return;
    if (number === 1) readFields(value, (inner, text) => void (envelope[inner === 1 ? 'apiVersion' : 'kind'] = String(text)));
    else if (number === 2) envelope.raw = value;
    else if (number === 4) envelope.contentType = String(value);
  });
  return envelope;
}

/** Packages are named by the first label of the group; the kinds of meta/v1 (DeleteOptions) travel under any group's version. */
function messageOf(apiVersion: string, kind: string): Message | undefined {
  const [group, version] = splitApiVersion(apiVersion);
  return messageNamed(`${group.split('.')[0] || 'core'}.${version}.${kind}`) ?? messageNamed(`meta.v1.${kind}`);
}

/** Types whose JSON is not an object of their fields. */
const special: Record<string, (bytes: Buffer) => Json> = {
  'resource.Quantity': (bytes) => fieldsOf(bytes).text(1),
  'intstr.IntOrString': (bytes) => {
    const fields = fieldsOf(bytes);
    return fields.number(1) === 0 ? fields.number(2) : fields.text(3);
  },
  'meta.v1.Time': (bytes) => (bytes.length ? toTime(new Date(fieldsOf(bytes).number(1) * 1000)) : undefined),
  // Exactly six digits, or clients fail to parse their own leases.
  'meta.v1.MicroTime': (bytes) => {
    if (!bytes.length) return undefined;
    const fields = fieldsOf(bytes);
    const micros = Math.floor(fields.number(2) / 1000);
    return `${toTime(new Date(fields.number(1) * 1000)).slice(0, -1)}.${String(micros).padStart(6, '0')}Z`;
  },
  'runtime.RawExtension': embeddedJson,
  'meta.v1.FieldsV1': embeddedJson,
};

function embeddedJson(bytes: Buffer): Json {
  const raw = fieldsOf(bytes).bytes(1);
  return raw.length ? (JSON.parse(raw.toString('utf8')) as Json) : undefined;
}

function fieldsOf(bytes: Buffer) {
  const values = new Map<number, WireValue>();
  readFields(bytes, (number, value) => void values.set(number, value));
  const asBytes = (number: number) => {
    const value = values.get(number);
    return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
  };
  return { number: (number: number) => Number(values.get(number) ?? 0), bytes: asBytes, text: (number: number) => asBytes(number).toString('utf8') };
}

function decodeMessage(message: Message, bytes: Buffer): Json {
  const convert = special[message.name];
  if (convert) return convert(bytes);
  const object: JsonObject = {};
  readFields(bytes, (number, value, wireType) => {
    const field = message.fields.get(number);
    if (field) assign(object, field, value, wireType);
  });
  return isNamedList(message) ? (object.items ?? []) : object;
}

/** `type ExtraValue []string` travels as a message with nothing but `items`; a struct that has such a field alone holds messages (`DownwardAPIProjection`). */
function isNamedList(message: Message): boolean {
  const [only] = message.fields.values();
  return message.fields.size === 1 && only?.name === 'items' && only.repeated && only.type === 's';
}

function assign(object: JsonObject, field: Field, value: WireValue, wireType: number): void {
  if (field.map) return assignEntry(object, field, value);
  if (field.repeated) {
    const list = (object[field.name] ??= []) as Json[];
    if (field.type === 'i' && wireType === 2 && Buffer.isBuffer(value)) list.push(...readPacked(value));
    else list.push(decodeValue(field, value));
    return;
  }
  const decoded = decodeValue(field, value);
  if (field.inlined) Object.assign(object, decoded);
  else if (decoded !== undefined && !(field.omitsZero && isZero(decoded))) setOwn(object, field.name, decoded);
}

function assignEntry(object: JsonObject, field: Field, value: WireValue): void {
  if (!Buffer.isBuffer(value)) throw new WireError(`${field.name} is no map`);
  let key = '';
  let entry: Json = zeroOf(field);
  readFields(value, (number, part) => {
    if (number === 1) key = String(part);
    else if (number === 2) entry = decodeValue(field, part);
  });
  setOwn((object[field.name] ??= {}) as JsonObject, key, entry);
}

/** Keys come from the client: `__proto__` must become a plain property. */
function setOwn(object: JsonObject, key: string, value: Json): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

function zeroOf(field: Field): Json {
  return typeof field.type === 'string' ? (field.type === 'i' ? 0 : '') : decodeMessage(field.type, Buffer.alloc(0));
}

function isZero(value: Json): boolean {
  return value === '' || value === 0 || value === false || value === null;
}

function decodeValue(field: Field, value: WireValue): Json {
  const { type } = field;
  if (typeof value === 'number') {
    if (type === 'i') return value;
    if (type === 'b') return value !== 0;
    throw new WireError(`${field.name} is no number`);
  }
  if (type === 's') return value.toString('utf8');
  if (type === 'y') return value.toString('base64');
  if (type === 'd') return value.readDoubleLE(0);
  if (type === 'f') return value.readFloatLE(0);
  if (typeof type === 'string') throw new WireError(`${field.name} is a number`);
  return decodeMessage(type, value);
}
