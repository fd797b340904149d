/** A platform's API without OpenShift's groups, as a plain Kubernetes has it: a relay on the loopback that speaks for one token. */
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';

export interface PlainCluster {
  server: string;
  close(): Promise<void>;
}

const ours = /^\/apis\/[^/?]*openshift\.io(?:[/?]|$)/;

export async function plainCluster(server: string, ca: Buffer, token: string): Promise<PlainCluster> {
  const { hostname, port } = new URL(server);
  const relay = http.createServer((request, response) => {
    const url = request.url ?? '/';
    if (ours.test(url)) return void response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n');
    const listing = /^\/apis\/?(?:\?|$)/.test(url);
    const headers = { ...request.headers, host: `${hostname}:${port}`, authorization: `Bearer ${token}`, ...(listing && { 'accept-encoding': 'identity', accept: 'application/json' }) };
    const asking = https.request({ hostname, port, ca, method: request.method, path: url, headers }, (answer) => {
      if (!listing) return void answer.pipe(response.writeHead(answer.statusCode ?? 502, answer.headers));
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part)).on('end', () => {
        const list = JSON.parse(Buffer.concat(parts).toString('utf8')) as { groups: { name: string }[] };
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ...list, groups: list.groups.filter(({ name }) => !name.endsWith('openshift.io')) }));
      });
    });
    asking.on('error', () => response.destroy());
    response.on('close', () => asking.destroy());
    request.pipe(asking);
  });
  // Shells, logs that are followed and ports: passed on as they are.
  relay.on('upgrade', (request, socket, head) => {
    const upstream = tls.connect({ host: hostname, port: Number(port), ca }, () => {
      const headers = { ...request.headers, host: `${hostname}:${port}`, authorization: `Bearer ${token}` };
      upstream.write(`${request.method} ${request.url} HTTP/1.1\r\n${Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}\r\n`).join('')}\r\n`);
      upstream.write(head);
      socket.pipe(upstream).pipe(socket);
    });
    for (const [one, other] of [[socket, upstream], [upstream, socket]] as const) one.on('error', () => other.destroy()).on('close', () => other.destroy());
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  return {
    server: `http://127.0.0.1:${(relay.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => {
      relay.close(() => resolve());
      relay.closeAllConnections();
    }),
  };
}
