/** Clients that ask without pause, and connections that stay open, while something is changed. */
import { once } from 'node:events';
import http from 'node:http';
import type http2 from 'node:http2';
import https from 'node:https';
import { WebSocket } from 'ws';
import { askIn, openHttp2, type Seen } from './ask.ts';
import type { Bed } from './bed.ts';
import { framed, messagesOf } from './grpc.ts';

/** What clients need of a bed. */
type Router = Pick<Bed, 'ports' | 'ask'>;

/** HTTP/1.1 over connections that are kept or one a request, or HTTP/2 in one session as long as it lasts. */
export type Way = 'kept' | 'fresh' | 'http2';

export interface RouteLoad {
  answers(): number;
  /** What was not answered with 200. */
  stop(): Promise<string[]>;
}

/** `again`: see `AskOptions`; only where clients speak to the application itself. */
export function load(bed: Router, url: string, clients: number, way: Way = 'kept', again = false): RouteLoad {
  const agent = way !== 'kept' ? undefined : url.startsWith('https') ? new https.Agent({ keepAlive: true, maxSockets: clients }) : new http.Agent({ keepAlive: true, maxSockets: clients });
  const session = way === 'http2' ? lastingSession(bed, new URL(url)) : undefined;
  const failures: string[] = [];
  let answers = 0;
  let running = true;
  const all = Array.from({ length: clients }, async () => {
    while (running) {
      const status = await (session?.ask() ?? bed.ask(url, { agent, again })).then((seen) => String(seen.status), (error: Error) => error.message);
      answers += 1;
      if (status !== '200') failures.push(`${way}: ${status}`);
    }
  });
  return {
    answers: () => answers,
    async stop() {
      running = false;
      await Promise.all(all);
      agent?.destroy();
      session?.close();
      return failures;
    },
  };
}

export async function answersMore(under: { answers(): number }, more: number): Promise<void> {
  const before = under.answers();
  while (under.answers() < before + more) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** What a peer that ends a session did not take up is asked again in the next one, as every client does (RFC 9113 section 8.7). */
const notTakenUp = /REFUSED_STREAM|ERR_HTTP2_GOAWAY_SESSION|ERR_HTTP2_INVALID_SESSION|code 7$/;

function lastingSession(bed: Router, url: URL): { ask(): Promise<Seen>; close(): void } {
  let current: Promise<http2.ClientHttp2Session> | undefined;
  const usable = async () => {
    const session = await (current ??= openHttp2(bed.ports, url.hostname));
    if (!session.closed && !session.destroyed) return session;
    current = undefined;
    return usable();
  };
  return {
    async ask() {
      for (let tries = 1; ; tries += 1) {
        const session = await usable();
        try {
          return await askIn(session, { url: '' }, url);
        } catch (error) {
          const { code, message } = error as NodeJS.ErrnoException;
          if (tries === 5 || !notTakenUp.test(`${code} ${message}`)) throw error;
        }
      }
    },
    close: () => void current?.then((session) => session.close()),
  };
}

/** Something that stays open with one endpoint. */
export interface Lasting {
  endpoint: number;
  /** Sends a word and waits until it comes back. */
  ping(): Promise<string>;
  ended(): boolean;
  close(): void;
}

const answerLimit = 10_000;

export async function openSocket(bed: Router, host: string, secure = false): Promise<Lasting> {
  const options = { headers: { Host: host }, servername: host, rejectUnauthorized: false };
  const socket = new WebSocket(`${secure ? 'wss' : 'ws'}://127.0.0.1:${bed.ports[secure ? 'https' : 'http']}/`, options);
  let ended = false;
  socket.on('error', () => undefined).once('close', () => (ended = true));
  await once(socket, 'message', { signal: AbortSignal.timeout(answerLimit) });
  const said = async (word: string) => {
    const answer = once(socket, 'message', { signal: AbortSignal.timeout(answerLimit) });
    socket.send(word);
    return String((await answer)[0]);
  };
  return { endpoint: Number(await said('who')), ping: () => said('ping'), ended: () => ended, close: () => socket.close() };
}

/** A call of gRPC whose two streams stay open. */
export async function openCall(bed: Router, host: string): Promise<Lasting> {
  const session = await openHttp2(bed.ports, host);
  const stream = session.request({ ':method': 'POST', ':path': '/test.Echo/Say', ':authority': host, 'content-type': 'application/grpc', te: 'trailers' });
  let ended = false;
  let rest: Buffer = Buffer.alloc(0);
  let heard: (word: string) => void = () => undefined;
  stream.on('error', () => undefined).once('close', () => (ended = true)).on('data', (chunk: Buffer) => {
    const read = messagesOf(Buffer.concat([rest, chunk]));
    rest = read.rest;
    for (const message of read.messages) heard(message);
  });
  const response = once(stream, 'response', { signal: AbortSignal.timeout(answerLimit) }) as Promise<[http2.IncomingHttpHeaders]>;
  const ping = () => new Promise<string>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('the stream is silent')), answerLimit);
    heard = (word) => {
      clearTimeout(late);
      resolve(word);
    };
    stream.write(framed('ping'));
  });
  await ping();
  const [headers] = await response;
  return {
    endpoint: Number(headers['x-endpoint']), ping, ended: () => ended,
    close: () => {
      stream.close();
      session.close();
    },
  };
}
