import http from 'node:http';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Http1Downstream } from '../../../../../src/controlplane/route/router/downstream-http1.ts';
import { eventually } from '../../../../support/eventually.ts';
import { application, browse, endpointsAt, routeTo, startRouter, type Application, type TestRouter } from '../../../../support/router.ts';

let router: TestRouter;
let open: { close(): Promise<void> }[] = [];

async function app(answer: http.RequestListener): Promise<Application> {
  const one = await application(answer);
  open.push(one);
  return one;
}
const says = (text: string) => app((_request, response) => response.end(text));

beforeEach(async () => {
  router = await startRouter();
});
afterEach(async () => {
  await router.close();
  await Promise.all(open.map((one) => one.close()));
  open = [];
});

describe('requests', () => {
  test('reach the application behind the host, whatever its case and port', async () => {
    const web = await says('hello');
    router.apply(routeTo('web.apps.localhost', [web.address]));
    expect(await browse(router.http, 'http://web.apps.localhost/')).toMatchObject({ status: 200, text: 'hello' });
    expect(await browse(router.http, 'http://x/', { headers: { Host: `WEB.apps.localhost:${router.http}` } })).toMatchObject({ status: 200 });
  });

  test('tell of a route that is answered by an endpoint for the first time', async () => {
    const answers = () => router.reports.filter((report) => report.type === 'answered');
    router.apply(routeTo('web.test', ['127.0.0.1:1']));
    expect((await browse(router.http, 'http://web.test/')).status).toBe(503);
    expect(answers()).toEqual([]);
    const web = await app((_request, response) => response.writeHead(404).end());
    router.apply(routeTo('web.test', [web.address]));
    for (let round = 0; round < 2; round += 1) await browse(router.http, 'http://web.test/');
    expect(answers()).toEqual([{ type: 'answered', key: 'demo/web.test', status: 404 }]);
  });

  test('choose the longest path, at segment borders', async () => {
    const [all, shop, cart, prefix] = await Promise.all([says('all'), says('shop'), says('cart'), says('prefix')]);
    router.apply(
      routeTo('a.test', [all.address]), routeTo('a.test', [shop.address], { path: '/shop' }),
      routeTo('a.test', [cart.address], { path: '/shop/cart' }), routeTo('a.test', [prefix.address], { path: '/p/' }),
    );
    const at = async (path: string) => (await browse(router.http, `http://a.test${path}`)).text;
    expect(await Promise.all(['/', '/shop', '/shop?x=1', '/shop/x', '/shopping', '/shop/cart/1', '/p', '/p/x'].map(at))).toEqual(['all', 'shop', 'shop', 'shop', 'all', 'cart', 'all', 'prefix']);
  });

  test('match wildcards last and by one label only', async () => {
    const [exact, any] = await Promise.all([says('exact'), says('any')]);
    router.apply(routeTo('a.w.test', [exact.address]), routeTo('w.test', [any.address], { wildcard: true }));
    expect((await browse(router.http, 'http://a.w.test/')).text).toBe('exact');
    expect((await browse(router.http, 'http://b.w.test/')).text).toBe('any');
    expect((await browse(router.http, 'http://c.b.w.test/')).status).toBe(503);
  });

  test('carry bodies both ways, streamed', async () => {
    const echo = await app((request, response) => {
      response.writeHead(201, { 'X-Length': request.headers['content-length'] ?? 'none' });
      request.pipe(response);
    });
    router.apply(routeTo('a.test', [echo.address]));
    const body = Buffer.alloc(3_000_000, 'x');
    const answer = await browse(router.http, 'http://a.test/', { method: 'POST', body, headers: { 'Content-Length': body.length } });
    expect(answer).toMatchObject({ status: 201, headers: { 'x-length': '3000000' } });
    expect(answer.text.length).toBe(body.length);
    expect(await browse(router.http, 'http://a.test/', { method: 'PUT', body: 'abc', headers: { 'Transfer-Encoding': 'chunked' } })).toMatchObject({ status: 201, text: 'abc' });
  });

  test('pass pieces of a response on as they come', async () => {
    let second: (() => void) | undefined;
    const events = await app((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write('data: 1\n\n');
      second = () => response.end('data: 2\n\n');
    });
    router.apply(routeTo('a.test', [events.address]));
    const pieces = await new Promise<string[]>((resolve, reject) => {
      const list: string[] = [];
      http.get({ host: '127.0.0.1', port: router.http, headers: { Host: 'a.test' } }, (response) => {
        response.on('data', (chunk: Buffer) => {
          list.push(chunk.toString());
          second?.();
        });
        response.once('end', () => resolve(list));
      }).once('error', reject);
    });
    expect(pieces).toEqual(['data: 1\n\n', 'data: 2\n\n']);
  });

  test('tell the application who asked, and keep hop-by-hop fields and impostors out', async () => {
    const web = await says('');
    router.apply(routeTo('a.test', [web.address]));
    await browse(router.http, 'http://a.test/x', { headers: { 'X-Forwarded-For': '10.0.0.9', 'X-SSL-Client-CN': 'admin', Proxy: 'evil', Connection: 'close, X-Hop', 'X-Hop': '1', Accept: 'text/plain' } });
    const headers = web.seen[0]?.headers;
    expect(headers).toMatchObject({
      host: 'a.test', accept: 'text/plain', 'x-forwarded-for': '10.0.0.9, 127.0.0.1', 'x-forwarded-host': 'a.test',
      'x-forwarded-port': String(router.http), 'x-forwarded-proto': 'http', forwarded: 'for=127.0.0.1;host=a.test;proto=http',
    });
    expect(headers).not.toHaveProperty('x-ssl-client-cn');
    expect(headers).not.toHaveProperty('proxy');
    expect(headers).not.toHaveProperty('x-hop');
  });

  test('keep several values of one response field', async () => {
    const web = await app((_request, response) => response.writeHead(200, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']).end('ok'));
    router.apply(routeTo('a.test', [web.address]));
    expect((await browse(router.http, 'http://a.test/')).headers['set-cookie']).toEqual(['a=1', 'b=2']);
  });

  test('have their path rewritten where the route says so', async () => {
    const web = await app((request, response) => response.end(request.url));
    router.apply(routeTo('a.test', [web.address], { path: '/api', rewriteTarget: '/' }), routeTo('b.test', [web.address], { path: '/api', rewriteTarget: '/v2' }));
    expect((await browse(router.http, 'http://a.test/api/users?q=1')).text).toBe('/users?q=1');
    expect((await browse(router.http, 'http://a.test/api')).text).toBe('/');
    expect((await browse(router.http, 'http://b.test/api/users')).text).toBe('/v2/users');
  });
});

describe('without an application', () => {
  test('the page tells that none is available', async () => {
    router.apply(routeTo('empty.test', []));
    for (const host of ['nobody.test', 'empty.test']) {
      const page = await browse(router.http, `http://${host}/`);
      expect(page).toMatchObject({ status: 503, headers: { 'content-type': 'text/html; charset=utf-8' } });
      expect(page.text).toContain('Application is not available');
    }
  });

  test('an endpoint that refuses is left for another, for requests with a body too', async () => {
    const web = await app((request, response) => void request.pipe(response));
    const gone = await says('');
    await gone.close();
    router.apply(routeTo('a.test', [gone.address, web.address], { balance: 'roundrobin' }));
    for (let at = 0; at < 4; at += 1) expect(await browse(router.http, 'http://a.test/', { method: 'POST', body: `n${at}` })).toMatchObject({ status: 200, text: `n${at}` });
    expect(router.router.metrics()).toMatchObject({ retries: 1, connectFailures: 1 });
  });

  test('all refusing is 503, an answer cut short is 502, none in time is 504', async () => {
    const [gone, cut, slow] = await Promise.all([says(''), app((request) => request.socket.destroy()), app(() => undefined)]);
    await gone.close();
    router.apply(routeTo('gone.test', [gone.address]), routeTo('cut.test', [cut.address]), routeTo('slow.test', [slow.address], { timeoutMs: 1 }));
    expect((await browse(router.http, 'http://gone.test/')).status).toBe(503);
    expect((await browse(router.http, 'http://cut.test/', { method: 'POST', body: 'once' })).status).toBe(502);
    expect(cut.seen).toHaveLength(1);
    expect((await browse(router.http, 'http://slow.test/')).status).toBe(504);
  });

  test('a body cut short reaches the client as such', async () => {
    const web = await app((_request, response) => {
      response.writeHead(200, { 'Content-Length': 100 });
      response.write('part');
      setImmediate(() => response.destroy());
    });
    router.apply(routeTo('a.test', [web.address]));
    await expect(browse(router.http, 'http://a.test/')).rejects.toThrow();
  });
});

describe('balancing', () => {
  test('follows the weights of services; weight 0 gets nothing', async () => {
    const [a, b, c] = await Promise.all([says('a'), says('b'), says('c')]);
    const backend = (service: string, weight: number, { address }: Application) => ({ service: `demo/${service}`, weight, endpoints: endpointsAt(address) });
    router.apply(routeTo('a.test', [], { balance: 'roundrobin', backends: [backend('a', 75, a), backend('b', 25, b), backend('c', 0, c)] }));
    const answers = [];
    for (let at = 0; at < 40; at += 1) answers.push((await browse(router.http, 'http://a.test/')).text);
    expect({ a: answers.filter((text) => text === 'a').length, b: answers.filter((text) => text === 'b').length, c: answers.filter((text) => text === 'c').length }).toEqual({ a: 30, b: 10, c: 0 });
  });

  test('an endpoint replaced under load fails no request', async () => {
    const answer: http.RequestListener = (_request, response) => void setImmediate(() => response.end('ok'));
    let current = await app(answer);
    router.apply(routeTo('a.test', [current.address]));
    const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
    const statuses: number[] = [];
    let running = true;
    const clients = Array.from({ length: 16 }, async () => {
      while (running) statuses.push((await browse(router.http, 'http://a.test/', { agent })).status);
    });
    for (let round = 0; round < 5; round += 1) {
      const before = statuses.length;
      while (statuses.length < before + 100) await new Promise((resolve) => setImmediate(resolve));
      const next = await app(answer);
      router.apply(routeTo('a.test', [next.address]));
      // As a pod ends: no new connections, idle ones closed, what is under way finished.
      current.server.closeIdleConnections();
      current.server.close();
      current = next;
    }
    running = false;
    await Promise.all(clients);
    agent.destroy();
    expect(statuses.length).toBeGreaterThan(500);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
  });

  test('what may not be done twice is not sent where the application may just be closing the connection', async () => {
    const ports: (number | undefined)[] = [];
    const web = await app((request, response) => {
      ports.push(request.socket.remotePort);
      response.end();
    });
    router.apply(routeTo('a.test', [web.address]));
    const now = vi.spyOn(Date, 'now');
    try {
      for (const [method, later] of [['POST', 0], ['POST', 500], ['GET', 10_000], ['POST', 12_000], ['POST', 12_100]] as const) {
        now.mockReturnValue(1_000_000 + later);
        await browse(router.http, 'http://a.test/', { method });
      }
    } finally {
      now.mockRestore();
    }
    expect(ports.map((port) => ports.indexOf(port))).toEqual([0, 0, 0, 3, 3]);
  });

  test('a client that is answered early, and reads only when it has sent everything, gets its answer', async () => {
    const web = await app((request, response) => {
      request.pause();
      // When nobody takes any more.
      let before = -1;
      const look = () => {
        if (request.socket.bytesRead === before) return void response.writeHead(413).end('too much');
        before = request.socket.bytesRead;
        setTimeout(look, 50);
      };
      look();
    });
    router.apply(routeTo('a.test', [web.address]), routeTo('empty.test', []));
    const size = 40_000_000;
    const upload = (host: string, more = '') => new Promise<string>((resolve, reject) => {
      const socket = net.connect(router.http, '127.0.0.1', () => {
        socket.write(`POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${size}\r\n${more}\r\n`);
        socket.write(Buffer.alloc(size), () => socket.on('data', (chunk) => /too much|<\/html>/.test(text += chunk.toString()) && socket.destroy()));
      });
      let text = '';
      socket.once('close', () => resolve(text)).once('error', reject);
    });
    for (const more of ['', 'Connection: close\r\n']) {
      expect(await upload('a.test', more)).toMatch(/^HTTP\/1\.1 413 [^]*too much/);
      expect(await upload('empty.test', more)).toMatch(/^HTTP\/1\.1 503 /);
    }
  });

  test('a client whose body nobody takes for a while is not to blame; one that sends none is', async () => {
    const served = await new Promise<http.IncomingMessage>((resolve) => {
      const server = http.createServer((request, response) => {
        new Http1Downstream(request, response, false).open(1_000, { onGone: () => undefined, onDrain: () => undefined });
        resolve(request);
      }).listen(0, '127.0.0.1', () => {
        const client = http.request({ port: (server.address() as AddressInfo).port, method: 'POST', headers: { 'Content-Length': 10 } });
        client.on('error', () => undefined).flushHeaders();
        open.push({ close: () => new Promise((closed) => void server.close(() => closed())) });
      });
    });
    served.pause();
    served.socket.emit('timeout');
    expect(served.socket.destroyed).toBe(false);
    served.resume();
    served.socket.emit('timeout');
    expect(served.socket.destroyed).toBe(true);
  });

  test('a client that goes away is under way no more, and has sent no more than it did', async () => {
    const web = await app((request) => void request.on('error', () => undefined).resume());
    router.apply(routeTo('a.test', [web.address]));
    const client = net.connect(router.http, '127.0.0.1', () => client.write(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000000\r\n\r\n${'x'.repeat(1_000)}`));
    await eventually(() => router.router.metrics().inFlight).toBe(1);
    await eventually(() => router.router.routeMetrics()[0]?.bytesIn).toBe(1_000);
    client.destroy();
    await eventually(() => router.router.metrics().inFlight).toBe(0);
  });

  test('limits that change are held for those who were let in before', async () => {
    const held: http.ServerResponse[] = [];
    const web = await app((request, response) => (request.url === '/held' ? void held.push(response) : void response.end()));
    const limited = (concurrentConnections: number) => router.apply(routeTo('a.test', [web.address], { rateLimits: { concurrentConnections } }));
    const hold = () => browse(router.http, 'http://a.test/held').then(({ status }) => status, () => 'closed');
    limited(10);
    const before = [hold(), hold(), hold()];
    await eventually(() => held.length).toBe(3);
    limited(3);
    for (const response of held.splice(0)) response.end();
    expect(await Promise.all(before)).toEqual([200, 200, 200]);
    const after = [hold(), hold(), hold(), hold()];
    await eventually(() => held.length).toBe(2);
    await expect(Promise.race(after)).resolves.toBe('closed');
    for (const response of held.splice(0)) response.end();
    expect((await Promise.all(after)).filter((one) => one === 200)).toHaveLength(2);
  });

  test('a client that goes away takes its request with it', async () => {
    let aborted: (() => void) | undefined;
    const gone = new Promise<void>((resolve) => (aborted = resolve));
    const web = await app((request) => request.once('close', () => aborted?.()));
    router.apply(routeTo('a.test', [web.address]));
    const client = http.get({ host: '127.0.0.1', port: router.http, headers: { Host: 'a.test' } });
    client.on('error', () => undefined);
    while (web.seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
    client.destroy();
    await gone;
  });
});

describe('bounds', () => {
  test('connections above the limit are closed at once', async () => {
    const small = await startRouter({ connections: 1 });
    open.push({ close: () => small.close() });
    const first = net.connect(small.http, '127.0.0.1');
    await new Promise((resolve) => first.once('connect', resolve));
    while (small.router.metrics().connections < 1) await new Promise((resolve) => setImmediate(resolve));
    const second = net.connect(small.http, '127.0.0.1');
    await new Promise((resolve) => second.once('close', resolve));
    expect(small.router.metrics().connections).toBe(1);
    first.destroy();
  });

  test('an endpoint with its fill of requests gets no more', async () => {
    const small = await startRouter({ requestsPerEndpoint: 1 });
    open.push({ close: () => small.close() });
    const held: http.ServerResponse[] = [];
    const web = await app((_request, response) => void held.push(response));
    small.apply(routeTo('a.test', [web.address]));
    const first = browse(small.http, 'http://a.test/');
    while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect((await browse(small.http, 'http://a.test/')).status).toBe(503);
    held[0]?.end('done');
    expect((await first).text).toBe('done');
  });
});

describe('rubbish', () => {
  const raw = (text: string) => new Promise<string>((resolve) => {
    const socket = net.connect(router.http, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.on('error', () => undefined);
    socket.once('close', () => resolve(answer.split('\r\n')[0] ?? ''));
  });

  test('is refused without reaching an application', async () => {
    const web = await says('');
    router.apply(routeTo('a.test', [web.address]));
    expect(await raw('NONSENSE\r\n\r\n')).toBe('HTTP/1.1 400 Bad Request');
    expect(await raw('GET / HTTP/1.1\r\nConnection: close\r\n\r\n')).toBe('HTTP/1.1 400 Bad Request');
    expect(await raw('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n')).toBe('HTTP/1.1 400 Bad Request');
    expect(await raw('GET nopath HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')).toBe('HTTP/1.1 400 Bad Request');
    expect(web.seen).toHaveLength(0);
  });
});
