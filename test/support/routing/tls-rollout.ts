/** An application of two pods that is rolled out while clients of every kind come through routes of every termination. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { toolsImage } from '../../../src/api/well-known.ts';
import { authority } from '../certificates.ts';
import { eventually, type Platform } from '../platform/platform.ts';
import { manifestOf } from '../platform/web-pod.ts';
import { ask } from './ask.ts';
import { answersMore, load, openCall, openSocket, type Lasting, type Way } from './load.ts';

/**
 * HTTP/1.1 and WebSockets on 8080; the same, HTTP/2 and gRPC over TLS on 8443; gRPC in clear text on 9000. Told to end it takes no more connections and lets clients of kept ones know, but
 * goes on with what is open until the test opens the gate. A WebSocket and a call hear every word again; `who` answers the version.
 */
const program = `
const { createHash } = require('node:crypto'), { existsSync, readFileSync } = require('node:fs'), http = require('node:http'), http2 = require('node:http2');
const version = process.env.VERSION, sessions = new Set();
let ending = false;
const answer = (request, response) => {
  if (ending && request.httpVersionMajor === 1) response.shouldKeepAlive = false;
  response.end('version ' + version);
};
const frame = (text) => Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)]);
const upgrade = (request, socket) => {
  const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: ' + accept + '\\r\\n\\r\\n');
  socket.write(frame('hello'));
  let rest = Buffer.alloc(0);
  socket.on('error', () => undefined).on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 6 && rest.length >= 6 + (rest[1] & 127)) {
      const length = rest[1] & 127, word = Buffer.from(rest.subarray(6, 6 + length)).map((byte, at) => byte ^ rest[2 + (at & 3)]).toString();
      if ((rest[0] & 15) === 8) return socket.end();
      rest = rest.subarray(6 + length);
      socket.write(frame(word === 'who' ? version : word));
    }
  });
};
const rpc = (stream, headers) => {
  if (headers['content-type'] !== 'application/grpc') return;
  stream.respond({ 'content-type': 'application/grpc', 'x-endpoint': version });
  stream.on('error', () => undefined).on('data', (chunk) => stream.write(chunk)).on('end', () => stream.end());
};
const keep = (session) => sessions.add(session) && session.once('close', () => sessions.delete(session));
const plain = http.createServer({ keepAliveTimeout: 60000 }, answer).on('upgrade', upgrade);
const clear = http2.createServer().on('stream', rpc).on('session', keep);
const secure = http2.createSecureServer({ allowHTTP1: true, cert: readFileSync('/certs/tls.crt'), key: readFileSync('/certs/tls.key') }, (request, response) => request.headers['content-type'] !== 'application/grpc' && answer(request, response)).on('upgrade', upgrade).on('stream', rpc).on('session', keep);
plain.listen(8080); clear.listen(9000); secure.listen(8443);
process.on('SIGTERM', () => {
  ending = true;
  for (const server of [plain, clear, secure]) server.close();
  for (const session of sessions) session.close();
  setInterval(() => existsSync('/gate/open') && process.exit(0), 50);
});
`;

const name = 'secured';
const labels = { app: name };
const ports = [{ name: 'http', port: 80, targetPort: 8080 }, { name: 'https', port: 443, targetPort: 8443 }, { name: 'grpc', port: 9000, targetPort: 9000 }];

const application = (version: number, gate: string) => ({
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name },
  spec: {
    replicas: 2, selector: { matchLabels: labels }, strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    template: {
      metadata: { labels },
      spec: {
        terminationGracePeriodSeconds: 120, volumes: [{ name: 'certs', secret: { secretName: 'secured-tls' } }, { name: 'gate', hostPath: { path: gate, type: 'Directory' } }],
        containers: [{
          name: 'web', image: toolsImage, imagePullPolicy: 'IfNotPresent', command: ['node', '-e', program], env: [{ name: 'VERSION', value: String(version) }],
          volumeMounts: [{ name: 'certs', mountPath: '/certs' }, { name: 'gate', mountPath: '/gate' }], readinessProbe: { tcpSocket: { port: 8443 }, periodSeconds: 1 },
        }],
      },
    },
  },
});

/** Hosts: `<termination>.own.test`, and for gRPC in clear text behind the router `calls.own.test`. */
const hosts = { edge: 'edge.own.test', reencrypt: 'reencrypt.own.test', passthrough: 'passthrough.own.test', calls: 'calls.own.test' };

function route(to: keyof typeof hosts, tls: object, targetPort: string): object {
  return { apiVersion: 'route.openshift.io/v1', kind: 'Route', metadata: { name: `${name}-${to}`, annotations: { 'haproxy.router.openshift.io/balance': 'roundrobin' } }, spec: { host: hosts[to], to: { kind: 'Service', name }, port: { targetPort }, tls } };
}

const ways: Way[] = ['kept', 'fresh', 'http2'];

/** No request fails; what is open with a pod lasts until that pod's end, and what is opened meanwhile works. */
export async function rolledUnderTls(platform: Platform): Promise<void> {
  const { certificate, key } = await (await authority()).sign('CN=own', ['*.own.test']);
  const gate = path.join(platform.user.home, 'gate');
  mkdirSync(gate);
  platform.user.own(gate);
  const apply = async (...objects: object[]) => expect(await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(...objects) })).toMatchObject({ code: 0, stderr: '' });
  await apply(
    { apiVersion: 'v1', kind: 'Service', metadata: { name, annotations: { 'service.beta.openshift.io/serving-cert-secret-name': 'secured-tls' } }, spec: { selector: labels, ports } }, application(1, gate),
    route('edge', { termination: 'edge', certificate, key }, 'http'), route('calls', { termination: 'edge', certificate, key }, 'grpc'), route('reencrypt', { termination: 'reencrypt', certificate, key }, 'https'), route('passthrough', { termination: 'passthrough' }, 'https'),
  );
  const rolledOut = () => platform.kube('rollout', 'status', `deployment/${name}`, '--timeout=80s');
  await rolledOut();
  const { router } = await platform.status();
  const [http, https] = [router?.http, router?.https].map((url) => Number(new URL(url ?? '').port)) as [number, number];
  const bed = { ports: { http, https }, ask: (request: Parameters<typeof ask>[1] | string, options?: Parameters<typeof ask>[2]) => ask({ http, https }, typeof request === 'string' ? { url: request } : request, options) };
  const urls = (['edge', 'reencrypt', 'passthrough'] as const).map((termination) => `https://${hosts[termination]}/`);
  for (const url of urls) await eventually(`${url} answers`, async () => ((await bed.ask(url)).status === 200 ? true : undefined));

  const under = urls.flatMap((url) => ways.map((way) => load(bed, url, 1, way, url.includes('passthrough'))));
  const more = () => Promise.all(under.map((one) => answersMore(one, 20)));
  const open = (): Promise<Lasting[]> => Promise.all([...urls.map((url) => openSocket(bed, new URL(url).hostname, true)), ...[hosts.calls, hosts.reencrypt, hosts.passthrough].map((host) => openCall(bed, host))]);
  const before = [...(await open()), ...(await open())];
  await more();
  await apply(application(2, gate));
  await rolledOut();
  await more();
  // Both pods were told to end, and have time left.
  for (const answer of await Promise.all(before.map((one) => one.ping()))) expect(answer).toBe('ping');
  const after = await open();
  expect(after.map(({ endpoint }) => endpoint)).toEqual(after.map(() => 2));
  writeFileSync(path.join(gate, 'open'), '');
  await eventually('what was open with ended pods is over', () => Promise.resolve(before.every((one) => one.ended()) || undefined));
  for (const answer of await Promise.all(after.map((one) => one.ping()))) expect(answer).toBe('ping');
  await more();
  expect((await Promise.all(under.map((one) => one.stop()))).flat()).toEqual([]);
  for (const one of after) one.close();
  await platform.kube('delete', `deployment/${name}`, `service/${name}`, '--wait=false');
}
