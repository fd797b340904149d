/** HTTP on one side, the pipeline on the other: reads what a request says, writes what the pipeline answers. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { internalError, StatusError } from '../../../../api/status.ts';
import { plainText, type Answer } from '../answer.ts';
import type { Authenticate } from '../authenticate.ts';
import type { Call } from '../call.ts';
import { encode } from '../encode/encode.ts';
import { lineForm } from '../encode/forms.ts';
import { negotiate, takesGzip, type Negotiated } from '../encode/negotiate.ts';
import { includeOf } from '../encode/table.ts';
import type { Metrics } from '../paths/metrics.ts';
import { serve, type Pipeline } from '../pipeline.ts';
import type { ApiRequest } from '../request.ts';
import { readBody } from './body.ts';
import { serveWatch } from './http-watch.ts';
import type { RequestSink } from './request-log.ts';

const compress = promisify(gzip);
/** As in the real server: smaller answers are not worth compressing. */
const gzipFrom = 128 * 1024;

export interface HttpOptions {
  pipeline: Pipeline;
  authenticate: Authenticate;
  metrics: Metrics;
  requests: RequestSink | undefined;
  /** How a path is shown in logs. */
  shown(url: string): string;
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export function httpHandler(options: HttpOptions): Handler {
  return (request, response) => {
    void handle(options, request, response);
  };
}

export class HttpRequest implements ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly #message: IncomingMessage;
  readonly #gone: AbortController | undefined;

  /** `gone` belongs to whoever knows when the client leaves. */
  constructor(message: IncomingMessage, gone?: AbortController) {
    const url = message.url ?? '/';
    const mark = url.indexOf('?');
    this.method = message.method ?? 'GET';
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.query = mark < 0 ? noQuery : new URLSearchParams(url.slice(mark + 1));
    this.#message = message;
    this.#gone = gone;
  }

  header(name: string): string | undefined {
    const value = this.#message.headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  body(): Promise<Buffer> {
    return readBody(this.#message);
  }

  get stream(): IncomingMessage {
    return this.#message;
  }

  get signal(): AbortSignal {
    return this.#gone?.signal ?? never;
  }

  get userAgent(): string | undefined {
    return this.#message.headers['user-agent'];
  }
}

const noQuery = new URLSearchParams();
const never = new AbortController().signal;
/** One for all: a reason of its own for each request would take its stack. */
const over = new DOMException('the request is over', 'AbortError');

async function handle(options: HttpOptions, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const began = performance.now();
  const gone = new AbortController();
  const request = new HttpRequest(message, gone);
  let user = '';
  response.once('close', () => {
    gone.abort(over);
    const milliseconds = performance.now() - began;
    options.metrics.count(request.method, response.statusCode);
    options.requests?.({
      time: new Date().toISOString(),
      method: request.method,
      path: options.shown(message.url ?? '/'),
      userAgent: request.userAgent ?? '',
      user,
      status: response.statusCode,
      milliseconds,
    });
  });
  const headers: Record<string, string> = { 'Audit-Id': randomUUID(), 'Cache-Control': 'no-cache, private' };
  const negotiated = negotiate(request.header('accept'));
  let call: Call | undefined;
  try {
    const who = await options.authenticate(message);
    user = who.username;
    const served = await serve(options.pipeline, who, request);
    call = served.call;
    await respond(options, request, response, served.answer, call, negotiated, headers);
  } catch (error) {
    if (response.headersSent || response.destroyed) {
      options.pipeline.core.log.warn('answer cut short', { path: options.shown(request.path), error });
      response.destroy();
      return;
    }
    const failure = error instanceof StatusError ? error : unexpected(options, request, error);
    const retry = failure.status.details?.retryAfterSeconds;
    if (retry !== undefined) headers['Retry-After'] = String(retry);
    // What is left of an unread body is not waited for.
    if (!message.complete) headers.Connection = 'close';
    send(response, failure.code, { ...headers, ...warningHeaders(call) }, 'application/json', `${JSON.stringify(failure.status)}\n`, request.method);
  }
}

function unexpected({ pipeline, shown }: HttpOptions, request: ApiRequest, error: unknown): StatusError {
  pipeline.core.log.error('request failed', { method: request.method, path: shown(request.path), error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  return internalError(error instanceof Error ? error.message : String(error));
}

async function respond(
  { pipeline }: HttpOptions, request: ApiRequest, response: ServerResponse, answer: Answer, call: Call | undefined, negotiated: Negotiated | undefined, headers: Record<string, string>,
): Promise<void> {
  const { core } = pipeline;
  switch (answer.type) {
    case 'document':
      await sendLarge(request, response, answer.code, { ...headers, ...answer.headers }, answer.contentType, answer.body);
      return;
    case 'text':
      response.writeHead(200, { ...headers, 'Content-Type': 'text/plain' });
      response.flushHeaders();
      answer.readable.once('error', () => response.destroy());
      response.once('close', () => answer.readable.destroy());
      answer.readable.pipe(response);
      return;
    case 'watch': {
      const form = lineForm({ served: answer.plan.served, negotiated: negotiated ?? { as: 'json', metaVersion: 'v1' }, include: includeOf(request.query), clock: core.clock });
      serveWatch(core.hub, core.clock, answer.plan, form, response, { ...headers, ...warningHeaders(call) });
      return;
    }
    default: {
      if (!negotiated) {
        const refusal = plainText(406, '406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf') as Extract<Answer, { type: 'document' }>;
        send(response, refusal.code, headers, refusal.contentType, refusal.body, request.method);
        return;
      }
      const { code, contentType, body } = await encode(answer, negotiated, { include: includeOf(request.query), now: core.clock.now() });
      await sendLarge(request, response, code, { ...headers, ...warningHeaders(call) }, contentType, body);
    }
  }
}

async function sendLarge(request: ApiRequest, response: ServerResponse, code: number, headers: Record<string, string | string[]>, contentType: string, body: Buffer | string): Promise<void> {
  if (body.length < gzipFrom || !takesGzip(request.header('accept-encoding'))) {
    send(response, code, headers, contentType, body, request.method);
    return;
  }
  const packed = await compress(body, { level: constants.Z_BEST_SPEED });
  send(response, code, { ...headers, 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding' }, contentType, packed, request.method);
}

function send(response: ServerResponse, code: number, headers: Record<string, string | string[]>, contentType: string, body: Buffer | string, method: string): void {
  response.writeHead(code, { ...headers, 'Content-Type': contentType, 'Content-Length': typeof body === 'string' ? Buffer.byteLength(body) : body.length });
  if (method === 'HEAD') response.end();
  else response.end(body);
}

/** RFC 7234 warnings, shown by clients as they are. */
function warningHeaders(call: Call | undefined): Record<string, string[]> {
  if (!call || call.warnings.length === 0) return {};
  const clean = (text: string) => text.replace(/[\\"]/g, '\\$&').replace(/[^\x20-\x7e]/g, '?');
  return { Warning: call.warnings.map((text) => `299 - "${clean(text)}"`) };
}
