/** Carries requests of a preview to the router, by the host name that the route goes by. */
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';

/** The router's own certificate is what a route without one shows; the way to it is the loopback. */
const ownRouter = { host: '127.0.0.1', rejectUnauthorized: false };

export function forward(origin: URL, request: http.IncomingMessage, response: http.ServerResponse): void {
  const send = origin.protocol === 'https:' ? https.request : http.request;
  const options = { ...ownRouter, port: portOf(origin), servername: origin.hostname, method: request.method, path: request.url, headers: { ...request.headers, host: origin.host } };
  const upstream = send(options, (answer) => {
    response.writeHead(answer.statusCode ?? 502, here(origin, answer.headers));
    answer.pipe(response);
  });
  upstream.on('error', () => {
    if (!response.headersSent) response.writeHead(502, { 'content-type': 'text/plain' });
    response.end('The router does not answer. Is Slipway running?');
  });
  response.on('close', () => upstream.destroy());
  request.pipe(upstream);
}

/** A redirect to the route's own address stays within the preview. */
function here(origin: URL, headers: http.IncomingHttpHeaders): http.IncomingHttpHeaders {
  const { location } = headers;
  return location?.startsWith(`${origin.origin}/`) ? { ...headers, location: location.slice(origin.origin.length) } : headers;
}

/** WebSockets of the app. */
export function tunnel(origin: URL, request: http.IncomingMessage, socket: net.Socket, head: Buffer): void {
  const greet = () => {
    const headers = Object.entries({ ...request.headers, host: origin.host }).map(([name, value]) => `${name}: ${Array.isArray(value) ? value.join(', ') : value}`);
    upstream.write(`${request.method} ${request.url} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
    upstream.write(head);
    upstream.pipe(socket).pipe(upstream);
  };
  const port = portOf(origin);
  const upstream: net.Socket = origin.protocol === 'https:' ? tls.connect({ ...ownRouter, port, servername: origin.hostname }, greet) : net.connect(port, ownRouter.host, greet);
  upstream.on('error', () => socket.destroy());
  socket.on('error', () => upstream.destroy());
}

function portOf(origin: URL): number {
  return Number(origin.port) || (origin.protocol === 'https:' ? 443 : 80);
}
