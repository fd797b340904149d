/** Bodies that a real kubectl sends as protobuf decode to the JSON that the same kubectl prints. */
import { execFile } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeProtobuf, protobufMediaType } from '../../src/controlplane/kernel/apiserver/protobuf/decode.ts';

const run = promisify(execFile);
const kubectl = `${realpathSync('/usr/bin/kubectl')}.1.33`;

let server: Server;
let home: string;
let received: { contentType: string | undefined; body: Buffer }[] = [];

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'slipway-protobuf-'));
  await writeFile(join(home, 'file'), Buffer.from([0, 255, 1, 254]));
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      if (request.method !== 'POST') return void response.writeHead(404).end();
      const body = Buffer.concat(chunks);
      received.push({ contentType: request.headers['content-type'], body });
      response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(decodeProtobuf(body)));
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
});
afterAll(async () => {
  server.close();
  await rm(home, { recursive: true });
});

const call = (args: string[]) =>
  run(kubectl, ['--server', `http://127.0.0.1:${(server.address() as AddressInfo).port}`, '--cache-dir', join(home, 'cache'), ...args], { env: { HOME: home, PATH: process.env.PATH } });

/** Nulls and what only a server fills mean nothing in JSON; protobuf has no way to say them. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== null).map(([key, one]) => [key, withoutNulls(one)]));
}

test.each([
  ['configmap', 'a', '--from-literal=k=v', '--from-literal=__proto__=x', '--from-file=bin=FILE'],
  ['secret', 'generic', 's', '--from-literal=password=ünï', '--from-file=bin=FILE'],
  ['secret', 'docker-registry', 's', '--docker-server=r:5000', '--docker-username=u', '--docker-password=p'],
  ['namespace', 'n'],
  ['serviceaccount', 'sa'],
  ['deployment', 'd', '--image=nginx', '--port=80', '--replicas=3', '--', 'sh', '-c', 'sleep 1'],
  ['job', 'j', '--image=busybox', '--', 'date'],
  ['cronjob', 'c', '--image=busybox', '--schedule=*/5 * * * *'],
  ['clusterrole', 'r', '--verb=get', '--non-resource-url=/healthz'],
  ['rolebinding', 'b', '--clusterrole=edit', '--user=u', '--serviceaccount=ns:sa', '--group=g'],
  ['clusterrolebinding', 'b', '--clusterrole=admin', '--group=g'],
  ['ingress', 'i', '--rule=a.example/p*=svc:http,tls=cert', '--rule=b.example/=svc:80'],
  ['service', 'clusterip', 's', '--tcp=80:8080'],
  ['service', 'nodeport', 's', '--tcp=80:http', '--node-port=30001'],
  ['service', 'externalname', 's', '--external-name=example.com'],
  ['poddisruptionbudget', 'p', '--min-available=50%', '--selector=app=a'],
  ['priorityclass', 'p', '--value=-1000', '--description=d'],
  ['quota', 'q', '--hard=cpu=1500m,memory=1Gi', '--scopes=BestEffort'],
])('create %s %s', async (...args) => {
  const command = ['create', ...args.map((arg) => arg.replace('FILE', join(home, 'file')))];
  const dashes = command.indexOf('--') < 0 ? command.length : command.indexOf('--');
  const flagged = (...flags: string[]) => [...command.slice(0, dashes), ...flags, ...command.slice(dashes)];
  received = [];
  const printed = await call(flagged('--dry-run=client', '--output=json'));
  await call(flagged('--validate=false'));
  expect(received[0]?.contentType).toBe(protobufMediaType);
  const wanted = withoutNulls(JSON.parse(printed.stdout));
  expect(decodeProtobuf(received[0]?.body ?? Buffer.alloc(0))).toEqual(wanted);
});

test('create token and authorization reviews', async () => {
  received = [];
  await call(['create', 'token', 'sa', '--audience=a', '--duration=1h']).catch(() => undefined);
  await call(['auth', 'can-i', 'get', '/healthz']).catch(() => undefined);
  await call(['auth', 'whoami']).catch(() => undefined);
  expect(received.map(({ body }) => decodeProtobuf(body))).toEqual([
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {}, spec: { audiences: ['a'], expirationSeconds: 3600 }, status: { token: '' } },
    { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', metadata: {}, spec: { nonResourceAttributes: { path: '/healthz', verb: 'get' } }, status: { allowed: false } },
    { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview', metadata: {}, status: { userInfo: {} } },
  ]);
});
