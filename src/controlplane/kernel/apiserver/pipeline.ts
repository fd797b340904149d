/**
 * The path of every request:
 *
 *   authenticate → authorize → route → decode → [ default → admit → validate → store ] → encode
 *                                               └──────── verbs/, write/ ────────┘
 *
 * HTTP requests (http/serve.ts) and in-process calls (in-process-client.ts) both end in `perform`; the first bring bytes and want bytes,
 * the second bring objects and want objects.
 */
import { isObject, type JsonObject } from '../../../api/json.ts';
import { badRequest, invalid, methodNotAllowed, required } from '../../../api/status.ts';
import { pageNotFound, type Answer } from './answer.ts';
import { authorize } from './authorize.ts';
import { Call, type FieldValidation } from './call.ts';
import type { Core } from './core.ts';
import { decodeObject, decodeOther, mediaTypeOf, parseBody, parseYaml, protobufType } from './decode.ts';
import type { UserInfo } from './kind.ts';
import type { ApiRequest } from './request.ts';
import { attributesOf, isTrue, routeOf, type PathRequest, type ResourceRequest } from './route.ts';
import { connect } from './verbs/connect.ts';
import { create } from './verbs/create.ts';
import { deleteCollection } from './verbs/delete-collection.ts';
import { remove } from './verbs/delete.ts';
import { get } from './verbs/get.ts';
import { list } from './verbs/list.ts';
import { patch, patchTypeOf } from './verbs/patch.ts';
import { readScale, writeScale } from './verbs/scale.ts';
import { subresourceOf } from './verbs/subresource.ts';
import { update } from './verbs/update.ts';
import { watch } from './verbs/watch.ts';
import type { RemovalOptions } from './write/removal.ts';

/** Documents beside the resources: discovery, OpenAPI, health, metrics. */
export type PathHandler = (request: ApiRequest, path: string) => Answer | Promise<Answer | undefined> | undefined;

export interface Pipeline {
  readonly core: Core;
  readonly paths: PathHandler;
}


export async function serve(pipeline: Pipeline, user: UserInfo, request: ApiRequest): Promise<{ answer: Answer; call?: Call }> {
  const target = routeOf(request.method, request.path, request.query);
  if (!isOpen(pipeline.core, target)) await authorize(pipeline.core.authorize, user, attributesOf(target));
  if (target.type === 'path') return { answer: await answerPath(pipeline, request, target) };
  const call = callFor(pipeline.core, user, target, request);
  // A group or version on its own is discovery, which reads like a path to a resource.
  if (!call) return { answer: await answerPath(pipeline, request, { type: 'path', path: request.path, verb: target.verb }) };
  return { answer: await perform(pipeline.core, call, request), call };
}

async function answerPath({ paths }: Pipeline, request: ApiRequest, { path }: PathRequest): Promise<Answer> {
  return (await paths(request, path)) ?? pageNotFound();
}

/** True for a path below a subresource that asks for no credentials. */
function isOpen(core: Core, target: ResourceRequest | PathRequest): boolean {
  const [first] = target.type === 'resource' ? target.rest : [];
  if (target.type === 'path' || first === undefined) return false;
  return core.kinds.find(target.apiVersion, target.resource)?.subresources.get(first)?.type === 'open';
}

/** Undefined for a resource that is not served. */
export function callFor(core: Core, user: UserInfo, target: ResourceRequest, request: Pick<ApiRequest, 'query' | 'signal' | 'userAgent'>): Call | undefined {
  const served = core.kinds.find(target.apiVersion, target.resource);
  if (!served || (!served.resource.namespaced && target.namespace && target.resource !== 'namespaces')) return undefined;
  const open = isOpen(core, target);
  const subresource = open ? target.rest[0] : target.subresource;
  if (subresource !== undefined && !served.subresources.has(subresource)) return undefined;
  const { query } = request;
  // The namespace object's own path carries its name in the namespace's place.
  const isNamespace = target.resource === 'namespaces' && !served.resource.namespaced;
  return new Call({
    user,
    served,
    verb: target.verb,
    namespace: isNamespace ? undefined : target.namespace,
    name: target.name,
    subresource,
    ...(open && { tail: target.rest.slice(1) }),
    query,
    dryRun: dryRunOf(query),
    now: core.clock.now(),
    manager: query.get('fieldManager') ?? managerOf(request.userAgent, target.verb),
    fieldValidation: fieldValidationOf(query),
    signal: request.signal,
  });
}

/** The verb's work, from the request's bytes. */
async function perform(core: Core, call: Call, request: ApiRequest): Promise<Answer> {
  const { served } = call;
  const part = subresourceOf(call);
  if (part && part.type !== 'fields' && part.type !== 'scale') return connect(call, part, request);
  if (part && call.name === undefined) throw methodNotAllowed();
  const options = { validation: call.fieldValidation, warn: (text: string) => call.warn(text) };
  switch (call.verb) {
    case 'get':
      if (isTrue(call.query.get('watch')) && !part) return watch(call);
      if (part?.type === 'scale') return { type: 'object', code: 200, served, object: readScale(core, call) };
      return get(core, call);
    case 'list':
      return list(core, call);
    case 'watch':
      return watch(call);
    case 'create':
      if (call.name !== undefined) throw methodNotAllowed();
      return create(core, call, decodeObject(served, await documentOf(request, served.resource.kind), options));
    case 'update': {
      if (call.name === undefined) throw methodNotAllowed();
      const document = await documentOf(request, part?.type === 'scale' ? 'Scale' : served.resource.kind);
      if (part?.type !== 'scale') return update(core, call, decodeObject(served, document, options));
      const scale = decodeOther('autoscaling/v1', 'Scale', document, options);
      return writeScale(core, call, () => scale as unknown as JsonObject);
    }
    case 'patch': {
      if (call.name === undefined) throw methodNotAllowed();
      const type = patchTypeOf(served, mediaTypeOf(request.header('content-type')));
      if (type === 'apply' && !call.query.get('fieldManager')) {
        throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [required('fieldManager', 'is required for apply patch')]);
      }
      const body = await request.body();
      return patch(core, call, { type, patch: type === 'apply' ? await parseYaml(body, served.resource.kind) : parsePatch(body), force: isTrue(call.query.get('force')) });
    }
    case 'delete':
    case 'deletecollection': {
      const removal = await removalOf(request, call);
      return call.verb === 'delete' ? remove(core, removal.call, removal.options) : deleteCollection(core, removal.call, removal.options);
    }
    default:
      throw methodNotAllowed();
  }
}

async function documentOf(request: ApiRequest, kind: string): Promise<JsonObject> {
  return parseBody(await request.body(), mediaTypeOf(request.header('content-type')), kind);
}

function parsePatch(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw badRequest(`error decoding patch: ${(error as Error).message}`);
  }
}

/** DeleteOptions come as a body of any encoding, or as query parameters. */
async function removalOf(request: ApiRequest, call: Call): Promise<{ call: Call; options: RemovalOptions }> {
  const { query } = call;
  const body = await request.body();
  const mediaType = mediaTypeOf(request.header('content-type'));
  const document: JsonObject = body.length > 0 ? await parseBody(body, mediaType, 'DeleteOptions') : {};
  if (body.length > 0 && mediaType !== protobufType && document.kind !== undefined && document.kind !== 'DeleteOptions') {
    throw badRequest(`${String(document.kind)} in version ${JSON.stringify(document.apiVersion ?? '')} cannot be handled as a DeleteOptions`);
  }
  const preconditions = isObject(document.preconditions) ? document.preconditions : {};
  const grace = document.gracePeriodSeconds ?? numberOf(query.get('gracePeriodSeconds'));
  const orphan = document.orphanDependents ?? (query.has('orphanDependents') ? isTrue(query.get('orphanDependents')) : undefined);
  const options: RemovalOptions = {
    ...(typeof grace === 'number' && { gracePeriodSeconds: grace }),
    propagationPolicy: textOf(document.propagationPolicy) ?? query.get('propagationPolicy') ?? (orphan === undefined ? undefined : orphan ? 'Orphan' : 'Background'),
    uid: textOf(preconditions.uid),
    resourceVersion: textOf(preconditions.resourceVersion),
  };
  const dryRun = Array.isArray(document.dryRun) && document.dryRun.length > 0;
  return { call: dryRun && !call.dryRun ? call.with({ dryRun: true }) : call, options };
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

function numberOf(text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  const value = Number(text);
  if (!Number.isInteger(value)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return value;
}

function dryRunOf(query: URLSearchParams): boolean {
  if (query.size === 0) return false;
  const asked = query.get('dryRun');
  if (!asked) return false;
  if (asked !== 'All') throw badRequest(`Invalid value: ${JSON.stringify(asked)}: supported values: "All"`);
  return true;
}

function fieldValidationOf(query: URLSearchParams): FieldValidation {
  const asked = query.size === 0 ? null : query.get('fieldValidation');
  if (!asked) return 'Warn';
  if (asked !== 'Strict' && asked !== 'Warn' && asked !== 'Ignore') {
    throw invalid({ group: 'meta.k8s.io', kind: 'CreateOptions' }, '', [
      { reason: 'FieldValueNotSupported', field: 'fieldValidation', message: `Unsupported value: ${JSON.stringify(asked)}: supported values: "", "Ignore", "Strict", "Warn"` },
    ]);
  }
  return asked;
}

/** `kubectl/v1.32.4 (linux/amd64)…` → `kubectl`. Nothing is noted for reads. */
function managerOf(userAgent: string | undefined, verb: string): string {
  if (verb === 'get' || verb === 'list' || verb === 'watch') return '';
  return (userAgent ?? 'unknown').split('/')[0]?.slice(0, 128) ?? 'unknown';
}
