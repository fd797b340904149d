/** The client over HTTPS (or TLS on a unix socket), for our control plane and any other Kubernetes API. */
import type { Readable } from 'node:stream';
import axios, { isAxiosError, type AxiosRequestConfig, type AxiosResponse } from 'axios';
import type { KubeList, KubeObject, WatchEvent } from '../api/meta.ts';
import { apiVersionOf, resourcePath, type Resource } from '../api/resource.ts';
import { StatusError, type Status } from '../api/status.ts';
import type { Disposable } from '../base/disposable.ts';
import { ConnectionError, type Client, type ListOptions, type PatchType, type Watch, type WatchOptions } from './client.ts';
import { jsonLines } from './json-lines.ts';
import { transport, type Transport, type TransportOptions } from './transport.ts';

export type HttpClientOptions = TransportOptions;

/** Longest wait for the answer to a request that is not a watch or an upload. */
const requestTimeout = 60_000;

const patchTypes: Record<PatchType, string> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

export function httpClient(options: HttpClientOptions): Client & Disposable {
  return clientOver(transport(options));
}

/** A client that shares its transport with streams. */
export function clientOver(over: Transport): Client & Disposable {
  const call = async <R>(config: AxiosRequestConfig): Promise<R> => (await send(over, config)) as R;
  return {
    async get(of, at) {
      return call({ method: 'GET', url: resourcePath(of, at) });
    },
    async list<T extends KubeObject>(of: Resource<T>, options: ListOptions = {}) {
      const { namespace, signal, ...query } = options;
      const list = await call<KubeList<T>>({ method: 'GET', url: resourcePath(of, { namespace }), params: query, ...(signal && { signal }) });
      return { ...list, items: (list.items ?? []).map((item) => typed(of, item)) };
    },
    watch: (of, options) => openWatch(over, of, options ?? {}),
    async create<T extends KubeObject, R = T>(of: Resource<T>, object: KubeObject, at: Parameters<Client['create']>[2] = {}) {
      const where = { namespace: at.namespace ?? object.metadata?.namespace, name: at.name, subresource: at.subresource };
      return call<R>({ method: 'POST', url: resourcePath(of, where), data: object, params: at.dryRun ? { dryRun: 'All' } : {} });
    },
    async update(of, object, at = {}) {
      const where = { namespace: at.namespace ?? object.metadata.namespace, name: at.name ?? object.metadata.name, subresource: at.subresource };
      return call({ method: 'PUT', url: resourcePath(of, where), data: object });
    },
    async patch(of, at, type, patch, options = {}) {
      const params = { ...(type === 'apply' && { fieldManager: 'slipway' }), ...options };
      return call({ method: 'PATCH', url: resourcePath(of, at), data: patch, params, headers: { 'Content-Type': patchTypes[type] } });
    },
    async delete(of, at, options = {}) {
      const body = Object.keys(options).length > 0 ? { data: { apiVersion: 'v1', kind: 'DeleteOptions', ...options } } : {};
      await call({ method: 'DELETE', url: resourcePath(of, at), ...body });
    },
    raw: (method, path, body, accept = 'application/json, */*') => call({ method, url: path, ...(body !== undefined && { data: body }), headers: { Accept: accept } }),
    dispose: () => over.dispose(),
  };
}

/** A text that comes bit by bit (logs). Rejects as every call does; destroying the stream ends the request. */
export async function openText(over: Transport, path: string, params: Record<string, unknown>, signal?: AbortSignal): Promise<Readable> {
  const headers = { Accept: 'text/plain, */*' };
  return (await exchange(over, { method: 'GET', url: path, params, responseType: 'stream', headers, ...(signal && { signal }) })).data as Readable;
}

/** One request; its parsed answer, or the error it stands for. */
async function send(over: Transport, config: AxiosRequestConfig): Promise<unknown> {
  const response = await exchange(over, { responseType: 'text', ...config });
  return parsed(response.headers['content-type'], String(response.data ?? ''));
}

async function exchange(over: Transport, config: AxiosRequestConfig): Promise<AxiosResponse<unknown>> {
  const streamed = isStream(config.data);
  for (let attempt = 1; ; attempt++) {
    const { requests, streams, headers } = await over.open();
    const agent = config.responseType === 'stream' ? streams : requests;
    let response: AxiosResponse<unknown>;
    try {
      response = await axios.request({
        timeout: streamed || config.responseType === 'stream' ? 0 : requestTimeout,
        ...config,
        url: over.url(config.url ?? '/'),
        ...encoded(config.data),
        headers: {
          Accept: 'application/json',
          'Accept-Encoding': over.local ? 'identity' : 'gzip',
          ...headers,
          ...(config.data !== undefined && { 'Content-Type': contentType(config.data) }),
          ...config.headers,
        },
        httpAgent: agent,
        httpsAgent: agent,
        // The agents know the way; what the environment says was considered when they were made.
        proxy: false,
        maxRedirects: 0,
        maxBodyLength: Infinity,
        maxContentLength: Infinity,
        validateStatus: () => true,
        transformRequest: (data: unknown) => data,
        transformResponse: (data: unknown) => data,
        paramsSerializer: { serialize: queryString },
      });
    } catch (error) {
      // A kept-alive connection that the server closed at the same moment: nothing was done, reading again is safe.
      if (attempt === 1 && config.method === 'GET' && reusedSocket(error)) continue;
      throw unreachable(over, error, config.signal as AbortSignal | undefined);
    }
    if (response.status < 400) return response;
    const text = config.responseType === 'stream' ? await textOf(response.data as Readable) : String(response.data ?? '');
    if (response.status === 401 && attempt === 1 && !streamed && over.refused()) continue;
    throw refusal(response.status, response.headers['content-type'], text);
  }
}

function openWatch<T extends KubeObject>(over: Transport, of: Resource<T>, options: WatchOptions): Watch<T> {
  const { namespace, signal, allowBookmarks, ...query } = options;
  const ended = new AbortController();
  const stop = () => ended.abort();
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });
  const response = exchange(over, {
    method: 'GET',
    url: resourcePath(of, { namespace }),
    params: { ...query, watch: true, ...(allowBookmarks && { allowWatchBookmarks: true }) },
    responseType: 'stream',
    signal: ended.signal,
  });
  response.catch(() => undefined);
  const opened = response.then(() => undefined);
  opened.catch(() => undefined);

  async function* events(): AsyncGenerator<WatchEvent<T>> {
    let body: Readable | undefined;
    try {
      body = (await response).data as Readable;
      for await (const line of jsonLines(body)) {
        if (ended.signal.aborted) return;
        const event = line as WatchEvent<T>;
        yield event.type === 'ERROR' ? event : { type: event.type, object: typed(of, event.object) };
      }
    } catch (error) {
      if (ended.signal.aborted) return;
      throw error instanceof StatusError || error instanceof ConnectionError ? error : unreachable(over, error);
    } finally {
      signal?.removeEventListener('abort', stop);
      body?.destroy();
      stop();
    }
  }
  const iterator = events();
  return {
    opened,
    [Symbol.asyncIterator]: () => iterator,
    dispose: () => {
      signal?.removeEventListener('abort', stop);
      stop();
    },
  };
}

/** Items of a list and, on some servers, events carry no type of their own. */
function typed<T extends KubeObject>(of: Resource<T>, object: T): T {
  return object.kind ? object : { ...object, apiVersion: apiVersionOf(of), kind: of.kind };
}

function parsed(type: unknown, text: string): unknown {
  if (text === '') return undefined;
  return String(type ?? '').includes('json') ? JSON.parse(text) : text;
}

const reasons: Record<number, string> = {
  400: 'BadRequest', 401: 'Unauthorized', 403: 'Forbidden', 404: 'NotFound', 405: 'MethodNotAllowed', 406: 'NotAcceptable', 409: 'Conflict', 410: 'Gone',
  413: 'RequestEntityTooLarge', 415: 'UnsupportedMediaType', 422: 'Invalid', 429: 'TooManyRequests', 500: 'InternalError', 503: 'ServiceUnavailable', 504: 'Timeout',
};

/** The `Status` a server answered with, or one made from a plain answer (a proxy in between, an unknown path). */
export function refusal(code: number, type: unknown, text: string): StatusError {
  if (String(type ?? '').includes('json')) {
    try {
      const body = JSON.parse(text) as Partial<Status>;
      if (body.kind === 'Status') return StatusError.from({ ...(body as Status), code: body.code ?? code, reason: body.reason ?? reasons[code] ?? 'Unknown' });
    } catch {
      // Not a Status after all: the text says more than a parse error would.
    }
  }
  return new StatusError(code, reasons[code] ?? 'Unknown', text.trim().slice(0, 1024) || `the server answered ${code}`);
}

function unreachable(over: Transport, error: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  const cause = isAxiosError(error) ? (error.cause ?? error) : error;
  const code = (error as { code?: string } | undefined)?.code;
  const message = code === 'ECONNABORTED' ? `no answer within ${requestTimeout / 1000} s` : cause instanceof Error && cause.message ? cause.message : (code ?? String(cause));
  return new ConnectionError(`cannot reach ${over.server.host}: ${message}`, { cause });
}

function reusedSocket(error: unknown): boolean {
  const { code, request } = error as { code?: string; request?: { reusedSocket?: boolean } };
  return request?.reusedSocket === true && (code === 'ECONNRESET' || code === 'EPIPE');
}

function isStream(data: unknown): data is Readable {
  return typeof (data as Readable | undefined)?.pipe === 'function';
}

function encoded(data: unknown): { data?: unknown } {
  if (data === undefined) return {};
  return { data: isStream(data) || data instanceof Uint8Array || typeof data === 'string' ? data : JSON.stringify(data) };
}

function contentType(data: unknown): string {
  return isStream(data) || data instanceof Uint8Array ? 'application/octet-stream' : 'application/json';
}

function queryString(params: Record<string, unknown>): string {
  return Object.entries(params)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
    .join('&');
}

async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk as Buffer));
  return Buffer.concat(chunks).toString();
}
