/** Applications behind routes under test: they answer with what they were asked. */
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import type { Pair } from '../certificates.ts';
import type { ApplicationDocument } from './contract.ts';
import { serveGrpc } from './grpc.ts';

/** What an application saw; the body of its answer as JSON. */
export interface Echo {
  app: string;
  endpoint: number;
  method: string;
  path: string;
  version: string;
  /** Names in lower case; several of one name joined by `, `. */
  headers: Record<string, string>;
  body: string;
}

export interface EchoApplication {
  readonly address: string;
  readonly port: number;
  /** As its answers name it. */
  readonly number: number;
  /** Requests that were begun. */
  readonly requests: number;
  /** Requests under way at the same time, at most. */
  readonly mostAtOnce: number;
  /** Answers what is held, now and later. */
  release(): void;
  /** As a pod ends: no new connections, idle ones closed, what is under way finished; WebSockets and streams go on until `close`. */
  drain(): void;
  close(): Promise<void>;
}

type AnyRequest = http.IncomingMessage | http2.Http2ServerRequest;
type AnyResponse = http.ServerResponse | http2.Http2ServerResponse;

/** `?status=404`, `?wait=ms`, `?hold` until `release`, `?size=bytes`, `?header=Name:value` (several), `?cut` ends the connection, `?bare` answers as small scripts do, with lines that have no carriage return, `?trailer=Name:value`. */
export async function startEcho(app: string, endpoint: number, speaks: NonNullable<ApplicationDocument['speaks']>, pair: Pair, port = 0): Promise<EchoApplication> {
  let requests = 0;
  let atOnce = 0;
  let mostAtOnce = 0;
  const sockets = new Set<Socket>();
  let draining = false;
  const sessions = new Set<http2.ServerHttp2Session>();
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const listener = (request: AnyRequest, response: AnyResponse) => {
    requests += 1;
    if (draining && request.httpVersionMajor === 1) (response as http.ServerResponse).shouldKeepAlive = false;
    mostAtOnce = Math.max(mostAtOnce, (atOnce += 1));
    (response as http.ServerResponse).once('close', () => (atOnce -= 1));
    void answer(app, endpoint, request as http.IncomingMessage, response as http.ServerResponse, released);
  };
  const server = makeServer(speaks, { cert: pair.certificate, key: pair.key }, listener, (stream, headers) => serveGrpc(stream, headers, endpoint));
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('session', (session: http2.ServerHttp2Session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  // Those that speak HTTP/2 only have none.
  const webSockets = speaks === 'http' || speaks === 'https' || speaks === 'h2' ? new WebSocketServer({ server: server as http.Server }) : undefined;
  webSockets?.on('connection', (socket, request) => {
    socket.send(`${app} ${request.headers['x-forwarded-proto'] ?? '-'}`);
    socket.on('message', (data: Buffer, binary) => socket.send(data.toString() === 'who' ? String(endpoint) : data, { binary }));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const bound = (server.address() as AddressInfo).port;
  return {
    address: `127.0.0.1:${bound}`,
    port: bound,
    number: endpoint,
    get requests() {
      return requests;
    },
    get mostAtOnce() {
      return mostAtOnce;
    },
    release,
    drain() {
      if (draining) return;
      draining = true;
      server.close();
      for (const session of sessions) session.close();
      if ('closeIdleConnections' in server) server.closeIdleConnections();
    },
    close: () => new Promise((resolve) => {
      for (const client of webSockets?.clients ?? []) client.terminate();
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    }),
  };
}

function makeServer(speaks: NonNullable<ApplicationDocument['speaks']>, tls: { cert: string; key: string }, listener: (request: AnyRequest, response: AnyResponse) => void, rpc: (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void): http.Server | https.Server | http2.Http2Server {
  switch (speaks) {
    case 'http':
      return http.createServer({ keepAliveTimeout: 60_000 }, listener);
    case 'https':
      return https.createServer({ ...tls, keepAliveTimeout: 60_000 }, listener);
    case 'h2c':
      return http2.createServer(listener);
    case 'h2':
      return http2.createSecureServer({ ...tls, allowHTTP1: true }, listener);
    case 'grpc':
      return http2.createServer().on('stream', rpc);
    case 'grpcs':
      return http2.createSecureServer(tls).on('stream', rpc);
  }
}

async function answer(app: string, endpoint: number, request: http.IncomingMessage, response: http.ServerResponse, released: Promise<void>): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://app');
  const asked = url.searchParams;
  request.on('error', () => undefined);
  if (asked.has('cut')) return void request.socket.destroy();
  if (asked.has('bare')) return void request.socket.end('HTTP/1.1 200 OK\nContent-Type: text/plain\n\nbare\r\n\r\nlines');
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  if (asked.has('hold')) await released;
  if (asked.has('wait')) await new Promise((resolve) => setTimeout(resolve, Number(asked.get('wait'))));
  response.statusCode = Number(asked.get('status') ?? 200);
  for (const header of asked.getAll('header')) response.appendHeader(header.slice(0, header.indexOf(':')), header.slice(header.indexOf(':') + 1));
  const trailer = asked.get('trailer');
  if (trailer) response.setHeader('Trailer', trailer.slice(0, trailer.indexOf(':')));
  const size = asked.get('size');
  if (size) return void response.end('x'.repeat(Number(size)));
  const headers: Record<string, string> = {};
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const name = (request.rawHeaders[at] as string).toLowerCase();
    const value = request.rawHeaders[at + 1] as string;
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  if (headers[':authority'] !== undefined) headers.host = headers[':authority'];
  const seen: Echo = { app, endpoint, method: request.method ?? '', path: request.url ?? '', version: request.httpVersion, headers, body: Buffer.concat(chunks).toString() };
  response.setHeader('Content-Type', 'application/json');
  if (trailer) {
    response.write(JSON.stringify(seen));
    response.addTrailers({ [trailer.slice(0, trailer.indexOf(':'))]: trailer.slice(trailer.indexOf(':') + 1) });
    return void response.end();
  }
  response.end(JSON.stringify(seen));
}
