import { readFileSync, mkdtempSync, rmSync } from 'node:fs';
import type http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { statsServer } from '../../../../../src/controlplane/route/stats/stats-server.ts';
import type { AccessEntry } from '../../../../../src/controlplane/route/data-plane/access-log.ts';
import { eventually } from '../../../../support/eventually.ts';
import { application, browse, routeTo, startRouter, type Application, type TestRouter } from '../../../../support/router.ts';

let router: TestRouter;
let web: Application;
let server: http.Server | undefined;
beforeEach(async () => {
  router = await startRouter();
  web = await application((request, response) => response.writeHead(request.url === '/missing' ? 404 : 200).end('hello'));
});
afterEach(async () => {
  await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
  server = undefined;
  await router.close();
  await web.close();
});

describe('statistics', () => {
  const start = async (ready = true, now?: () => number) => {
    server = statsServer({
      ...(now && { now }),
      router: { metrics: async () => router.router.metrics(), routeMetrics: async () => router.router.routeMetrics() }, credentials: { username: 'admin', password: 'secret' }, ready: () => ready,
      userOf: async (token) => (token === 'unknown' ? undefined : { username: token, groups: [] }), authorize: ({ username }, { resource, subresource }) => ({ allowed: username === 'reader' && `${resource}/${subresource}` === 'routers/metrics' }),
    });
    await new Promise<void>((resolve) => (server as http.Server).listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return (what: string, authorization?: string) => browse(port, `http://127.0.0.1${what}`, { headers: authorization ? { Authorization: authorization } : {} });
  };
  const basic = (text: string) => `Basic ${btoa(text)}`;

  test('are for those who may, health is for everybody', async () => {
    const ask = await start();
    expect((await ask('/healthz')).status).toBe(200);
    expect((await ask('/healthz/ready')).status).toBe(200);
    for (const [authorization, status] of [[undefined, 401], [basic('admin:wrong'), 401], [basic('admin:secret'), 200], ['Bearer unknown', 401], ['Bearer stranger', 403], ['Bearer reader', 200]] as const) expect((await ask('/metrics', authorization)).status, authorization).toBe(status);
    expect((await ask('/else', basic('admin:secret'))).status).toBe(404);
  });

  test('say that the router is not ready before it has a table', async () => expect((await (await start(false))('/healthz/ready')).status).toBe(500));

  test('are a page for a person, where HAProxy has its own, and CSV for its readers', async () => {
    router.apply(routeTo('web.test', [web.address, '127.0.0.1:1'], { tls: { termination: 'edge' } }), routeTo('<b>.test', []));
    let now = 0;
    const ask = await start(true, () => now);
    expect((await ask('/')).status).toBe(401);
    for (let n = 0; n < 3; n += 1) await browse(router.http, 'http://web.test/');
    expect((await ask('/', basic('admin:secret'))).text).toContain('<title>Router statistics</title>');
    for (let n = 0; n < 20; n += 1) await browse(router.http, n % 2 ? 'http://web.test/' : 'http://web.test/missing');
    now = 10_000;
    const { text, headers } = await ask('/haproxy?stats;refresh=5', basic('admin:secret'));
    expect(headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'content-security-policy': expect.stringContaining("default-src 'none'") as string, 'cache-control': 'no-store' });
    const rows = text.split('<tr').map((row) => [...row.matchAll(/<td[^>]*>(.*?)<\/td>/g)].map(([, cell = '']) => cell.replace(/<[^>]+>/g, ''))).filter((cells) => cells.length > 1);
    expect(rows[0]?.[0]).toBe('demo/&lt;b&gt;.test');
    expect(rows[1]?.slice(0, 6)).toEqual(['demo/web.test', 'edge', expect.stringMatching(/^[12] of 2 up$/), '0', '23', '2.0']);
    expect(rows[1]?.slice(7, 11)).toEqual(['13', '0', '10', '0']);
    expect(rows.find(([name]) => name?.includes(web.address))?.slice(1, 5)).toEqual(['web', 'up', '0', '23']);
    expect(text).toContain('<meta http-equiv="refresh" content="5">');
    const csv = (await ask('/;csv', basic('admin:secret'))).text.trimEnd().split('\n').map((line) => line.split(','));
    const [names = [], ...lines] = csv;
    const field = (pxname: string, svname: string, name: string) => lines.find(([one, other]) => one === pxname && other === svname)?.[names.indexOf(name)];
    expect(csv.every((line) => line.length === names.length)).toBe(true);
    expect(names[0]).toBe('# pxname');
    expect([field('public', 'FRONTEND', 'req_tot'), field('be_edge_http:demo:web.test', 'BACKEND', 'hrsp_4xx'), field('be_edge_http:demo:web.test', `pod::web::${web.address}`, 'stot'), field('be_http:demo:<b>.test', 'BACKEND', 'status')]).toEqual(['23', '10', '23', 'DOWN']);
  });

  test('tell Prometheus what was counted', async () => {
    router.apply(routeTo('web.test', [web.address], { tls: { termination: 'edge' } }), routeTo('none.test', []));
    for (const url of ['http://web.test/', 'http://web.test/missing', 'http://none.test/', 'http://nobody.test/']) await browse(router.http, url);
    const { text, headers } = await (await start())('/metrics', basic('admin:secret'));
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    const value = (line: string) => text.split('\n').find((one) => one.startsWith(`${line} `))?.split(' ').pop();
    const route = 'backend="https-edge",namespace="demo",route="web.test"';
    expect(value('haproxy_up')).toBe('1');
    expect(value('haproxy_frontend_http_responses_total{frontend="public",code="5xx"}')).toBe('2');
    expect(value(`haproxy_backend_http_responses_total{${route},code="2xx"}`)).toBe('1');
    expect(value(`haproxy_backend_http_responses_total{${route},code="4xx"}`)).toBe('1');
    expect(value(`haproxy_backend_connections_total{${route}}`)).toBe('2');
    expect(value(`haproxy_backend_bytes_out_total{${route}}`)).toBe('10');
    expect(value('haproxy_backend_up{backend="http",namespace="demo",route="none.test"}')).toBe('0');
    expect(value(`haproxy_server_connections_total{${route},pod="",server="${web.address}",service="web"}`)).toBe('2');
    for (const line of text.trimEnd().split('\n')) expect(line).toMatch(/^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z]+="[^"]*",?)+\})? \d+(\.\d+)?)$/);
    expect(JSON.parse((await (server ? browse((server.address() as AddressInfo).port, 'http://127.0.0.1/stats', { headers: { Authorization: basic('admin:secret') } }) : Promise.reject(new Error('no server')))).text)).toMatchObject({ router: { requests: 4 }, routes: [{ key: 'demo/web.test', requests: 2 }, {}] });
  });
});

describe('the access log', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'slipway-access-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('has a line for each request while it is on, without what comes after the question mark', async () => {
    const file = path.join(folder, 'access.log');
    const lines = () => readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line) as AccessEntry);
    router.apply(routeTo('web.test', [web.address], { tls: { termination: 'edge' }, insecure: 'redirect' }));
    await browse(router.https, 'https://web.test/before');
    router.router.logTo(file);
    await browse(router.https, 'https://web.test/a/b?token=secret');
    await browse(router.http, 'http://web.test/c');
    await browse(router.https, 'https://nobody.test/d');
    await eventually(() => lines().length).toBe(3);
    router.router.logTo(undefined);
    await browse(router.https, 'https://web.test/after');
    expect(lines()).toMatchObject([
      { client: '127.0.0.1', protocol: 'HTTP/1.1', method: 'GET', host: 'web.test', path: '/a/b', status: 200, route: 'demo/web.test', service: 'demo/web', endpoint: web.address, bytesOut: 5 },
      { path: '/c', status: 302, route: 'demo/web.test' },
      { host: 'nobody.test', path: '/d', status: 503 },
    ]);
    expect(readFileSync(file, 'utf8')).not.toContain('secret');
  });
});
