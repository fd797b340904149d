import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/base/clock.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { buildImage } from '../../../src/oci/image-builder.ts';
import type { Descriptor } from '../../../src/oci/manifest.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { credentialsFor, parseChallenges } from '../../../src/oci/registry-auth.ts';
import { registryClient, type RegistryClient, type RegistryClientOptions } from '../../../src/oci/registry-client.ts';
import { dialThroughProxy } from '../../../src/oci/registry-connection.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';

let directory: string;
const owned: { close(): unknown }[] = [];
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'slipway-client-'))));
afterEach(async () => {
  for (const one of owned.splice(0).reverse()) await one.close();
  rmSync(directory, { recursive: true });
});
const own = <T extends { close(): unknown }>(one: T): T => (owned.push(one), one);
const admin = { username: 'x', password: 'admin' };
/** Waits cost no time. */
const hasty: Clock = { now: () => new Date(), after: (_ms, run) => (setImmediate(run), { dispose: () => undefined }) };
const client = (options: RegistryClientOptions): RegistryClient => own(registryClient({ clock: hasty, ...options }));
const text = async (blob: AsyncIterable<Buffer>) => {
  const chunks: Buffer[] = [];
  for await (const chunk of blob) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};
const describeBlob = (content: string): Descriptor => ({ mediaType: mediaTypes.layer, digest: digestOf(content), size: content.length });

/** A server whose answers a test writes itself. */
async function serve(answer: (request: IncomingMessage, response: ServerResponse, count: number) => void): Promise<string> {
  let count = 0;
  const server: Server = createServer((asked, response) => answer(asked, response, ++count));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  own({ close: () => (server.closeAllConnections(), new Promise((resolve) => server.close(resolve))) });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('against a registry', () => {
  let registry: TestRegistry;
  beforeEach(async () => void (registry = own(await startRegistry({ directory: join(directory, 'registry'), tls: true, socketPath: join(directory, 's') }))));

  it.each<[string, () => Partial<RegistryClientOptions>]>([
    ['TLS and its CA', () => ({ ca: registry.ca })],
    ['TLS, insecure', () => ({ insecure: true })],
    ['a unix socket, under its cluster name', () => ({ ca: registry.ca, baseUrl: 'https://docker-registry.default.svc:5000', socketPath: join(directory, 's') })],
    ['a dialler', () => ({ ca: registry.ca, baseUrl: 'https://docker-registry.default.svc:5000', dial: async () => connect(registry.port, '127.0.0.1') })],
  ])('pushes and pulls over %s', async (_name, options) => {
    const one = client({ baseUrl: registry.url, auth: admin, ...options() });
    await one.ping();
    const file = join(directory, 'layer');
    const layer = 'layer content '.repeat(10_000);
    writeFileSync(file, layer);
    const image = buildImage({ layers: [{ ...describeBlob(layer), diffId: digestOf(layer), createdBy: 'test' }] });
    const blobs = [{ ...describeBlob(layer), content: file }, { ...image.config, content: image.config.bytes }];
    expect(await one.pushImage('demo/app', 'v1', { blobs, manifest: image.manifest })).toBe(image.manifest.digest);
    expect(await one.resolve('demo/app', 'v1')).toBe(image.manifest.digest);
    expect(await one.resolve('demo/app', 'v2')).toBeUndefined();
    expect(await one.tags('demo/app')).toEqual(['v1']);
    expect(await one.image('demo/app', 'v1')).toMatchObject({ digest: image.manifest.digest, manifest: { layers: [{ digest: digestOf(layer) }] } });
    expect(await text(one.readBlob('demo/app', describeBlob(layer)))).toBe(layer);
    expect(await one.pushBlob('demo/app', blobs[0]!)).toBe('present');
    expect(await one.pushBlob('demo/other', { ...blobs[0]!, mountFrom: 'demo/app' })).toBe('mounted');
    const chunked = describeBlob('0123456789');
    const steps: number[] = [];
    expect(await one.pushBlob('demo/app', { ...chunked, content: Buffer.from('0123456789') }, { chunkBytes: 4, onProgress: (bytes) => steps.push(bytes) })).toBe('pushed');
    expect(steps).toEqual([4, 8, 10]);
    await expect(one.pushBlob('demo/app', { ...describeBlob('elsewhere') })).rejects.toMatchObject({ problem: 'NotFound' });
    await expect(one.pushBlob('demo/app', { ...describeBlob('promised'), content: Buffer.from('delivery') })).rejects.toMatchObject({ problem: 'Refused', code: 'DIGEST_INVALID' });
    await expect(one.pushBlob('demo/app', { ...describeBlob('missing'), content: join(directory, 'no-such-file') })).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('sends a blob with the first request where it is told to, also to a registry that does not know this', async () => {
    const asked: string[] = [];
    const registry = own(await startRegistry({ directory, before: (request) => (asked.push(`${request.method} ${request.url}`), false) }));
    const content = Buffer.from('whole');
    const blob = { digest: digestOf(content), size: content.length, content };
    expect(await client({ baseUrl: registry.url, insecure: true, auth: admin }).pushBlob('demo/app', blob, { whole: true })).toBe('pushed');
    expect(asked.filter((one) => !one.startsWith('GET')).slice(-1)).toEqual([`POST /v2/demo/app/blobs/uploads/?digest=${blob.digest}`]);
    const seen: string[] = [];
    const old = await serve((request, response) => {
      seen.push(request.method ?? '');
      request.resume().once('end', () => (request.method === 'POST' ? response.writeHead(202, { location: '/v2/x/blobs/uploads/1' }) : response.writeHead(request.method === 'HEAD' ? 404 : 201)).end());
    });
    expect(await client({ baseUrl: old, insecure: true }).pushBlob('x', blob, { whole: true })).toBe('pushed');
    expect(seen).toEqual(['HEAD', 'POST', 'PUT']);
  });

  it('gives back an upload that it gives up', async () => {
    const seen: string[] = [];
    const url = await serve((request, response) => {
      seen.push(`${request.method} ${request.url?.split('?')[0]}`);
      const status = request.method === 'POST' ? 202 : request.method === 'HEAD' ? 404 : request.method === 'DELETE' ? 204 : 400;
      request.resume().once('end', () => response.writeHead(status, { location: '/v2/x/blobs/uploads/1' }).end());
    });
    const content = Buffer.from('refused');
    await expect(client({ baseUrl: url, insecure: true }).pushBlob('x', { digest: digestOf(content), size: content.length, content })).rejects.toMatchObject({ problem: 'Refused' });
    expect(seen.at(-1)).toBe('DELETE /v2/x/blobs/uploads/1');
  });

  it('chooses the image of a platform', async () => {
    const one = client({ baseUrl: registry.url, auth: admin, ca: registry.ca });
    const manifests: Descriptor[] = [];
    for (const architecture of ['amd64', 's390x']) {
      const { config, manifest } = buildImage({ layers: [], platform: { os: 'linux', architecture } });
      await one.pushImage('demo/multi', manifest.digest, { blobs: [{ ...config, content: config.bytes }], manifest });
      manifests.push({ mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.size, platform: { os: 'linux', architecture } });
    }
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests }));
    const listDigest = await one.pushManifest('demo/multi', 'latest', { mediaType: mediaTypes.index, bytes: index });
    expect(await one.image('demo/multi', 'latest', { platform: { os: 'linux', architecture: 's390x' } })).toMatchObject({ listDigest, digest: manifests[1]?.digest, config: { architecture: 's390x' } });
    await expect(one.image('demo/multi', 'latest', { platform: { os: 'linux', architecture: 'mips' } })).rejects.toThrow('has no image for linux/mips');
  });

  it('tells people what is wrong', async () => {
    await expect(client({ baseUrl: registry.url }).ping()).rejects.toThrow(/certificate is not trusted here: give its CA/);
    await expect(client({ baseUrl: registry.url, insecure: true, auth: { username: 'x', password: 'wrong' } }).ping()).rejects.toMatchObject({ problem: 'Unauthorized', message: expect.stringMatching(/does not accept the user name and password/) as string });
    await expect(client({ baseUrl: registry.url, insecure: true }).tags('demo/app')).rejects.toThrow(/asks for a user name and password; link a pull secret/);
    await expect(client({ baseUrl: registry.url, insecure: true, auth: { username: 'x', password: 'reader' } }).pushBlob('demo/app', { ...describeBlob('x'), content: Buffer.from('x') })).rejects.toMatchObject({ problem: 'Denied' });
    await expect(client({ baseUrl: 'https://127.0.0.1:1' }).ping()).rejects.toMatchObject({ problem: 'Unreachable' });
    await expect(client({ baseUrl: registry.url, insecure: true, auth: admin }).manifest('demo/none', 'x', AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });
});

describe('when the way is bad', () => {
  const content = 'abcdefghij'.repeat(1000);
  const blob = describeBlob(content);

  it('goes on where a broken download ended, in memory and from a file', async () => {
    const ranges: (string | undefined)[] = [];
    const url = await serve((asked, response) => {
      ranges.push(asked.headers.range);
      const from = Number(/bytes=(\d+)-/.exec(asked.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(from > 0 ? 206 : 200, { 'content-length': content.length - from });
      response.write(content.slice(from, from + 4000), () => (from + 4000 < content.length ? response.destroy() : response.end()));
    });
    expect(await text(client({ baseUrl: url }).readBlob('a/b', blob))).toBe(content);
    expect(ranges).toEqual([undefined, 'bytes=4000-', 'bytes=8000-']);
    const file = join(directory, 'blob');
    writeFileSync(`${file}.part`, content.slice(0, 7000));
    await client({ baseUrl: url }).pullBlob('a/b', blob, file);
    expect(ranges.at(-1)).toBe('bytes=7000-');
    expect(readFileSync(file, 'utf8')).toBe(content);
    expect(readdirSync(directory)).toEqual(['blob']);
  });

  it('believes no content but the right one, and does not keep it', async () => {
    for (const sent of [content.toUpperCase(), `${content}tail`]) {
      const url = await serve((_asked, response) => response.end(sent));
      await expect(text(client({ baseUrl: url }).readBlob('a/b', blob))).rejects.toMatchObject({ name: 'DigestMismatch' });
      await expect(client({ baseUrl: url }).pullBlob('a/b', blob, join(directory, 'blob'))).rejects.toMatchObject({ name: 'DigestMismatch' });
      expect(readdirSync(directory)).toEqual([]);
    }
    const manifest = await serve((_asked, response) => response.end('{"schemaVersion":2}'));
    await expect(client({ baseUrl: manifest }).manifest('a/b', digestOf('other'))).rejects.toMatchObject({ name: 'DigestMismatch' });
  });

  it('tries again what may pass, a bounded number of times', async () => {
    for (const [status, times] of [[503, 3], [429, 3], [400, 1], [404, 1]] as const) {
      let calls = 0;
      const url = await serve((_asked, response) => void (calls++, response.writeHead(status, { 'retry-after': '1' }).end('{"errors":[{"code":"X","message":"why"}]}')));
      await expect(client({ baseUrl: url }).tags('a/b')).rejects.toThrow(`${status} X: why`);
      expect(calls).toBe(times);
    }
    const url = await serve((_asked, response, count) => (count < 3 ? response.destroy() : response.end('{"tags":["t"]}')));
    expect(await client({ baseUrl: url }).tags('a/b')).toEqual(['t']);
  });

  it('follows pages of tags and redirects, and gives credentials to nobody else', async () => {
    const seen: (string | undefined)[] = [];
    const elsewhere = await serve((asked, response) => void (seen.push(asked.headers.authorization), response.end(content)));
    const url = await serve((asked, response) => {
      if (!asked.headers.authorization) return void response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      if (asked.url?.includes('/blobs/')) return void response.writeHead(307, { location: `${elsewhere}/there` }).end();
      const last = asked.url?.includes('last=');
      response.writeHead(200, last ? {} : { link: '</v2/a/b/tags/list?last=t1>; rel="next"' }).end(JSON.stringify({ tags: [last ? 't2' : 't1'] }));
    });
    const one = client({ baseUrl: url, auth: admin });
    expect(await one.tags('a/b')).toEqual(['t1', 't2']);
    expect(await text(one.readBlob('a/b', blob))).toBe(content);
    expect(seen).toEqual([undefined]);
    const circle = await serve((_asked, response) => void response.writeHead(302, { location: '/again' }).end());
    await expect(client({ baseUrl: circle }).tags('a/b')).rejects.toThrow('redirects more than');
  });

  it('asks the realm for a token with the right scope, and again when it expired', async () => {
    const asked: string[] = [];
    let token = 1;
    const url = await serve((request_, response) => {
      if (request_.url?.startsWith('/token')) return void (asked.push(request_.url), response.end(JSON.stringify({ token: `t${token}` })));
      if (request_.headers.authorization !== `Bearer t${token}`) return void response.writeHead(401, { 'www-authenticate': `Bearer realm="${url}/token",service="registry.example",scope="ignored"` }).end();
      response.end('{"tags":[]}');
    });
    const one = client({ baseUrl: url });
    await one.tags('a/b');
    await one.tags('a/b');
    token = 2;
    await one.tags('a/b');
    expect(asked).toEqual(Array(2).fill('/token?service=registry.example&scope=repository%3Aa%2Fb%3Apull'));
  });

  it('speaks plain HTTP to insecure registries that have no TLS', async () => {
    const url = await serve((_asked, response) => response.end('{"tags":["plain"]}'));
    expect(await client({ baseUrl: url.replace('http:', 'https:'), insecure: true }).tags('a/b')).toEqual(['plain']);
    await expect(client({ baseUrl: url.replace('http:', 'https:') }).tags('a/b')).rejects.toMatchObject({ problem: 'Unreachable' });
  });

  it('goes through a proxy', async () => {
    const registry = await serve((_asked, response) => response.end('{"tags":["proxied"]}'));
    const wanted: (string | undefined)[] = [];
    const proxy = createServer().on('connect', (asked, socket) => {
      wanted.push(asked.url);
      if (asked.url?.startsWith('forbidden')) return socket.end('HTTP/1.1 403 No\r\n\r\n');
      const out = connect(Number(new URL(registry).port), '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
      out.pipe(socket).pipe(out);
      return undefined;
    });
    await new Promise<void>((resolve) => proxy.listen(join(directory, 'proxy'), resolve));
    own({ close: () => new Promise((resolve) => proxy.close(resolve)) });
    const dial = dialThroughProxy({ socketPath: join(directory, 'proxy') });
    const one = client({ baseUrl: 'http://registry.example', dial });
    expect(await one.tags('a/b')).toEqual(['proxied']);
    one.close();
    await expect(client({ baseUrl: 'http://forbidden.example', dial }).tags('a/b')).rejects.toThrow('the proxy refused a connection to forbidden.example:80: 403 No');
    expect(wanted[0]).toBe('registry.example:80');
  });
});

describe('credentials', () => {
  const config = (auths: object) => JSON.stringify({ auths });
  const auth = Buffer.from('user:p:w').toString('base64');
  it.each<[string, object, string, string, string | undefined]>([
    ['a host', { 'quay.io': { auth } }, 'quay.io', 'a/b', 'user'],
    ['docker.io by its old name', { 'https://index.docker.io/v1/': { auth } }, 'docker.io', 'library/nginx', 'user'],
    ['the longest path', { 'quay.io': { username: 'host', password: 'x' }, 'quay.io/team': { username: 'team', password: 'x' } }, 'quay.io', 'team/app', 'team'],
    ['no half path', { 'quay.io/tea': { auth } }, 'quay.io', 'team/app', undefined],
    ['one label for a star', { '*.example.com:5000': { auth } }, 'a.example.com:5000', 'x', 'user'],
    ['pieces of one label', { 'a*c*e.example.com': { auth } }, 'abcde.example.com', 'x', 'user'],
    ['no pieces that overlap', { 'ab*ba.example.com': { auth } }, 'aba.example.com', 'x', undefined],
    ['no pattern that takes for ever', { [`${'*a'.repeat(30)}*b`]: { auth } }, 'a'.repeat(60), 'x', undefined],
    ['not two', { '*.example.com': { auth } }, 'a.b.example.com', 'x', undefined],
    ['no other port', { 'quay.io:5000': { auth } }, 'quay.io', 'a', undefined],
  ])('are found for %s', (_name, auths, host, path, username) => {
    expect(credentialsFor({ host, path }, config(auths))?.username).toBe(username);
  });
  it('keep colons in passwords, read the older form, and refuse rubbish', () => {
    expect(credentialsFor({ host: 'quay.io', path: 'a' }, JSON.stringify({ 'quay.io': { auth } }))).toEqual({ username: 'user', password: 'p:w' });
    for (const text of ['{', '1', JSON.stringify({ auths: { 'quay.io': { auth: '!!' } } })]) expect(() => credentialsFor({ host: 'quay.io', path: 'a' }, text)).toThrow('make the secret again');
  });
});

it('reads challenges', () => {
  expect(parseChallenges('Bearer realm="https://a/b?c=1,2",service="x \\"y\\"", Basic realm=plain,Negotiate')).toEqual([
    { scheme: 'bearer', parameters: { realm: 'https://a/b?c=1,2', service: 'x "y"' } },
    { scheme: 'basic', parameters: { realm: 'plain' } },
    { scheme: 'negotiate', parameters: {} },
  ]);
});
