import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configMaps, pods, type ConfigMap } from '../../../src/api/kinds/core.ts';
import type { WatchEvent } from '../../../src/api/meta.ts';
import { StatusError } from '../../../src/api/status.ts';
import { ConnectionError } from '../../../src/client/client.ts';
import { httpClient, type HttpClientOptions } from '../../../src/client/http-client.ts';
import { tinyCluster, type TinyCluster } from '../../support/tiny-cluster.ts';

let cluster: TinyCluster;
const clients: { dispose(): unknown }[] = [];
const connect = (options: Partial<HttpClientOptions> = {}) => {
  const client = httpClient({ server: cluster.server, ca: cluster.ca, ...options });
  clients.push(client);
  return client;
};
const map = (name: string): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'demo' }, data: { value: 'ä' } });
const last = () => cluster.seen.at(-1);

beforeEach(async () => void (cluster = await tinyCluster()));
afterEach(async () => {
  for (const client of clients.splice(0)) client.dispose();
  await cluster.dispose();
});

describe('http client', () => {
  it('reads, with the type filled in that items of lists lack', async () => {
    cluster.put('a', '1');
    const client = connect();
    expect(await client.get(configMaps, { namespace: 'demo', name: 'a' })).toMatchObject({ data: { value: '1' } });
    const list = await client.list(configMaps, { namespace: 'demo', labelSelector: 'app=web,tier in (a,b)', limit: 5 });
    expect(list.items).toMatchObject([{ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a' } }]);
    expect(new URL(last()?.url ?? '', 'https://x').searchParams.get('labelSelector')).toBe('app=web,tier in (a,b)');
  });

  it.each([
    ['create', (c: ReturnType<typeof connect>) => c.create(configMaps, map('a')), 'POST /api/v1/namespaces/demo/configmaps', 'application/json'],
    ['dry run', (c: ReturnType<typeof connect>) => c.create(configMaps, map('a'), { dryRun: true }), 'POST /api/v1/namespaces/demo/configmaps?dryRun=All', 'application/json'],
    ['binding', (c: ReturnType<typeof connect>) => c.create(pods, map('a'), { namespace: 'demo', name: 'p', subresource: 'binding' }), 'POST /api/v1/namespaces/demo/pods/p/binding', 'application/json'],
    ['update', (c: ReturnType<typeof connect>) => c.update(configMaps, map('a'), { subresource: 'status' }), 'PUT /api/v1/namespaces/demo/configmaps/a/status', 'application/json'],
    ['merge patch', (c: ReturnType<typeof connect>) => c.patch(configMaps, { namespace: 'demo', name: 'a' }, 'merge', {}), 'PATCH /api/v1/namespaces/demo/configmaps/a', 'application/merge-patch+json'],
    ['apply', (c: ReturnType<typeof connect>) => c.patch(configMaps, { namespace: 'demo', name: 'a' }, 'apply', {}, { force: true }), 'PATCH /api/v1/namespaces/demo/configmaps/a?fieldManager=slipway&force=true', 'application/apply-patch+yaml'],
    ['delete', (c: ReturnType<typeof connect>) => c.delete(configMaps, { namespace: 'demo', name: 'a' }, { propagationPolicy: 'Background' }), 'DELETE /api/v1/namespaces/demo/configmaps/a', 'application/json'],
    ['upload', (c: ReturnType<typeof connect>) => c.raw('POST', '/up?name=x', Readable.from([Buffer.from('tar')])), 'POST /up?name=x', 'application/octet-stream'],
  ])('sends %s', async (_, call, request, type) => {
    cluster.intercept = (_seen, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
      return true;
    };
    await call(connect({ token: 't' }));
    expect([`${last()?.method} ${last()?.url}`, last()?.headers['content-type'], last()?.headers.authorization]).toEqual([request, type, 'Bearer t']);
  });

  it.each([
    ['a Status', 409, 'application/json', '{"kind":"Status","status":"Failure","reason":"AlreadyExists","code":409,"message":"it is there"}', 'AlreadyExists', 'it is there'],
    ['plain text of a proxy', 502, 'text/html', '<h1>Bad Gateway</h1>', 'Unknown', '<h1>Bad Gateway</h1>'],
    ['nothing', 503, 'text/plain', '', 'ServiceUnavailable', 'the server answered 503'],
    ['broken JSON', 500, 'application/json', '{', 'InternalError', '{'],
  ])('turns a refusal with %s into a StatusError', async (_, code, type, body, reason, message) => {
    cluster.intercept = (_seen, response) => {
      response.writeHead(code, { 'Content-Type': type }).end(body);
      return true;
    };
    const failure = connect().list(configMaps, { namespace: 'demo' });
    await expect(failure).rejects.toBeInstanceOf(StatusError);
    await expect(failure).rejects.toMatchObject({ code, reason, message });
  });

  it('says 404 of an unknown path as the server does', async () => {
    await expect(connect().raw('GET', '/nope')).rejects.toMatchObject({ code: 404, message: '404 page not found' });
  });

  it('shows its certificate, and does not trust a server of another authority', async () => {
    await connect({ certificate: cluster.client.certificate, key: cluster.client.key }).list(configMaps, { namespace: 'demo' });
    expect(last()?.certificate).toBe('system:admin');
    const other = await tinyCluster();
    await expect(connect({ ca: other.ca }).list(configMaps, { namespace: 'demo' })).rejects.toBeInstanceOf(ConnectionError);
    await other.dispose();
    await expect(connect({ ca: undefined, insecureSkipVerify: true }).list(configMaps, { namespace: 'demo' })).resolves.toMatchObject({ items: [] });
  });

  it('rejects with ConnectionError when nobody answers', async () => {
    await expect(connect({ server: 'https://127.0.0.1:1' }).list(configMaps)).rejects.toThrow(/cannot reach 127.0.0.1:1: .*ECONNREFUSED/);
  });

  it('reads again when the server had just closed the kept connection, and never writes again', async () => {
    const client = connect();
    await client.list(configMaps, { namespace: 'demo' });
    let calls = 0;
    cluster.intercept = (_seen, response) => {
      if (++calls > 1) return false;
      response.socket?.destroy();
      return true;
    };
    await client.list(configMaps, { namespace: 'demo' });
    expect(calls).toBe(2);
    calls = 0;
    await expect(client.create(configMaps, map('a'))).rejects.toBeInstanceOf(ConnectionError);
    expect(calls).toBe(1);
  });

  it('asks for other credentials once when refused', async () => {
    const tokens = ['old', 'new'];
    const client = connect({ credentials: { current: () => Promise.resolve({ token: tokens[0] }), refused: () => tokens.shift() === 'old' } });
    cluster.intercept = ({ headers }, response) => {
      if (headers.authorization === 'Bearer new') return false;
      response.writeHead(401).end();
      return true;
    };
    await client.list(configMaps, { namespace: 'demo' });
    expect(cluster.seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer old', 'Bearer new']);
    tokens.splice(0, 1, 'bad');
    await expect(client.list(configMaps, { namespace: 'demo' })).rejects.toMatchObject({ code: 401 });
  });

  it('speaks TLS over a unix socket, with the name the certificate has', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'sock-'));
    const socketPath = path.join(folder, 'api.sock');
    const other = await tinyCluster((server) => new Promise((resolve) => server.listen(socketPath, resolve)));
    const options = { server: other.server, ca: other.ca, socketPath, certificate: other.client.certificate, key: other.client.key };
    await connect(options).list(configMaps, { namespace: 'demo' });
    expect(other.seen[0]?.certificate).toBe('system:admin');
    await expect(connect({ ...options, serverName: 'elsewhere.example' }).list(configMaps)).rejects.toBeInstanceOf(ConnectionError);
    await other.dispose();
    rmSync(folder, { recursive: true });
  });
});

describe('watch', () => {
  const names = (events: WatchEvent<ConfigMap>[]) => events.map(({ type, object }) => `${type} ${object.metadata?.name}`);

  it('gives events as they come, also when a character is cut in two', async () => {
    const bytes = Buffer.from(`${JSON.stringify({ type: 'ADDED', object: map('ä') })}\n\n${JSON.stringify({ type: 'DELETED', object: map('b') })}\n`);
    const cut = bytes.indexOf(Buffer.from('ä')) + 1;
    cluster.intercept = (_seen, response) => {
      response.writeHead(200).write(bytes.subarray(0, cut), () => setImmediate(() => response.end(bytes.subarray(cut))));
      return true;
    };
    const got: WatchEvent<ConfigMap>[] = [];
    for await (const event of connect().watch(configMaps, { namespace: 'demo' })) got.push(event);
    expect(names(got)).toEqual(['ADDED ä', 'DELETED b']);
  });

  it('ends without an error when disposed or aborted, and lets the server know', async () => {
    for (const way of ['dispose', 'abort'] as const) {
      const abort = new AbortController();
      const watch = connect().watch(configMaps, { namespace: 'demo', resourceVersion: '10', signal: abort.signal, allowBookmarks: true });
      await watch.opened;
      await cluster.watched(1);
      const got: WatchEvent<ConfigMap>[] = [];
      cluster.put('a', '1');
      for await (const event of watch) {
        got.push(event);
        if (way === 'dispose') watch.dispose();
        else abort.abort();
      }
      expect(got.length).toBeGreaterThan(0);
      await expect.poll(() => cluster.watchers).toBe(0);
    }
    expect(last()?.url).toContain('allowWatchBookmarks=true');
  });

  it('rejects when refused, and with ConnectionError when it breaks', async () => {
    await expect(connect().watch(pods, { namespace: 'demo' }).opened).rejects.toMatchObject({ code: 404 });
    const watch = connect().watch(configMaps, { namespace: 'demo', resourceVersion: '10' });
    await cluster.watched(1);
    cluster.cut('destroy');
    await expect(watch[Symbol.asyncIterator]().next()).rejects.toBeInstanceOf(ConnectionError);
  });
});
