/** The Docker Engine API over its own connection: JSON calls, streams, and connections that are taken over (`attach`, `exec`). Docker and Podman answer it. */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { apiNumber, askEngine, engineConnection, oldestApi } from '../../../detect/engine.ts';
import type { EngineAddress } from '../../../detect/engine-address.ts';

/** The engine refused a call. */
export class EngineError extends Error {
  /** HTTP status; 0: the engine cannot be reached. */
  readonly status: number;
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EngineError';
    this.status = status;
  }
}

export const isEngineError = (error: unknown, ...statuses: number[]): error is EngineError => error instanceof EngineError && (statuses.length === 0 || statuses.includes(error.status));

export type Query = Record<string, string | number | boolean | undefined>;

export interface CallOptions {
  query?: Query;
  body?: unknown;
  /** Milliseconds until an answer begins; default 60 s. */
  timeout?: number;
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

export interface EngineClient {
  readonly name: 'docker' | 'podman';
  readonly version: string;
  /** The parsed answer; undefined for an empty one. */
  call<T>(method: string, path: string, options?: CallOptions): Promise<T>;
  /** The answer as it comes. Destroying it ends the call. */
  stream(method: string, path: string, options?: CallOptions): Promise<IncomingMessage>;
  /** Sends `content` as the request's body; resolves with the answer's text. */
  upload(path: string, content: AsyncIterable<Uint8Array>, options?: CallOptions & { type?: string }): Promise<string>;
  /** The connection itself after the engine's `101`. */
  hijack(path: string, options?: CallOptions): Promise<Duplex>;
  close(): void;
}

const answerLimit = 60_000;
/** Most of an answer that is kept; lists of containers are far below. */
const longestAnswer = 64 << 20;

/** Rejects with `EngineError` if no engine answers there or it is too old. */
export async function engineClient(address: EngineAddress): Promise<EngineClient> {
  const answer = await askEngine(address);
  if (!answer.ok) throw new EngineError(0, `${address.source} at ${address.url}: ${answer.message}`);
  if (apiNumber(answer.apiVersion) < apiNumber(oldestApi)) throw new EngineError(0, `${answer.name} ${answer.version} speaks version ${answer.apiVersion} of the API, ${oldestApi} is needed`);
  // The oldest that both speak: an answer's form never changes under us with an upgrade of the engine.
  const version = apiNumber(answer.minApiVersion) > apiNumber(oldestApi) ? answer.minApiVersion : oldestApi;
  return new HttpEngineClient(address, answer.name, answer.version, `/v${version}`);
}

class HttpEngineClient implements EngineClient {
  readonly name: 'docker' | 'podman';
  readonly version: string;
  readonly #options: RequestOptions;
  readonly #secure: boolean;
  readonly #prefix: string;
  readonly #agent: HttpAgent;

  constructor(address: EngineAddress, name: 'docker' | 'podman', version: string, prefix: string) {
    const { secure, ...options } = engineConnection(address);
    this.name = name;
    this.version = version;
    this.#prefix = prefix;
    this.#options = options;
    this.#secure = secure;
    this.#agent = secure ? new HttpsAgent({ keepAlive: true, maxFreeSockets: 4 }) : new HttpAgent({ keepAlive: true, maxFreeSockets: 4 });
  }

  async call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    const text = await readText(await this.stream(method, path, options));
    return (text.trim() === '' ? undefined : JSON.parse(text)) as T;
  }

  async stream(method: string, path: string, options: CallOptions = {}): Promise<IncomingMessage> {
    const body = options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body));
    const response = await this.#send(method, path, options, { ...(body && { 'content-type': 'application/json', 'content-length': body.length }) }, body);
    return checked(response);
  }

  async upload(path: string, content: AsyncIterable<Uint8Array>, options: CallOptions & { type?: string } = {}): Promise<string> {
    const response = await this.#send('POST', path, { timeout: 30 * 60_000, ...options }, { 'content-type': options.type ?? 'application/x-tar' }, content);
    return readText(await checked(response));
  }

  hijack(path: string, options: CallOptions = {}): Promise<Duplex> {
    const body = options.body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(options.body));
    return new Promise((resolve, reject) => {
      const asking = (this.#secure ? httpsRequest : httpRequest)({
        ...this.#options, agent: false, method: 'POST', path: this.#path(path, options.query), timeout: options.timeout ?? answerLimit,
        headers: { host: 'engine', connection: 'Upgrade', upgrade: 'tcp', 'content-type': 'application/json', 'content-length': body.length },
      });
      asking.once('upgrade', (_response, socket, head) => {
        socket.setTimeout(0);
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
      });
      asking.once('response', (response) => void checked(response).then(() => reject(new EngineError(response.statusCode ?? 0, 'the engine did not hand over the connection')), reject));
      asking.once('timeout', () => asking.destroy(new Error('no answer')));
      asking.once('error', (error) => reject(unreachable(error)));
      asking.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #path(path: string, query: Query = {}): string {
    const given = Object.entries(query).filter(([, value]) => value !== undefined).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`);
    return `${this.#prefix}${path}${given.length > 0 ? `?${given.join('&')}` : ''}`;
  }

  #send(method: string, path: string, { query, timeout = answerLimit, signal, headers: more }: CallOptions, headers: Record<string, string | number>, body: Buffer | AsyncIterable<Uint8Array> | undefined): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const asking = (this.#secure ? httpsRequest : httpRequest)({
        ...this.#options, agent: this.#agent, method, path: this.#path(path, query), headers: { host: 'engine', ...headers, ...more }, ...(signal && { signal }),
      });
      const late = setTimeout(() => asking.destroy(new Error(`no answer to ${method} ${path} within ${timeout / 1000} seconds`)), timeout);
      asking.once('response', (response) => {
        clearTimeout(late);
        resolve(response);
      });
      asking.once('error', (error) => {
        clearTimeout(late);
        reject(unreachable(error));
      });
      if (body === undefined || Buffer.isBuffer(body)) asking.end(body);
      // A refusal may come in the middle: then the answer tells more than the broken pipe.
      else pipeline(body, asking).catch((error: Error) => setTimeout(() => asking.destroy(error), 1000));
    });
  }
}

function unreachable(cause: Error): EngineError {
  return cause instanceof EngineError ? cause : new EngineError(0, `the container engine does not answer: ${cause.message}`, { cause });
}

async function checked(response: IncomingMessage): Promise<IncomingMessage> {
  const status = response.statusCode ?? 0;
  if (status < 400) return response;
  const text = await readText(response);
  let message = text.trim();
  try {
    message = (JSON.parse(text) as { message?: string }).message ?? message;
  } catch {
    // Said in plain text.
  }
  // Podman says so in the middle of a removal.
  const gone = status === 500 && /no such (?:container|image|network|volume)/i.test(message);
  throw new EngineError(gone ? 404 : status, message || `the engine answered ${status}`);
}

async function readText(stream: Readable): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of stream) {
      const bytes = part as Buffer;
      size += bytes.length;
      if (size > longestAnswer) throw new Error('the answer is too long');
      parts.push(bytes);
    }
  } catch (error) {
    throw unreachable(error as Error);
  }
  return Buffer.concat(parts).toString('utf8');
}
