/** Clients for routes under test: they dial the router and say which host they want. */
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import tls, { type TLSSocket } from 'node:tls';
import type { RouterPorts } from '../../../src/controlplane/route/data-plane/data-plane.ts';
import type { Request } from './contract.ts';

export interface Seen {
  status: number;
  headers: Record<string, string>;
  /** `Set-Cookie` fields one by one. */
  cookies: string[];
  text: string;
  trailers: Record<string, string>;
  certificate: string | undefined;
  version: string;
}

export interface AskOptions {
  agent?: http.Agent | undefined;
  /** Asks again as long as kept connections turn out to be closed by the other side, as every client does (RFC 9112 section 9.3.1): several may be. Once more, too, when a new one is: an application that ends closes those that have just come to be. */
  again?: boolean;
}

const joined = (headers: http.IncomingHttpHeaders): Record<string, string> => Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':')).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : String(value)]));

/** Rejects when the connection or stream ends without a whole answer. */
export function ask(ports: RouterPorts, request: Request, options: AskOptions = {}): Promise<Seen> {
  const url = new URL(request.url);
  return request.http2 ? askHttp2(ports, request, url) : askHttp1(ports, request, url, options);
}

function askHttp1(ports: RouterPorts, { method = 'GET', headers = {}, body }: Request, url: URL, { agent, again }: AskOptions, left = 1): Promise<Seen> {
  const secure = url.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const common = { host: '127.0.0.1', port: ports[secure ? 'https' : 'http'], method, path: url.pathname + url.search, headers: { Host: url.host, ...headers }, agent: agent ?? false };
    const request = secure ? https.request({ ...common, servername: url.hostname, rejectUnauthorized: false }) : http.request(common);
    request.once('response', (response) => {
      // The agent takes the socket back before the answer's end is told.
      const certificate = secure ? commonName(response.socket as TLSSocket) : undefined;
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => resolve({
        status: response.statusCode ?? 0, headers: joined(response.headers), cookies: response.headers['set-cookie'] ?? [], text: Buffer.concat(chunks).toString(), trailers: joined(response.trailers),
        certificate, version: response.httpVersion,
      }));
    });
    request.once('error', (error) => (again && (request.reusedSocket || left > 0) ? resolve(askHttp1(ports, { url: url.href, method, headers, ...(body !== undefined && { body }) }, url, { agent, again }, request.reusedSocket ? left : left - 1)) : reject(error)));
    request.end(body);
  });
}

const commonName = (socket: TLSSocket) => socket.getPeerCertificate().subject?.CN as string | undefined;

/** A session over TLS; rejects when HTTP/2 was not agreed upon. */
export function openHttp2(ports: RouterPorts, host: string): Promise<http2.ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port: ports.https, servername: host, rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'] }, () => {
      if (socket.alpnProtocol !== 'h2') {
        socket.destroy();
        return reject(new Error(`HTTP/2 was not agreed upon but ${String(socket.alpnProtocol)}`));
      }
      const session = http2.connect(`https://${host}`, { createConnection: () => socket });
      session.on('error', () => undefined);
      resolve(session);
    });
    socket.once('error', reject);
  });
}

/** A session without TLS, by prior knowledge. */
export function openPlainHttp2(ports: RouterPorts, host: string): http2.ClientHttp2Session {
  const session = http2.connect(`http://${host}`, { createConnection: () => net.connect(ports.http, '127.0.0.1') });
  session.on('error', () => undefined);
  return session;
}

async function askHttp2(ports: RouterPorts, request: Request, url: URL): Promise<Seen> {
  const session = await openHttp2(ports, url.hostname);
  try {
    return await askIn(session, request, url);
  } finally {
    session.close();
  }
}

/** One more request in a session that is open. */
export function askIn(session: http2.ClientHttp2Session, { method = 'GET', headers = {}, body }: Request, url: URL): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': method, ':path': url.pathname + url.search, ':authority': url.host, ...headers }, { endStream: body === undefined });
    const chunks: Buffer[] = [];
    let head: http2.IncomingHttpHeaders | undefined;
    let trailers: http2.IncomingHttpHeaders = {};
    stream.once('response', (fields) => (head = fields));
    stream.once('trailers', (fields) => (trailers = fields));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('error', reject);
    stream.once('close', () => {
      if (!head || stream.rstCode !== 0) return reject(new Error(`the stream ended with code ${stream.rstCode}`));
      resolve({
        status: Number(head[':status']), headers: joined(head), cookies: head['set-cookie'] ?? [], text: Buffer.concat(chunks).toString(), trailers: joined(trailers),
        certificate: session.encrypted ? commonName(session.socket as TLSSocket) : undefined, version: '2.0',
      });
    });
    if (body !== undefined) stream.end(body);
  });
}
