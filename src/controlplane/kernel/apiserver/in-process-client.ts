/** The `Client` of everything that runs in this process: the pipeline's verbs without bytes. Objects that come back are the store's own, frozen. */
import { Readable } from 'node:stream';
import { copyJson, type JsonObject } from '../../../api/json.ts';
import type { KubeList, KubeObject, WatchEvent } from '../../../api/meta.ts';
import type { Resource } from '../../../api/resource.ts';
import { StatusError } from '../../../api/status.ts';
import type { Client, CreateAt, DeleteOptions, ListOptions, ObjectAt, Watch, WatchOptions } from '../../../client/client.ts';
import type { Answer } from './answer.ts';
import { authorize } from './authorize.ts';
import { Call } from './call.ts';
import { decodeObject } from './decode.ts';
import { documentOf, encode } from './encode/encode.ts';
import { negotiate } from './encode/negotiate.ts';
import { includeOf } from './encode/table.ts';
import type { UserInfo } from './kind.ts';
import { serve, type Pipeline } from './pipeline.ts';
import { connect } from './verbs/connect.ts';
import { create } from './verbs/create.ts';
import { remove } from './verbs/delete.ts';
import { get } from './verbs/get.ts';
import { list } from './verbs/list.ts';
import { patch } from './verbs/patch.ts';
import { readScale, writeScale } from './verbs/scale.ts';
import { subresourceOf } from './verbs/subresource.ts';
import { update } from './verbs/update.ts';
import { watch } from './verbs/watch.ts';
import { eventQueue } from './watch/event-queue.ts';

interface At {
  namespace?: string | undefined;
  name?: string | undefined;
  subresource?: string | undefined;
}

export function inProcessClient(pipeline: Pipeline, user: UserInfo, manager: string): Client {
  const { core } = pipeline;

  async function begin(of: Resource, verb: string, at: At, query?: URLSearchParams, more?: { dryRun?: boolean; manager?: string; signal?: AbortSignal }): Promise<Call> {
    const served = core.kinds.of(of);
    const { group, version, plural, namespaced } = of;
    const namespace = namespaced ? at.namespace : undefined;
    await authorize(core.authorize, user, { verb, group, version, resource: plural, subresource: at.subresource, namespace, name: at.name });
    if (!served || (at.subresource !== undefined && !served.subresources.has(at.subresource))) throw new StatusError(404, 'NotFound', 'the server could not find the requested resource');
    return new Call({ user, served, verb, namespace, name: at.name, subresource: at.subresource, now: core.clock.now(), manager, ...(query && { query }), ...more });
  }

  const decode = (call: Call, object: KubeObject) => decodeObject(call.served, copyJson(object) as unknown as JsonObject, { validation: 'Ignore', warn: () => undefined });

  async function perform(of: Resource, verb: 'create' | 'update', at: At, object: KubeObject, dryRun = false): Promise<Answer> {
    const call = await begin(of, verb, at, undefined, { dryRun });
    const part = subresourceOf(call);
    if (part && part.type !== 'fields') {
      const scale = copyJson(object) as unknown as JsonObject;
      if (part.type === 'scale') return writeScale(core, call, () => scale);
      const method = verb === 'create' ? 'POST' : 'PUT';
      const body = Buffer.from(JSON.stringify(object));
      return connect(call, part, { method, header: () => 'application/json', body: () => Promise.resolve(body), stream: Readable.from([body]) });
    }
    return verb === 'create' ? create(core, call, decode(call, object)) : update(core, call, decode(call, object));
  }

  const client: Client = {
    async get<T extends KubeObject>(of: Resource<T>, at: ObjectAt): Promise<T> {
      const call = await begin(of, 'get', at);
      const part = subresourceOf(call);
      if (part?.type === 'scale') return readScale(core, call) as KubeObject as T;
      if (part && part.type !== 'fields') {
        return unwrap<T>(await connect(call, part, { method: 'GET', header: () => undefined, body: () => Promise.resolve(Buffer.alloc(0)), stream: Readable.from([]) }));
      }
      return unwrap<T>(await get(core, call));
    },

    async list<T extends KubeObject>(of: Resource<T>, options: ListOptions = {}): Promise<KubeList<T>> {
      return unwrap<KubeList<T>>(await list(core, await begin(of, 'list', options, queryOf(options))));
    },

    watch<T extends KubeObject>(of: Resource<T>, options: WatchOptions = {}): Watch<T> {
      const queue = eventQueue();
      const query = queryOf(options);
      if (options.allowBookmarks) query.set('allowWatchBookmarks', 'true');
      const gone = new AbortController();
      const stop = () => {
        gone.abort();
        queue.end();
      };
      options.signal?.addEventListener('abort', stop, { once: true });
      if (options.signal?.aborted) stop();
      begin(of, 'watch', options, query, { signal: gone.signal }).then(
        (call) => {
          const answer = watch(call);
          if (answer.type === 'watch' && !gone.signal.aborted) queue.own(core.hub.open(answer.plan, queue.form(call.served), queue.sink));
        },
      ).catch((error: unknown) => queue.fail(error));
      return {
        [Symbol.asyncIterator]: () => queue.iterate() as AsyncIterator<WatchEvent<T>>,
        dispose() {
          options.signal?.removeEventListener('abort', stop);
          stop();
        },
      };
    },

    async create<T extends KubeObject, R = T>(of: Resource<T>, object: KubeObject, at: CreateAt = {}): Promise<R> {
      return unwrap<R>(await perform(of, 'create', { ...at, namespace: at.namespace ?? object.metadata.namespace }, object, at.dryRun));
    },

    async update<T extends KubeObject>(of: Resource<T>, object: KubeObject, at: Partial<ObjectAt> = {}): Promise<T> {
      return unwrap<T>(await perform(of, 'update', { namespace: at.namespace ?? object.metadata.namespace, name: at.name ?? object.metadata.name, subresource: at.subresource }, object));
    },

    async patch<T extends KubeObject>(of: Resource<T>, at: ObjectAt, type: Parameters<Client['patch']>[2], body: unknown, options: { fieldManager?: string; force?: boolean } = {}): Promise<T> {
      const call = await begin(of, 'patch', at, undefined, options.fieldManager ? { manager: options.fieldManager } : {});
      return unwrap<T>(await patch(core, call, { type, patch: copyJson(body), ...(options.force !== undefined && { force: options.force }) }));
    },

    async delete<T extends KubeObject>(of: Resource<T>, at: ObjectAt, options: DeleteOptions = {}): Promise<void> {
      const { preconditions, ...rest } = options;
      await remove(core, await begin(of, 'delete', at), { ...rest, uid: preconditions?.uid, resourceVersion: preconditions?.resourceVersion });
    },

    async raw(method, path, body, accept) {
      const mark = path.indexOf('?');
      const query = new URLSearchParams(mark < 0 ? '' : path.slice(mark + 1));
      const stream = body instanceof Readable ? body : Readable.from(body === undefined ? [] : [bytesOf(body)]);
      const headers: Record<string, string | undefined> = { accept, 'content-type': body instanceof Readable || body instanceof Uint8Array ? 'application/octet-stream' : 'application/json' };
      const { answer } = await serve(pipeline, user, {
        method,
        path: mark < 0 ? path : path.slice(0, mark),
        query,
        header: (name) => headers[name],
        body: () => (body instanceof Readable ? collect(body) : Promise.resolve(bytesOf(body))),
        stream,
        signal: new AbortController().signal,
        userAgent: manager,
      });
      return rawOf(answer, path, accept, { include: includeOf(query), now: core.clock.now() });
    },
  };
  return client;
}

function unwrap<R>(answer: Answer): R {
  if (answer.type === 'entry' || answer.type === 'object' || answer.type === 'page' || answer.type === 'list') return documentOf(answer) as R;
  throw new StatusError(406, 'NotAcceptable', 'the answer is no object');
}

function bytesOf(body: unknown): Buffer {
  if (body === undefined) return Buffer.alloc(0);
  return body instanceof Uint8Array ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
}

async function collect(readable: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of readable) chunks.push(Buffer.from(chunk as Buffer | string));
  return Buffer.concat(chunks);
}

async function rawOf(answer: Answer, path: string, accept: string | undefined, options: Parameters<typeof encode>[2]): Promise<unknown> {
  switch (answer.type) {
    case 'text':
      return (await collect(answer.readable)).toString('utf8');
    case 'document': {
      if (answer.code === 404) throw new StatusError(404, 'NotFound', `the server could not find the requested resource ${path}`);
      return parsed(answer.contentType, answer.body.toString());
    }
    case 'watch':
      throw new StatusError(406, 'NotAcceptable', 'a watch is no single answer: use watch()');
    default: {
      if (accept === undefined) return documentOf(answer);
      const negotiated = negotiate(accept);
      if (!negotiated) throw new StatusError(406, 'NotAcceptable', `no form of the answer is acceptable: ${accept}`);
      const { contentType, body } = await encode(answer, negotiated, options);
      return parsed(contentType, body.toString());
    }
  }
}

const parsed = (contentType: string, text: string): unknown => (contentType.startsWith('application/json') ? (JSON.parse(text) as unknown) : text);

function queryOf(options: ListOptions): URLSearchParams {
  const query = new URLSearchParams();
  if (options.labelSelector) query.set('labelSelector', options.labelSelector);
  if (options.fieldSelector) query.set('fieldSelector', options.fieldSelector);
  if (options.limit) query.set('limit', String(options.limit));
  if (options.continue) query.set('continue', options.continue);
  if (options.resourceVersion) query.set('resourceVersion', options.resourceVersion);
  return query;
}
