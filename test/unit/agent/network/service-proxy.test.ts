import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, connect, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { serviceProxy, type ServiceProxy, type SocketService } from '../../../../src/agent/network/service-proxy.ts';
import { findService, listenersFor, type ServiceEntry } from '../../../../src/agent/network/service-table.ts';
import { Scope } from '../../../../src/base/disposable.ts';
import { silentLog } from '../../../../src/base/log.ts';
import { eventually } from '../../../support/eventually.ts';

let scope = new Scope();
afterEach(async () => {
  await scope.dispose();
  scope = new Scope();
});

function service(name: string, ip: string, endpoints: { port: number; ready?: boolean }[], more: Partial<ServiceEntry> = {}, protocol: 'TCP' | 'UDP' = 'TCP'): ServiceEntry {
  return {
    namespace: 'demo', name, clusterIPs: ip === '' ? [] : [ip], publishNotReady: false, ...more,
    ports: [{ name: 'main', protocol, port: 80, endpoints: endpoints.map(({ port, ready = true }) => ({ ip: '127.0.0.1', port, ready })) }],
  };
}

async function echo(name: string): Promise<number> {
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = '';
    socket.on('data', (part) => (text += String(part)));
    socket.on('end', () => socket.end(`${name}:${text}`));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scope.defer(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** Sends, ends, and reads what comes back: half-open connections must survive the relay. */
function ask(proxy: ServiceProxy, ip: string, text = 'x'): Promise<string> {
  const at = proxy.address(ip, 80)!;
  return new Promise((resolve, reject) => {
    const socket = connect({ ...at, allowHalfOpen: true }, () => socket.end(text));
    let got = '';
    socket.on('data', (part) => (got += String(part))).on('end', () => resolve(got)).on('error', reject);
  });
}

function open(sockets: SocketService[] = []): ServiceProxy {
  return scope.own(serviceProxy({ mode: 'loopback', sockets, log: silentLog }));
}

test('relays to ready endpoints in turn, follows the table, keeps what stays', async () => {
  const proxy = open();
  const [one, two] = [await echo('one'), await echo('two')];
  await proxy.update([service('web', '172.30.1.1', [{ port: one }, { port: two }, { port: 1, ready: false }])]);
  const before = proxy.address('172.30.1.1', 80);
  expect((await Promise.all([1, 2, 3, 4].map(() => ask(proxy, '172.30.1.1')))).sort()).toEqual(['one:x', 'one:x', 'two:x', 'two:x']);
  await proxy.update([service('web', '172.30.1.1', [{ port: two }])]);
  expect(proxy.address('172.30.1.1', 80)).toEqual(before);
  expect(await ask(proxy, '172.30.1.1', 'y'.repeat(200_000))).toBe(`two:${'y'.repeat(200_000)}`);
  // A port that a container was told stays as long as its service.
  await proxy.update([service('web', '172.30.1.1', [{ port: two, ready: false }])]);
  await expect(ask(proxy, '172.30.1.1')).rejects.toMatchObject({ code: 'ECONNRESET' });
  await proxy.update([]);
  expect(proxy.address('172.30.1.1', 80)).toBeUndefined();
});

test('goes on to another endpoint if one does not answer, and resets if none does', async () => {
  const proxy = open();
  const good = await echo('good');
  await proxy.update([service('web', '172.30.1.1', [{ port: 1 }, { port: good }]), service('dead', '172.30.1.2', [{ port: 1 }])]);
  expect(await Promise.all([1, 2].map(() => ask(proxy, '172.30.1.1')))).toEqual(['good:x', 'good:x']);
  await expect(ask(proxy, '172.30.1.2')).rejects.toMatchObject({ code: 'ECONNRESET' });
});

test('leads fixed addresses to sockets, whatever the table says', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'proxy-'));
  scope.defer(() => rmSync(folder, { recursive: true }));
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.resume().on('end', () => socket.end('api')));
  await new Promise<void>((resolve) => server.listen(join(folder, 'api.sock'), resolve));
  scope.defer(() => void server.close());
  const proxy = open([{ address: '172.30.0.1:80', to: join(folder, 'api.sock') }]);
  await proxy.update([service('kubernetes', '172.30.0.1', [{ port: 1 }])]);
  expect(await ask(proxy, '172.30.0.1')).toBe('api');
  await proxy.update([]);
  expect(await ask(proxy, '172.30.0.1')).toBe('api');
});

test('relays datagrams and their answers', async () => {
  const server = createSocket('udp4');
  server.on('message', (message, from) => server.send(`got ${String(message)}`, from.port, from.address));
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
  scope.defer(() => void server.close());
  const proxy = open();
  await proxy.update([service('dns', '172.30.1.1', [{ port: server.address().port }], {}, 'UDP')]);
  const client = createSocket('udp4');
  scope.defer(() => void client.close());
  const answers: string[] = [];
  for (const text of ['a', 'b']) {
    const answer = new Promise((resolve) => client.once('message', resolve));
    const at = proxy.address('172.30.1.1', 80, 'UDP')!;
    client.send(text, at.port, at.host);
    answers.push(String(await answer));
  }
  expect(answers).toEqual(['got a', 'got b']);
});

test('what a node listens on: cluster addresses and node ports with a ready endpoint, the first to claim one', () => {
  const web = service('web', '172.30.1.1', [{ port: 1 }]);
  web.ports[0]!.nodePort = 30080;
  const keys = [...listenersFor([web, service('copy', '172.30.1.1', [{ port: 2 }]), service('empty', '172.30.1.2', []), service('headless', '', [{ port: 1 }])])].map(([key, { targets }]) => [key, targets[0]?.port]);
  expect(keys).toEqual([['TCP 172.30.1.1:80', 1], ['TCP 0.0.0.0:30080', 1]]);
});

test.each([
  ['web', 'demo', true], ['web', undefined, false], ['web', 'other', false], ['web.demo', 'other', true], ['web.demo.svc', undefined, true], ['WEB.demo.svc.cluster.local.', undefined, true],
  ['web.demo.pod.cluster.local', undefined, false], ['example.com', 'demo', false], ['web.demo.com', 'demo', false], ['a.web.demo.svc', 'demo', false],
])('%s asked from %s', (host, namespace, found) => {
  expect(findService([service('web', '172.30.1.1', [])], host, namespace, 'cluster.local')?.name).toBe(found ? 'web' : undefined);
});

test('who connects to an idle service waits, is called for again and again, and gets the endpoint that comes', async () => {
  const calls: string[] = [];
  const proxy = scope.own(serviceProxy({ mode: 'loopback', sockets: [], log: silentLog, needPods: (name, port) => calls.push(`${name}:${port}`) }));
  await proxy.update([service('web', '172.30.1.1', [], { idle: true })]);
  const answer = ask(proxy, '172.30.1.1');
  await eventually(() => calls.length).toBeGreaterThan(1);
  expect(new Set(calls)).toEqual(new Set(['demo/web:main']));
  // Woken, with nobody ready yet.
  await proxy.update([service('web', '172.30.1.1', [])]);
  await proxy.update([service('web', '172.30.1.1', [{ port: await echo('awake') }])]);
  expect(await answer).toBe('awake:x');
});

test('policies are asked for each endpoint', async () => {
  const [one, two] = [await echo('one'), await echo('two')];
  const proxy = scope.own(serviceProxy({ mode: 'loopback', sockets: [], log: silentLog, permits: (client, to) => client === '127.0.0.1' && to.port === two }));
  await proxy.update([service('web', '172.30.1.1', [{ port: one }, { port: two }]), service('shut', '172.30.1.2', [{ port: one }])]);
  expect(await Promise.all([1, 2].map(() => ask(proxy, '172.30.1.1')))).toEqual(['two:x', 'two:x']);
  await expect(ask(proxy, '172.30.1.2')).rejects.toMatchObject({ code: 'ECONNRESET' });
});
