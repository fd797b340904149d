/**
 * `/openapi/v3`: the index and a document for each group and version, made from the distilled schemas. They carry what clients act on: kinds with their
 * fields, and for each kind a PATCH operation that names it, takes `fieldValidation`, and lists the patch types.
 */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../../../../api/json.ts';
import { typeNamed, type Field, type ObjectType, type Scalar } from '../../../../api/schema/notation.ts';
import type { Answer } from '../answer.ts';
import type { KindTable, Served } from '../kind-table.ts';
import type { ApiRequest } from '../request.ts';

interface Built {
  body: Buffer;
  hash: string;
}

const forever = 'public, immutable';

export function openApi(kinds: KindTable): (request: ApiRequest, path: string) => Promise<Answer | undefined> {
  const versions = [...new Set(kinds.all.map((served) => served.apiVersion))].sort();
  const built = new Map<string, Promise<Built>>();
  const pathOf = (apiVersion: string) => (apiVersion.includes('/') ? `apis/${apiVersion}` : `api/${apiVersion}`);

  const build = (apiVersion: string): Promise<Built> => {
    let document = built.get(apiVersion);
    if (!document) {
      document = documentOf(kinds.all.filter((served) => served.apiVersion === apiVersion)).then((value) => {
        const body = Buffer.from(JSON.stringify(value));
        return { body, hash: createHash('sha512').update(body).digest('hex').toUpperCase() };
      });
      built.set(apiVersion, document);
    }
    return document;
  };

  return async (request, path) => {
    if (path === '/openapi/v2') {
      // Clients that ask for it merge it into nothing; JSON would break those that expect protobuf.
      return { type: 'document', code: 200, contentType: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf', body: Buffer.alloc(0) };
    }
    if (path === '/openapi/v3' || path === '/openapi/v3/') {
      const paths: JsonObject = {};
      for (const apiVersion of versions) {
        const { hash } = await build(apiVersion);
        paths[pathOf(apiVersion)] = { serverRelativeURL: `/openapi/v3/${pathOf(apiVersion)}?hash=${hash}` };
      }
      return { type: 'document', code: 200, contentType: 'application/json', body: JSON.stringify({ paths }) };
    }
    const apiVersion = versions.find((one) => path === `/openapi/v3/${pathOf(one)}`);
    if (!apiVersion) return undefined;
    const { body, hash } = await build(apiVersion);
    const asked = request.query.get('hash');
    const headers: Record<string, string> = { ETag: `"${hash}"`, Vary: 'Accept' };
    if (asked === hash) Object.assign(headers, { 'Cache-Control': forever, Expires: new Date(Date.now() + 365 * 86_400_000).toUTCString() });
    if (request.header('if-none-match') === `"${hash}"`) return { type: 'document', code: 304, contentType: 'application/json', body: '', headers };
    return { type: 'document', code: 200, contentType: 'application/json', body, headers };
  };
}

type Texts = Record<string, [type: string, fields: Record<string, string>]>;

async function documentOf(kinds: readonly Served[]): Promise<JsonObject> {
  const { default: texts } = (await import('../../../../api/schema/descriptions.json', { with: { type: 'json' } })) as unknown as { default: Texts };
  const schemas: JsonObject = {};
  const paths: JsonObject = {};
  for (const served of kinds) {
    const ref = served.type ? addSchema(schemas, served.type, texts, served) : addFreeSchema(schemas, served);
    Object.assign(paths, pathsOf(served, ref));
  }
  return { openapi: '3.0.0', info: { title: 'Slipway', version: 'v1.32' }, paths, components: { schemas } };
}

const gvk = ({ resource: { group, version, kind } }: Served) => ({ group, version, kind });
const refTo = (name: string) => ({ $ref: `#/components/schemas/${name}` });

function addFreeSchema(schemas: JsonObject, served: Served): string {
  const { group, version, kind } = served.resource;
  const name = [...group.split('.').reverse(), version, kind].filter(Boolean).join('.');
  schemas[name] = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, 'x-kubernetes-group-version-kind': [gvk(served)] };
  return name;
}

function addSchema(schemas: JsonObject, type: ObjectType, texts: Texts, served?: Served): string {
  const known = schemas[type.name] as JsonObject | undefined;
  if (known) {
    if (served) known['x-kubernetes-group-version-kind'] = [gvk(served)];
    return type.name;
  }
  const [description, fields] = texts[type.name] ?? ['', {}];
  const properties: JsonObject = {};
  const schema: JsonObject = { ...(description && { description }), type: 'object', ...(type.fields.size > 0 && { properties }) };
  schemas[type.name] = schema;
  if (type.required.length > 0) schema.required = type.required;
  if (type.atomic) schema['x-kubernetes-map-type'] = 'atomic';
  if (served) schema['x-kubernetes-group-version-kind'] = [gvk(served)];
  for (const [key, field] of type.fields) properties[key] = fieldSchema(schemas, field, texts, fields[key]);
  return type.name;
}

/** Scalars that have a name of their own, which `kubectl explain` shows as the field's type. */
const named: Partial<Record<Scalar, [name: string, schema: JsonObject]>> = {
  time: ['io.k8s.apimachinery.pkg.apis.meta.v1.Time', { type: 'string', format: 'date-time' }],
  microTime: ['io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime', { type: 'string', format: 'date-time' }],
  quantity: ['io.k8s.apimachinery.pkg.api.resource.Quantity', { oneOf: [{ type: 'string' }, { type: 'number' }] }],
  intOrString: ['io.k8s.apimachinery.pkg.util.intstr.IntOrString', { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] }],
};

const scalars: Record<Exclude<Scalar, 'time' | 'microTime' | 'quantity' | 'intOrString'>, JsonObject> = {
  string: { type: 'string' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  number: { type: 'number', format: 'double' },
  boolean: { type: 'boolean' },
  bytes: { type: 'string', format: 'byte' },
  any: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
};

function fieldSchema(schemas: JsonObject, field: Field, texts: Texts, description?: string): JsonObject {
  const extra: JsonObject = {
    ...(description && { description }),
    ...(field.enum && { enum: field.enum }),
    ...(field.default !== undefined && { default: field.default }),
    ...(field.keys && { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': field.keys }),
    ...(field.set && { 'x-kubernetes-list-type': 'set' }),
    ...(field.mergeKey && { 'x-kubernetes-patch-merge-key': field.mergeKey }),
    ...(field.strategy && { 'x-kubernetes-patch-strategy': field.strategy }),
    ...(field.atomic && { 'x-kubernetes-map-type': 'atomic' }),
  };
  const { shape } = field;
  switch (shape.is) {
    case 'scalar':
      return scalarSchema(schemas, shape.scalar, extra);
    case 'object':
      return { ...extra, allOf: [refTo(addSchema(schemas, typeNamed(shape.type.name), texts))] };
    case 'list':
      return { ...extra, type: 'array', items: itemSchema(schemas, shape.item, texts) };
    case 'map':
      return { ...extra, type: 'object', additionalProperties: itemSchema(schemas, shape.value, texts) };
  }
}

function scalarSchema(schemas: JsonObject, scalar: Scalar, extra: JsonObject): JsonObject {
  if (scalar in scalars) return { ...scalars[scalar as keyof typeof scalars], ...extra };
  const [name, schema] = named[scalar] ?? ['', {}];
  schemas[name] ??= schema;
  return Object.keys(extra).length > 0 ? { ...extra, allOf: [refTo(name)] } : refTo(name);
}

/** Items are references themselves, as clients expect them. */
function itemSchema(schemas: JsonObject, field: Field, texts: Texts): JsonObject {
  if (field.shape.is === 'object') return refTo(addSchema(schemas, field.shape.type, texts));
  return fieldSchema(schemas, field, texts);
}

const parameter = (name: string, type = 'string') => ({ name, in: 'query', schema: { type, uniqueItems: true } });
const writing = [parameter('dryRun'), parameter('fieldManager'), parameter('fieldValidation')];

function pathsOf(served: Served, ref: string): JsonObject {
  const { resource } = served;
  const root = resource.group ? `/apis/${served.apiVersion}` : `/api/${served.apiVersion}`;
  const collection = `${root}${resource.namespaced ? '/namespaces/{namespace}' : ''}/${resource.plural}`;
  const content = { content: { 'application/json': { schema: refTo(ref) } } };
  const answer = { responses: { '200': { description: 'OK', ...content } } };
  const operation = (action: string, more: JsonObject = {}) => ({ ...answer, 'x-kubernetes-action': action, 'x-kubernetes-group-version-kind': gvk(served), ...more });
  const body = { requestBody: { ...content, required: true } };
  const patches = ['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json', ...(served.type ? ['application/strategic-merge-patch+json'] : [])];
  const has = (verb: 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update') => served.verbs.has(verb);
  const inNamespace = resource.namespaced ? { parameters: [{ name: 'namespace', in: 'path', required: true, schema: { type: 'string', uniqueItems: true } }] } : {};
  return {
    [collection]: {
      ...inNamespace,
      ...(has('list') && { get: operation('list') }),
      ...(has('create') && { post: operation('post', { ...body, parameters: writing }) }),
      ...(has('deletecollection') && { delete: operation('deletecollection') }),
    },
    [`${collection}/{name}`]: {
      ...inNamespace,
      ...(has('get') && { get: operation('get') }),
      ...(has('update') && { put: operation('put', { ...body, parameters: writing }) }),
      ...(has('patch') && {
        patch: operation('patch', {
          parameters: [...writing, parameter('force', 'boolean')],
          requestBody: { content: Object.fromEntries(patches.map((type) => [type, { schema: { type: 'object' } }])), required: true },
        }),
      }),
      ...(has('delete') && { delete: operation('delete') }),
    },
  };
}
