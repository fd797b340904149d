/** Bodies: bytes to documents (JSON, YAML, Kubernetes protobuf), documents to objects of the kind the path names. */
import { isObject, type JsonObject } from '../../../api/json.ts';
import type { KubeObject } from '../../../api/meta.ts';
import { splitApiVersion } from '../../../api/resource.ts';
import { conform, DecodeError, type ConformOptions } from '../../../api/schema/engine.ts';
import { typeOfKind, type ObjectType } from '../../../api/schema/notation.ts';
import { badRequest, StatusError } from '../../../api/status.ts';
import type { FieldValidation } from './call.ts';
import type { Served } from './kind-table.ts';

export const protobufType = 'application/vnd.kubernetes.protobuf';

/** `application/json; charset=utf-8` → `application/json`. JSON is meant where nothing is said. */
export function mediaTypeOf(contentType: string | undefined): string {
  if (!contentType) return 'application/json';
  const end = contentType.indexOf(';');
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}

/** What a body says, not yet looked at. `kind` is only used in texts. */
export async function parseBody(body: Buffer, mediaType: string, kind: string): Promise<JsonObject> {
  switch (mediaType) {
    case 'application/json':
      return parseJson(body, kind);
    case 'application/yaml':
      return parseYaml(body, kind);
    case protobufType: {
      const { decodeProtobuf } = await import('./protobuf/decode.ts');
      return decodeProtobuf(body) as unknown as JsonObject;
    }
    default:
      throw new StatusError(415, 'UnsupportedMediaType', `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, ${protobufType}`);
  }
}

function parseJson(body: Buffer, kind: string): JsonObject {
  let document: unknown;
  try {
    document = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw unrecognized(kind, `couldn't get version/kind; json parse error: ${(error as Error).message}`, body);
  }
  if (!isObject(document)) {
    throw unrecognized(kind, `couldn't get version/kind; json parse error: json: cannot unmarshal ${Array.isArray(document) ? 'array' : typeof document} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`, body);
  }
  return document;
}

export async function parseYaml(body: Buffer, kind: string): Promise<JsonObject> {
  const { parse } = await import('yaml');
  let document: unknown;
  try {
    // Aliases are bounded, or a few lines could ask for all memory.
    document = parse(body.toString('utf8'), { maxAliasCount: 100 });
  } catch (error) {
    throw unrecognized(kind, `error converting YAML to JSON: yaml: ${(error as Error).message}`, body);
  }
  if (!isObject(document)) throw unrecognized(kind, "couldn't get version/kind; json parse error: json: cannot unmarshal into an object", body);
  return document;
}

function unrecognized(kind: string, why: string, body: Buffer): StatusError {
  const shown = body.subarray(0, 30).toString('hex');
  return badRequest(`the object provided is unrecognized (must be of type ${kind}): ${why} (${shown}${body.length > 30 ? ' ...' : ''})`);
}

export interface DecodeOptions extends ConformOptions {
  validation: FieldValidation;
  warn(text: string): void;
}

/** Brings a document (changed in place) into the form of the served kind; refuses what is of another kind or badly typed. */
export function decodeObject(served: Served, document: JsonObject, options: DecodeOptions): KubeObject {
  const { kind } = served.resource;
  const given = document.kind;
  const apiVersion = document.apiVersion;
  if (given === undefined || given === '') {
    if (!served.type) throw unrecognizedKind(kind, 'Kind', document);
    document.kind = kind;
  }
  if (apiVersion === undefined || apiVersion === '') {
    if (!served.type) throw unrecognizedKind(kind, 'apiVersion', document);
    document.apiVersion = served.apiVersion;
  }
  if (document.kind !== kind || document.apiVersion !== served.apiVersion) throw wrongKind(served, document);
  conformAs(served.type, document, options, kind);
  if (document.metadata === undefined) document.metadata = {};
  else if (!isObject(document.metadata)) throw badRequest(`${kind} in version ${JSON.stringify(served.resource.version)} cannot be handled as a ${kind}: metadata must be an object`);
  return document as unknown as KubeObject;
}

/** A body of some other kind than its path's resource (Binding, Scale, DeleteOptions, BuildRequest); kept as it is where no schema is known. */
export function decodeOther(apiVersion: string, kind: string, document: JsonObject, options: DecodeOptions): KubeObject {
  document.kind ??= kind;
  document.apiVersion ??= apiVersion;
  const type = typeOfKind(String(document.apiVersion), String(document.kind));
  conformAs(type, document, options, String(document.kind));
  document.metadata ??= {};
  return document as unknown as KubeObject;
}

function conformAs(type: ObjectType | undefined, document: JsonObject, { validation, warn, defaults }: DecodeOptions, target: string): void {
  if (!type) return;
  const [, version] = splitApiVersion(String(document.apiVersion));
  const refuse = (why: string) => badRequest(`${String(document.kind)} in version ${JSON.stringify(version)} cannot be handled as a ${target}: ${why}`);
  let unknown: string[];
  try {
    unknown = conform(type, document, defaults === false ? { defaults } : undefined);
  } catch (error) {
    if (error instanceof DecodeError) throw refuse(error.message);
    throw error;
  }
  if (unknown.length === 0 || validation === 'Ignore') return;
  const texts = unknown.map((path) => `unknown field ${JSON.stringify(path)}`);
  if (validation === 'Strict') throw refuse(`strict decoding error: ${texts.join(', ')}`);
  for (const text of texts) warn(text);
}

function unrecognizedKind(kind: string, missing: string, document: JsonObject): StatusError {
  return unrecognized(kind, `Object '${missing}' is missing in '${JSON.stringify(document)}'`, Buffer.from(JSON.stringify(document)));
}

function wrongKind(served: Served, document: JsonObject): StatusError {
  const { kind, group } = served.resource;
  const givenVersion = splitApiVersion(String(document.apiVersion));
  if (document.kind === kind) {
    return badRequest(`the API version in the data (${String(document.apiVersion)}) does not match the expected API version (${served.apiVersion})`);
  }
  return badRequest(`${String(document.kind)} in version ${JSON.stringify(givenVersion[1])} cannot be handled as a ${kind}: converting (${givenVersion[1]}.${String(document.kind)}) to (${group.split('.')[0] || 'core'}.${kind}): unknown conversion`);
}
