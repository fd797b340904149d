import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { connect, createServer as createTcp, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { egressEnvironment } from '../../../../src/agent/network/egress.ts';
import { startEgressProxy } from '../../../../src/agent/network/egress-proxy.ts';
import { parseAuthority } from '../../../../src/agent/network/http-proxy.ts';
import { upstreamProxy } from '../../../../src/agent/network/upstream-proxy.ts';
import { Scope } from '../../../../src/base/disposable.ts';

let scope: Scope;
let socketPath: string;
let port: number;
beforeEach(async () => {
  scope = new Scope();
  const folder = mkdtempSync(join(tmpdir(), 'egress-'));
  scope.defer(() => rmSync(folder, { recursive: true }));
  socketPath = join(folder, 'egress.sock');
  const server = createServer((incoming, response) => {
    response.setHeader('x-seen', JSON.stringify(incoming.headers));
    incoming.pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  scope.defer(() => void server.closeAllConnections());
  scope.defer(() => void server.close());
  ({ port } = server.address() as AddressInfo);
});
afterEach(() => scope.dispose());

const start = async (environment: NodeJS.ProcessEnv = {}) => scope.own(await startEgressProxy(socketPath, { environment }));

function plain(url: string, body = '', headers: Record<string, string> = {}): Promise<{ status: number | undefined; text: string; seen: Record<string, string> }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method: 'POST', path: url, headers }, (response) => {
      let text = '';
      response.on('data', (part) => (text += String(part))).on('end', () => resolve({ status: response.statusCode, text, seen: JSON.parse(String(response.headers['x-seen'] ?? '{}')) as Record<string, string> }));
    });
    asked.on('error', reject).end(body);
  });
}

function tunnel(target: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(socketPath, () => socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`));
    let text = '';
    socket.on('data', (part) => {
      text += String(part);
      if (text.startsWith('HTTP/1.1 200') && text.endsWith('\r\n\r\n')) socket.write('GET / HTTP/1.0\r\n\r\n');
    });
    socket.on('close', () => resolve(text)).on('error', () => undefined);
  });
}

describe('the outside half', () => {
  test('is for this user alone', async () => {
    await start();
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
  });

  test('passes requests on without what belongs to one connection', async () => {
    await start();
    const { status, text, seen } = await plain(`http://host.slipway.internal:${port}/path`, 'body', { 'proxy-authorization': 'secret', 'proxy-connection': 'keep-alive', 'x-own': '1', host: `host.slipway.internal:${port}` });
    expect([status, text]).toEqual([200, 'body']);
    expect(seen).toMatchObject({ host: `host.slipway.internal:${port}`, 'x-own': '1' });
    expect(Object.keys(seen)).not.toContain('proxy-authorization');
  });

  test('makes tunnels', async () => {
    await start();
    expect(await tunnel(`host.slipway.internal:${port}`)).toMatch(/^HTTP\/1.1 200 [\s\S]*HTTP\/1.1 200 OK/);
  });

  test.each([['127.0.0.1:%'], ['[::1]:%'], ['localhost:%'], ['0.0.0.0:%'], ['127.9.9.9:%'], ['app.localhost:%']])('does not take %s for this machine', async (target) => {
    await start();
    expect(await tunnel(target.replace('%', String(port)))).toMatch(/^HTTP\/1.1 403 [\s\S]*host\.slipway\.internal/);
  });

  test('tells what is wrong', async () => {
    await start();
    expect(await tunnel('nothing')).toMatch(/^HTTP\/1.1 400/);
    expect(await tunnel('host.slipway.internal:1')).toMatch(/^HTTP\/1.1 502/);
    expect(await plain('/relative')).toMatchObject({ status: 400 });
    expect(await plain('ftp://host/file')).toMatchObject({ status: 400 });
    expect(await plain('http://host.slipway.internal:1/')).toMatchObject({ status: 502 });
  });

  test('asks this machine’s own proxy in turn', async () => {
    const heard: string[] = [];
    const upstream = createTcp((socket) => {
      socket.once('data', (head) => {
        heard.push(String(head).split('\r\n').filter((line) => /^(CONNECT |POST |proxy-auth)/i.test(line)).join(' | '));
        socket.end(String(head).startsWith('CONNECT') ? 'HTTP/1.1 407 No\r\n\r\n' : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok');
      });
    });
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    scope.defer(() => void upstream.close());
    const at = `http://user:pass@127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    await start({ HTTPS_PROXY: at, http_proxy: at, no_proxy: 'inside.example' });
    expect(await tunnel('example.com:443')).toMatch(/^HTTP\/1.1 407/);
    expect(await plain('http://example.com/x')).toMatchObject({ status: 200, text: 'ok' });
    expect(heard).toEqual(['CONNECT example.com:443 HTTP/1.1 | Proxy-Authorization: Basic dXNlcjpwYXNz', 'POST http://example.com/x HTTP/1.1 | proxy-authorization: Basic dXNlcjpwYXNz']);
  });
});

test.each<[NodeJS.ProcessEnv, 'http' | 'https', string, string | undefined]>([
  [{}, 'http', 'a.example', undefined],
  [{ HTTP_PROXY: 'http://one:1' }, 'https', 'a.example', undefined],
  [{ HTTP_PROXY: 'http://one:1', http_proxy: 'two:2' }, 'http', 'a.example', 'two:2'],
  [{ ALL_PROXY: 'http://one' }, 'https', 'a.example', 'one:80'],
  [{ https_proxy: 'socks5://one:1' }, 'https', 'a.example', undefined],
  [{ https_proxy: 'http://one:1', no_proxy: '.example' }, 'https', 'a.example', undefined],
  [{ https_proxy: 'http://one:1', NO_PROXY: 'example' }, 'https', 'notexample', 'one:1'],
  [{ https_proxy: 'http://one:1', no_proxy: '*' }, 'https', 'a.example', undefined],
  [{ https_proxy: 'not a url at all' }, 'https', 'a.example', undefined],
])('proxy of this machine: %j', (environment, scheme, host, expected) => {
  const found = upstreamProxy(environment, scheme, host);
  expect(found && `${found.host}:${found.port}`).toBe(expected);
});

test.each([['a.example:443', { host: 'a.example', port: 443 }], ['[::1]:8080', { host: '::1', port: 8080 }], ['A.Example:1', { host: 'a.example', port: 1 }], ['a.example', undefined], ['a:0', undefined], ['a:70000', undefined], ['a b:1', undefined]])('authority %s', (text, expected) => {
  expect(parseAuthority(text)).toEqual(expected);
});

test('pods are told the proxy in both spellings, and nothing where they need none', () => {
  const network = { podCidr: '10.128.0.0/23', serviceCidr: '172.30.0.0/16', clusterDns: '', clusterDomain: 'cluster.local', nodeIp: '', apiService: '', registryService: '', egressProxy: '172.30.0.11:3128' };
  const environment = Object.fromEntries(egressEnvironment(network).map(({ name, value }) => [name, value]));
  expect(environment).toMatchObject({ HTTP_PROXY: 'http://172.30.0.11:3128', https_proxy: 'http://172.30.0.11:3128', NO_PROXY: expect.stringContaining('.svc,.cluster.local,10.128.0.0/14') as string });
  expect(egressEnvironment({ ...network, egressProxy: '' })).toEqual([]);
});
