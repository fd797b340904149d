import http from 'node:http';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer, type ClientOptions } from 'ws';
import { authority } from '../../../../support/certificates.ts';
import { application, browse, routeTo, startRouter, type TestRouter } from '../../../../support/router.ts';
import { readClientHello } from '../../../../../src/controlplane/route/router/client-hello.ts';

let router: TestRouter;
let open: { close(): Promise<void> }[] = [];

beforeEach(async () => {
  router = await startRouter();
});
afterEach(async () => {
  await router.close();
  await Promise.all(open.map((one) => one.close()));
  open = [];
});

async function says(text: string, tls?: Parameters<typeof application>[1]) {
  const one = await application((request, response) => response.end(`${text} ${request.headers['x-forwarded-proto'] ?? '-'}`), tls);
  open.push(one);
  return one;
}

describe('edge', () => {
  test('ends TLS with the certificate of the route, or the default one', async () => {
    const web = await says('web');
    const root = await authority();
    const own = await root.sign('CN=own', ['own.test']);
    router.apply(
      routeTo('own.test', [web.address], { insecure: 'refuse', tls: { termination: 'edge', certificate: own.certificate, key: own.key } }),
      routeTo('any.test', [web.address], { insecure: 'refuse', tls: { termination: 'edge' } }),
    );
    expect(await browse(router.https, 'https://own.test/')).toMatchObject({ status: 200, text: 'web https', certificate: 'own' });
    expect(await browse(router.https, 'https://any.test/')).toMatchObject({ status: 200, text: 'web https', certificate: 'default' });
    expect((await browse(router.http, 'http://own.test/')).status).toBe(503);
  });

  test('serves, redirects or refuses plain requests as the route says', async () => {
    const web = await says('web');
    const tls = { termination: 'edge' } as const;
    router.apply(routeTo('allow.test', [web.address], { tls }), routeTo('redirect.test', [web.address], { tls, insecure: 'redirect' }));
    expect((await browse(router.http, 'http://allow.test/')).text).toBe('web http');
    const moved = await browse(router.http, 'http://redirect.test/a?b=c');
    expect(moved).toMatchObject({ status: 302, headers: { location: `https://redirect.test:${router.https}/a?b=c` } });
    expect((await browse(router.https, 'https://plain.test/')).status).toBe(503);
  });

  test('announces strict transport security where asked', async () => {
    const web = await says('web');
    router.apply(routeTo('a.test', [web.address], { tls: { termination: 'edge' }, hsts: 'max-age=60' }));
    expect((await browse(router.https, 'https://a.test/')).headers['strict-transport-security']).toBe('max-age=60');
    expect((await browse(router.http, 'http://a.test/')).headers['strict-transport-security']).toBeUndefined();
  });

  test('a certificate that cannot be used is told and replaced by the default', async () => {
    const web = await says('web');
    router.apply(routeTo('a.test', [web.address], { tls: { termination: 'edge', certificate: 'rubbish', key: 'rubbish' } }));
    expect(router.reports.find((report) => report.type === 'rejected')).toMatchObject({ key: 'demo/a.test' });
    expect((await browse(router.https, 'https://a.test/')).certificate).toBe('default');
  });
});

describe('beyond the edge', () => {
  test('re-encrypts to applications whose authority the route names', async () => {
    const root = await authority();
    const inner = await says('inner', await root.sign('CN=inner', ['web.demo.svc']));
    const tls = { termination: 'reencrypt' as const };
    router.apply(routeTo('good.test', [inner.address], { tls: { ...tls, destinationCa: root.certificate } }), routeTo('bad.test', [inner.address], { tls: { ...tls, destinationCa: (await authority()).certificate } }));
    expect(await browse(router.https, 'https://good.test/')).toMatchObject({ status: 200, text: 'inner https', certificate: 'default' });
    expect((await browse(router.https, 'https://bad.test/')).status).toBe(503);
  });

  test('leaves an endpoint that was removed before it could be connected to', async () => {
    const root = await authority();
    let waiting: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => (waiting = resolve));
    const silent = net.createServer((socket) => (waiting(), socket.on('error', () => undefined).resume())).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    open.push({ close: () => new Promise<void>((resolve) => silent.close(() => resolve())) });
    const tls = { termination: 'reencrypt' as const, destinationCa: root.certificate };
    router.apply(routeTo('moved.test', [`127.0.0.1:${(silent.address() as net.AddressInfo).port}`], { tls }));
    const page = browse(router.https, 'https://moved.test/');
    await asked;
    router.apply(routeTo('moved.test', [(await says('new', await root.sign('CN=new', ['web.demo.svc']))).address], { tls }));
    expect(await page).toMatchObject({ status: 200, text: 'new https' });
  });

  test('passes TLS through untouched, beside routes that end it here', async () => {
    const root = await authority();
    const inner = await says('inner', await root.sign('CN=inner', ['pass.test']));
    const web = await says('web');
    router.apply(routeTo('pass.test', [inner.address], { insecure: 'refuse', tls: { termination: 'passthrough' }, balance: 'source' }), routeTo('edge.test', [web.address], { tls: { termination: 'edge' } }));
    expect(await browse(router.https, 'https://pass.test/')).toMatchObject({ text: 'inner -', certificate: 'inner' });
    expect(await browse(router.https, 'https://edge.test/')).toMatchObject({ text: 'web https', certificate: 'default' });
  });

  test('reads server names from hellos in pieces and gives up on rubbish', async () => {
    const hello = await new Promise<Buffer>((resolve) => {
      const server = net.createServer((socket) => socket.once('data', (data) => (resolve(data), socket.destroy(), server.close())));
      server.listen(0, '127.0.0.1', () => void browse((server.address() as net.AddressInfo).port, 'https://Name.Test/').catch(() => undefined));
    });
    expect(readClientHello(hello)).toEqual({ kind: 'name', name: 'name.test' });
    for (let length = 0; length < hello.length; length += 1) expect(readClientHello(hello.subarray(0, length))).toEqual({ kind: 'more' });
    expect(readClientHello(Buffer.from('GET / HTTP/1.1'))).toEqual({ kind: 'notTls' });
    for (let at = 5; at < hello.length; at += 1) {
      const damaged = Buffer.from(hello);
      damaged[at] = 255;
      expect(() => readClientHello(damaged)).not.toThrow();
    }
  });
});

describe('web sockets', () => {
  async function echo() {
    const server = http.createServer((_request, response) => response.end('plain'));
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket, request) => {
      socket.send(`hello ${request.headers['x-forwarded-proto']}`);
      socket.on('message', (data, binary) => socket.send(data, { binary }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push({ close: async () => {
      for (const client of sockets.clients) client.terminate();
      await new Promise((resolve) => server.close(resolve));
    } });
    return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
  }

  const talk = (url: string) => new Promise<string[]>((resolve, reject) => {
    const heard: string[] = [];
    const options: ClientOptions & { servername: string } = { headers: { Host: 'ws.test' }, servername: 'ws.test', rejectUnauthorized: false };
    const socket = new WebSocket(url, options);
    socket.on('message', (data: Buffer) => {
      heard.push(data.toString());
      if (heard.length === 1) socket.send('x'.repeat(100_000));
      else socket.close();
    });
    socket.once('close', () => resolve(heard));
    socket.once('error', reject);
  });

  test('go both ways, plain and over TLS', async () => {
    router.apply(routeTo('ws.test', [await echo()], { tls: { termination: 'edge' } }));
    expect(await talk(`ws://127.0.0.1:${router.http}/`)).toEqual(['hello http', 'x'.repeat(100_000)]);
    expect(await talk(`wss://127.0.0.1:${router.https}/`)).toEqual(['hello https', 'x'.repeat(100_000)]);
    while (router.router.metrics().tunnels > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test('that the application refuses get its answer', async () => {
    const web = await application((_request, response) => response.writeHead(403).end('no'));
    open.push(web);
    router.apply(routeTo('ws.test', [web.address]));
    const refused = await new Promise<number | undefined>((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${router.http}/`, { headers: { Host: 'ws.test' } });
      socket.once('unexpected-response', (_request: unknown, response: http.IncomingMessage) => resolve(response.statusCode));
      socket.once('error', () => undefined);
    });
    expect(refused).toBe(403);
  });

  test('without an application get the page', async () => {
    const refused = await new Promise<number | undefined>((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${router.http}/`, { headers: { Host: 'nobody.test' } });
      socket.once('unexpected-response', (_request: unknown, response: http.IncomingMessage) => resolve(response.statusCode));
      socket.once('error', () => undefined);
    });
    expect(refused).toBe(503);
  });
});
