/** Carries out what probes and lifecycle hooks ask: a request, a connection, a command. */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import type { Container } from '../../api/kinds/core.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { grpcHealth } from './grpc-health.ts';

type Probe = NonNullable<Container['livenessProbe']>;
export type Handler = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'>;

export interface Target {
  runtime: Pick<Runtime, 'exec'>;
  containerId: string;
  container: Container;
  podIp: string;
  /** Container port to port on `podIp`, where they differ. */
  portMap?: Record<number, number>;
  /** Where this machine's network does not lead to `podIp`. */
  connect?(ip: string, port: number): Promise<Duplex>;
}

export type Outcome = { ok: true } | { ok: false; message: string };

/** Output kept of a failing command or answer. */
const longestOutput = 10 * 1024;
const longestRedirects = 10;

/** A probe asks whether the app is well, a lifecycle hook tells it something: then any answer will do. */
export type Purpose = 'probe' | 'lifecycle';

export async function perform(handler: Handler, target: Target, timeoutMs: number, purpose: Purpose = 'probe'): Promise<Outcome> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(new Error(`context deadline exceeded (no answer within ${timeoutMs / 1000}s)`)), timeoutMs);
  try {
    if (handler.exec) return await command(handler.exec.command ?? [], target, deadline.signal, timeoutMs);
    if (handler.httpGet) return await http(handler.httpGet, target, deadline.signal, purpose);
    if (handler.tcpSocket) return await tcp(handler.tcpSocket.host || target.podIp, portOf(handler.tcpSocket.port, target), target, deadline.signal);
    if (handler.grpc) return await grpcHealth(target.podIp, portOf(handler.grpc.port, target), handler.grpc.service ?? '', deadline.signal, await target.connect?.(target.podIp, portOf(handler.grpc.port, target)));
    return { ok: false, message: 'the probe names no action' };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
  }
}

/** A port by number or by name, as this machine reaches it. */
export function portOf(port: string | number, { container, portMap }: Target): number {
  const named = typeof port === 'number' ? port : /^\d+$/.test(port) ? Number(port) : container.ports?.find(({ name }) => name === port)?.containerPort;
  if (named === undefined) throw new Error(`couldn't find port: "${port}"`);
  return portMap?.[named] ?? named;
}

async function command(argv: string[], { runtime, containerId }: Target, signal: AbortSignal, timeoutMs: number): Promise<Outcome> {
  const session = await runtime.exec(containerId, argv, { tty: false, stdin: false });
  const chunks: Buffer[] = [];
  let size = 0;
  const take = (chunk: Buffer) => {
    if (size < longestOutput) chunks.push(chunk);
    size += chunk.length;
  };
  session.stdout.on('data', take);
  session.stderr.on('data', take);
  const expired = new Promise<'expired'>((resolve) => signal.addEventListener('abort', () => resolve('expired'), { once: true }));
  const ended = await Promise.race([session.exit, expired]);
  if (ended === 'expired') {
    session.kill();
    return { ok: false, message: `command timed out: "${argv.join(' ')}" timed out after ${timeoutMs / 1000}s` };
  }
  if ('error' in ended) return { ok: false, message: ended.error };
  const output = Buffer.concat(chunks).toString().slice(0, longestOutput);
  return ended.code === 0 ? { ok: true } : { ok: false, message: output || `command exited with ${ended.code}` };
}

type HttpGet = NonNullable<Handler['httpGet']>;

async function http(get: HttpGet, target: Target, signal: AbortSignal, purpose: Purpose): Promise<Outcome> {
  const scheme = (get.scheme ?? 'HTTP').toLowerCase();
  const first = new URL(`${scheme}://${get.host || target.podIp}:${portOf(get.port, target)}${get.path?.startsWith('/') ? '' : '/'}${get.path ?? ''}`);
  let url = first;
  for (let redirects = 0; ; redirects++) {
    const { status, location } = await fetchStatus(url, get, signal, target, purpose);
    if (purpose === 'lifecycle') return { ok: true };
    if (status >= 200 && status < 300) return { ok: true };
    if (status >= 300 && status < 400) {
      const next = location ? new URL(location, url) : undefined;
      // Leaving the pod is taken as healthy, as the kubelet does: whoever redirects answers.
      if (!next || next.hostname !== first.hostname || redirects >= longestRedirects) return { ok: true };
      url = next;
      continue;
    }
    return { ok: false, message: `HTTP probe failed with statuscode: ${status}` };
  }
}

/** A name given more than once is sent more than once; what the user names replaces what is sent otherwise, and an empty `Accept` sends none. */
export function probeHeaders(given: HttpGet['httpHeaders'], purpose: Purpose): Record<string, string | string[]> {
  const headers = new Map<string, { name: string; values: string[] }>();
  for (const { name, value } of given ?? []) {
    const key = name.toLowerCase();
    headers.set(key, { name, values: [...(headers.get(key)?.values ?? []), value] });
  }
  for (const [name, value] of [['User-Agent', `kube-${purpose}/1.32`], ['Accept', '*/*']] as const) if (!headers.has(name.toLowerCase())) headers.set(name.toLowerCase(), { name, values: [value] });
  if (headers.get('accept')?.values.join('') === '') headers.delete('accept');
  return { Connection: 'close', ...Object.fromEntries([...headers.values()].map(({ name, values }) => [name, values.length === 1 ? (values[0] ?? '') : values])) };
}

function fetchStatus(url: URL, get: HttpGet, signal: AbortSignal, target: Target, purpose: Purpose): Promise<{ status: number; location: string | undefined }> {
  const headers = probeHeaders(get.httpHeaders, purpose);
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(new Error(signal.aborted ? `Get "${url.href}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)` : `Get "${url.href}": dial tcp ${url.host}: ${plain(error)}`));
    const make = url.protocol === 'https:' ? httpsRequest : httpRequest;
    // The certificate is not checked: a probe asks whether the app is alive, by an address no certificate names.
    const request = make(url, { method: 'GET', headers, signal, agent: false, rejectUnauthorized: false, ...through(target, url) }, (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0, location: response.headers.location });
      response.on('error', () => undefined);
      response.once('data', () => request.destroy());
    });
    request.once('error', failed);
    request.end();
  });
}

/** Options of a request that takes its connection from the runtime. */
function through({ connect: dial, podIp }: Target, url: URL): { createConnection?(options: unknown, done: (error: Error | null, stream: Duplex) => void): undefined } {
  if (!dial || url.hostname !== podIp) return {};
  const secure = url.protocol === 'https:';
  return {
    createConnection(_options, done) {
      dial(podIp, Number(url.port || (secure ? 443 : 80))).then(
        (stream) => done(null, secure ? tlsConnect({ socket: stream, rejectUnauthorized: false }) : stream),
        (error: unknown) => done(error as Error, undefined as unknown as Duplex),
      );
      return undefined;
    },
  };
}

async function tcp(host: string, port: number, { connect: dial, podIp }: Target, signal: AbortSignal): Promise<Outcome> {
  if (dial && host === podIp) {
    const expired = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new Error('i/o timeout')), { once: true }));
    return Promise.race([dial(host, port), expired]).then((stream) => (stream.destroy(), { ok: true }), (error: Error) => ({ ok: false, message: `dial tcp ${host}:${port}: ${plain(error)}` }));
  }
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (outcome: Outcome) => {
      socket.destroy();
      resolve(outcome);
    };
    signal.addEventListener('abort', () => end({ ok: false, message: `dial tcp ${host}:${port}: i/o timeout` }), { once: true });
    socket.once('connect', () => end({ ok: true }));
    socket.once('error', (error) => end({ ok: false, message: `dial tcp ${host}:${port}: ${plain(error)}` }));
  });
}

function plain(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  const words: Record<string, string> = { ECONNREFUSED: 'connect: connection refused', EHOSTUNREACH: 'connect: no route to host', ECONNRESET: 'connection reset by peer', ETIMEDOUT: 'i/o timeout' };
  return (code && words[code]) ?? error.message;
}
