import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hostBuilders } from '../../../../src/controlplane/catalog/host-builders.ts';

let folder: string;
let server: ChildProcess;
let port: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slipway-static-'));
  const site = join(folder, 'site');
  await mkdir(join(site, 'docs'), { recursive: true });
  await writeFile(join(folder, 'server.js'), hostBuilders.find(({ name }) => name === 'static')?.scripts['server.js'] ?? '');
  await writeFile(join(folder, 'outside.txt'), 'outside');
  for (const [name, text] of Object.entries({ 'index.html': '<p>home</p>', 'about.html': '<p>about</p>', 'data.txt': '0123456789', 'docs/index.html': '<p>docs</p>', '.env': 'hidden', '404.html': 'lost' })) await writeFile(join(site, name), text);
  await symlink('../outside.txt', join(site, 'link.txt'));
  server = spawn(process.execPath, [join(folder, 'server.js'), site], { env: { PORT: '0', HOST: '127.0.0.1' }, stdio: ['ignore', 'pipe', 'inherit'] });
  port = await new Promise((resolve) => server.stdout?.once('data', (chunk: Buffer) => resolve(Number(/port (\d+)/.exec(chunk.toString())?.[1]))));
});
afterAll(async () => {
  server.kill();
  await rm(folder, { recursive: true });
});

/** Paths go out as they are: `fetch` would tidy `..` away. */
function ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<{ status: number; headers: Record<string, unknown>; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, headers, method }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    sent.on('error', reject).end();
  });
}

test.each([
  ['/', 200, '<p>home</p>'], ['/about', 200, '<p>about</p>'], ['/docs/', 200, '<p>docs</p>'], ['/nothing', 404, 'lost'],
  ['/.env', 404, 'lost'], ['/../outside.txt', 404, 'lost'], ['/%2e%2e/outside.txt', 404, 'lost'], ['/..%2foutside.txt', 404, 'lost'], ['/link.txt', 404, 'lost'], ['/%00', 404, 'lost'], ['/%zz', 404, 'lost'],
])('%s answers %i', async (path, status, text) => {
  expect(await ask(path)).toMatchObject({ status, text });
});

test('folders get their slash, on this host only', async () => {
  expect(await ask('/docs?x=1')).toMatchObject({ status: 301, headers: { location: '/docs/?x=1' } });
  expect(String((await ask('//docs')).headers.location ?? '/')).toMatch(/^\/(?!\/)/);
});

test('types, tags and ranges', async () => {
  const whole = await ask('/data.txt');
  expect(whole.headers).toMatchObject({ 'content-type': 'text/plain; charset=utf-8', 'content-length': '10', 'accept-ranges': 'bytes' });
  expect((await ask('/data.txt', { 'if-none-match': String(whole.headers.etag) })).status).toBe(304);
  expect(await ask('/data.txt', { range: 'bytes=2-4' })).toMatchObject({ status: 206, text: '234', headers: { 'content-range': 'bytes 2-4/10' } });
  expect((await ask('/data.txt', { range: 'bytes=-3' })).text).toBe('789');
  expect((await ask('/data.txt', { range: 'bytes=20-' })).status).toBe(416);
  expect(await ask('/data.txt', {}, 'HEAD')).toMatchObject({ status: 200, text: '' });
  expect((await ask('/', {}, 'POST')).status).toBe(405);
});
