/** One request to a registry: authorized when asked to, redirected, tried again within bounds, failures told as `RegistryError`. */
import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { delay, systemClock, type Clock } from '../base/clock.ts';
import { basicAuthorization, parseChallenges, type Challenge, type RegistryCredentials } from './registry-auth.ts';
import { RegistryAgent, type ConnectionOptions } from './registry-connection.ts';
import { problemOf, RegistryError } from './registry-error.ts';

export interface TransportOptions extends ConnectionOptions {
  /** `https://host[:port]`. Its host is what certificates are checked against, whatever carries the connection. */
  baseUrl: string;
  /** Connect to this unix socket instead; TLS and the Host header stay. */
  socketPath?: string;
  auth?: RegistryCredentials;
  /** Times to try in all when the way or the registry fails. Default 3, and 4 for content. */
  attempts?: number;
  clock?: Clock;
}

export interface RegistryRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path below the base URL, or a whole URL (of an upload). */
  url: string;
  headers?: Record<string, string>;
  /** Opened anew for each attempt. */
  body?: { length: number; open(): AsyncIterable<Uint8Array> };
  /** `repository:<path>:pull` or `…:pull,push`. */
  scope?: string;
  /** Statuses that are an answer, not a failure. Default: 2xx. */
  accept?: readonly number[];
  signal?: AbortSignal | undefined;
  /** Instead of the client's; 1 for what may not be repeated. */
  attempts?: number;
}

export interface RegistryResponse {
  status: number;
  headers: IncomingHttpHeaders;
  /** Must be read or destroyed. */
  body: IncomingMessage;
  /** Where the answer came from, after redirects. */
  url: URL;
}

const redirectLimit = 5;
const idleTimeout = 60_000;
const pauses = [500, 2_000, 5_000];
const longestRetryAfter = 30_000;
const errorBodyLimit = 64 * 1024;

export class RegistryTransport {
  readonly #options: TransportOptions;
  readonly #agent: RegistryAgent;
  readonly #clock: Clock;
  #base: URL;
  /** Authorization by scope; bounded by the scopes one client uses. */
  readonly #authorizations = new Map<string, string>();
  #answered = false;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#agent = new RegistryAgent(options);
    this.#clock = options.clock ?? systemClock;
    this.#base = new URL(options.baseUrl);
  }

  get host(): string {
    return this.#base.host;
  }

  get clock(): Clock {
    return this.#clock;
  }

  close(): void {
    this.#agent.destroy();
  }

  async send(asked: RegistryRequest): Promise<RegistryResponse> {
    const attempts = asked.attempts ?? this.#options.attempts ?? 3;
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#authorized(asked).catch((error: unknown) => {
        if (!this.#withoutTls(error)) return this.#failed(error, asked);
        return this.#authorized(asked).catch((again: unknown) => this.#failed(again, asked));
      });
      if (!(outcome instanceof RegistryError)) {
        const problem = await this.#check(outcome, asked);
        if (!problem) return outcome;
        if (attempt >= attempts || !isPassing(problem)) throw problem;
        await this.pause(attempt, asked.signal, outcome.headers['retry-after']);
      } else {
        if (attempt >= attempts || outcome.problem !== 'Unreachable') throw outcome;
        await this.pause(attempt, asked.signal);
      }
    }
  }

  /** Waits before the attempt after `attempt`. */
  async pause(attempt: number, signal: AbortSignal | undefined, retryAfter?: string): Promise<void> {
    const asked = Number(retryAfter) * 1000;
    const ms = Number.isFinite(asked) && asked > 0 ? Math.min(asked, longestRetryAfter) : (pauses[attempt - 1] ?? pauses.at(-1) ?? 0);
    await delay(this.#clock, ms, signal);
  }

  async #authorized(asked: RegistryRequest): Promise<RegistryResponse> {
    const scope = asked.scope ?? '';
    const known = this.#authorizations.get(scope);
    const first = await this.#follow(asked, known);
    if (first.status !== 401) return first;
    first.body.resume();
    this.#authorizations.delete(scope);
    const authorization = await this.#answer(parseChallenges(first.headers['www-authenticate'] ?? ''), scope, asked.signal);
    if (authorization === undefined || authorization === known) throw this.#unauthorized();
    this.#authorizations.set(scope, authorization);
    const second = await this.#follow(asked, authorization);
    if (second.status === 401) {
      second.body.resume();
      this.#authorizations.delete(scope);
      throw this.#unauthorized();
    }
    return second;
  }

  #unauthorized(): RegistryError {
    const text = this.#options.auth ? `the registry ${this.host} does not accept the user name and password given for it` : `the registry ${this.host} asks for a user name and password; link a pull secret that holds them (kubectl create secret docker-registry)`;
    return new RegistryError('Unauthorized', text, { status: 401 });
  }

  async #answer(challenges: Challenge[], scope: string, signal: AbortSignal | undefined): Promise<string | undefined> {
    const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters['realm']);
    if (bearer) return `Bearer ${await this.#token(bearer.parameters, scope, signal)}`;
    const basic = challenges.some(({ scheme }) => scheme === 'basic');
    return basic && this.#options.auth ? basicAuthorization(this.#options.auth) : undefined;
  }

  async #token(parameters: Record<string, string>, scope: string, signal: AbortSignal | undefined): Promise<string> {
    const realm = new URL(parameters['realm'] ?? '', this.#base);
    if (realm.protocol !== 'https:' && this.#base.protocol === 'https:' && !this.#options.insecure)
      throw new RegistryError('Unauthorized', `the registry ${this.host} wants credentials sent unencrypted to ${realm.host}; refused`);
    if (parameters['service']) realm.searchParams.set('service', parameters['service']);
    const wanted = scope || parameters['scope'];
    if (wanted) realm.searchParams.append('scope', wanted);
    const authorization = this.#options.auth && basicAuthorization(this.#options.auth);
    const response = await this.#follow({ method: 'GET', url: realm.href, signal }, authorization, true);
    const text = await readText(response.body, errorBodyLimit * 4);
    if (response.status === 401 || response.status === 403) throw this.#unauthorized();
    if (response.status !== 200) throw new RegistryError(problemOf(response.status), `the registry ${this.host} gave no token: ${response.status} from ${realm.origin}`, { status: response.status });
    const { token, access_token: accessToken } = parse(text) as { token?: string; access_token?: string };
    const found = token ?? accessToken;
    if (!found) throw new RegistryError('Unauthorized', `the registry ${this.host} answered without a token`);
    return found;
  }

  /** Follows redirects; credentials go to the registry itself, and to its token realm, and nowhere else. */
  async #follow(asked: RegistryRequest, authorization: string | undefined, realm = false): Promise<RegistryResponse> {
    let url = new URL(asked.url, this.#base);
    let sendTo = realm ? url.origin : this.#base.origin;
    for (let redirects = 0; ; redirects++) {
      const response = await this.#once(asked, url, url.origin === sendTo ? authorization : undefined);
      this.#answered = true;
      const { location } = response.headers;
      const redirected = [301, 302, 303, 307, 308].includes(response.status) && location !== undefined && (asked.method === 'GET' || asked.method === 'HEAD');
      if (!redirected) return { ...response, url };
      response.body.resume();
      if (redirects >= redirectLimit) throw new RegistryError('Refused', `the registry ${this.host} redirects more than ${redirectLimit} times`);
      const next = new URL(location, url);
      if (next.protocol !== 'https:' && !(next.protocol === 'http:' && (url.protocol === 'http:' || this.#options.insecure))) throw new RegistryError('Refused', `the registry ${this.host} redirects to ${next.protocol}//${next.host}; refused`);
      if (next.origin !== url.origin) sendTo = '';
      url = next;
    }
  }

  #once(asked: RegistryRequest, url: URL, authorization: string | undefined): Promise<{ status: number; headers: IncomingHttpHeaders; body: IncomingMessage }> {
    const secure = url.protocol === 'https:';
    const own = url.host === this.#base.host;
    return new Promise((resolve, reject) => {
      const outgoing = request({
        agent: this.#agent,
        ...({ secure } as object),
        ...(own && this.#options.socketPath ? { socketPath: this.#options.socketPath } : {}),
        host: url.hostname,
        port: url.port || (secure ? 443 : 80),
        method: asked.method,
        path: url.pathname + url.search,
        headers: {
          host: url.host,
          'user-agent': 'slipway',
          ...asked.headers,
          ...(authorization !== undefined && { authorization }),
          ...(asked.body && { 'content-length': asked.body.length }),
          ...(!asked.body && ['POST', 'PUT', 'PATCH'].includes(asked.method) && { 'content-length': 0 }),
        },
        ...(asked.signal && { signal: asked.signal }),
      });
      outgoing.setTimeout(idleTimeout, () => outgoing.destroy(Object.assign(new Error(`nothing came for ${idleTimeout / 1000} s`), { code: 'ETIMEDOUT' })));
      outgoing.once('error', reject);
      // A request that is still waiting for its connection would say so only when it has one.
      const abort = (): void => reject(asked.signal?.reason as Error);
      asked.signal?.addEventListener('abort', abort, { once: true });
      outgoing.once('close', () => asked.signal?.removeEventListener('abort', abort));
      let answered = false;
      outgoing.once('response', (body) => {
        answered = true;
        resolve({ status: body.statusCode ?? 0, headers: body.headers, body });
      });
      if (!asked.body) outgoing.end();
      else
        pipeline(Readable.from(asked.body.open(), { objectMode: false }), outgoing).catch((error: unknown) => {
          // A registry may refuse before it has read everything; then its answer counts.
          if (answered) return;
          reject(error as Error);
          outgoing.destroy();
        });
    });
  }

  async #check(response: RegistryResponse, asked: RegistryRequest): Promise<RegistryError | undefined> {
    if (asked.accept ? asked.accept.includes(response.status) : response.status >= 200 && response.status < 300) return undefined;
    const text = asked.method === 'HEAD' ? (response.body.resume(), '') : await readText(response.body, errorBodyLimit);
    const { errors } = parse(text) as { errors?: { code?: string; message?: string }[] };
    const { code, message } = errors?.[0] ?? {};
    const what = `${asked.method} ${response.url.host}${response.url.pathname}`;
    return new RegistryError(problemOf(response.status), `${what}: ${response.status}${code ? ` ${code}` : ''}${message ? `: ${message}` : ''}`, { status: response.status, code });
  }

  /** True, once, if an insecure registry turned out not to speak TLS: plain HTTP is used from now on. */
  #withoutTls(error: unknown): boolean {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!this.#options.insecure || this.#answered || this.#base.protocol !== 'https:' || !/^(?:EPROTO|ERR_SSL_|ECONNRESET)/.test(code)) return false;
    this.#base = new URL(this.#base.href.replace(/^https:/, 'http:'));
    return true;
  }

  #failed(error: unknown, asked: RegistryRequest): RegistryError {
    asked.signal?.throwIfAborted();
    if (error instanceof RegistryError) return error;
    const { code = '', message, syscall } = error as NodeJS.ErrnoException;
    // The content to send could not be read: nothing to do with the registry.
    if (syscall === 'open' || (syscall === 'read' && !/^E(?:CONNRESET|TIMEDOUT|HOSTUNREACH|NETUNREACH)$/.test(code))) throw error;
    const advice = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code) ? '; its certificate is not trusted here: give its CA, or mark the registry insecure' : '';
    return new RegistryError('Unreachable', `the registry ${this.host} cannot be reached: ${message || code}${advice}`, { cause: error });
  }
}

function isPassing({ problem }: RegistryError): boolean {
  return problem === 'TooManyRequests' || problem === 'ServerError';
}

export async function readText(body: AsyncIterable<Uint8Array>, limit: number): Promise<string> {
  return (await readBytes(body, limit)).toString('utf8');
}

/** Throws `RegistryError` for a body longer than `limit`. */
export async function readBytes(body: AsyncIterable<Uint8Array>, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > limit) throw new RegistryError('Refused', `the registry sent more than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parse(text: string): object {
  try {
    const document: unknown = JSON.parse(text);
    return typeof document === 'object' && document !== null ? document : {};
  } catch {
    return {};
  }
}
