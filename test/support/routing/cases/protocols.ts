import type { ClientHttp2Session } from 'node:http2';
import net from 'node:net';
import { expect } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../../eventually.ts';
import type { RouteSpec } from '../../../../src/api/kinds/route.ts';
import { openHttp2, openPlainHttp2, askIn } from '../ask.ts';
import type { Bed } from '../bed.ts';
import type { Material, RouteCase } from '../contract.ts';
import { call } from '../grpc.ts';

const own = ({ own: { certificate, key } }: Material) => ({ certificate, key });
const edge = (material: Material, more: Partial<RouteSpec> = {}) => ({ name: 'own', spec: { tls: { termination: 'edge' as const, ...own(material) }, ...more } });
const reencrypt = (material: Material) => ({ name: 'own', spec: { tls: { termination: 'reencrypt' as const, ...own(material), destinationCACertificate: material.authority } } });

/** A call of one message, a conversation, and one that fails at once: by what its trailers say. */
async function speakGrpc(bed: Bed, host: string, session?: ClientHttp2Session): Promise<void> {
  session ??= await openHttp2(bed.ports, host);
  try {
    expect(await call(session, host, 'Say', ['hello'])).toEqual({ status: '0', message: 'well', messages: ['echo hello'], trailersOnly: false });
    expect(await call(session, host, 'Say', ['a', 'b', 'c'])).toMatchObject({ status: '0', messages: ['echo a', 'echo b', 'echo c'] });
    expect(await call(session, host, 'Fail', ['x'])).toMatchObject({ status: '5', message: 'nothing here', messages: [], trailersOnly: true });
    const many = await Promise.all(Array.from({ length: 20 }, (_, at) => call(session, host, 'Say', [`m${at}`])));
    expect(many.map(({ messages }) => messages[0])).toEqual(Array.from({ length: 20 }, (_, at) => `echo m${at}`));
  } finally {
    session.close();
  }
}

const talk = (bed: Bed, host: string, secure: boolean) => new Promise<string[]>((resolve, reject) => {
  const heard: string[] = [];
  const options = { headers: { Host: host }, servername: host, rejectUnauthorized: false };
  const socket = new WebSocket(`${secure ? 'wss' : 'ws'}://127.0.0.1:${bed.ports[secure ? 'https' : 'http']}/`, options);
  socket.on('message', (data: Buffer) => {
    heard.push(data.toString());
    if (heard.length === 1) socket.send('x'.repeat(100_000));
    else socket.close();
  });
  socket.once('close', () => resolve(heard));
  socket.once('error', reject);
});
/** A request and its end in one write, then a moment for whatever the router says (RFC 9113 sections 4.1 and 6). */
const takeBack = (port: number, host: string, method: string) => new Promise<void>((resolve) => {
  const frame = (type: number, flags: number, stream: number, payload: Buffer) => {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head.writeUInt16BE((type << 8) | flags, 3);
    head.writeUInt32BE(stream, 5);
    return Buffer.concat([head, payload]);
  };
  const field = (name: string, value: string) => Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)]);
  const head = Buffer.concat([field(':method', method), field(':scheme', 'http'), field(':path', '/'), field(':authority', host)]);
  const cancel = Buffer.from([0, 0, 0, 8]);
  const socket = net.connect(port, '127.0.0.1', () => socket.write(Buffer.concat([
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0, Buffer.alloc(0)), frame(1, method === 'GET' ? 5 : 4, 1, head), frame(3, 0, 1, cancel), frame(6, 0, 0, Buffer.alloc(8)),
  ])));
  let heard = Buffer.alloc(0);
  // The answer to the last frame, a ping.
  socket.on('data', (chunk) => (heard = Buffer.concat([heard, chunk])).includes(frame(6, 1, 0, Buffer.alloc(8))) && socket.destroy());
  socket.on('error', () => undefined).once('close', () => resolve());
});
const long = 'x'.repeat(100_000);

export const protocols: RouteCase[] = [
  {
    name: 'bodies go through whole, both ways',
    routes: [{ name: 'web' }],
    async run(bed) {
      const body = 'b'.repeat(1_000_000);
      expect(JSON.parse((await bed.ask({ url: 'http://web.test/', method: 'POST', body })).text)).toMatchObject({ method: 'POST', body });
      expect(JSON.parse((await bed.ask({ url: 'http://web.test/', method: 'PUT', body, headers: { 'Transfer-Encoding': 'chunked' } })).text)).toMatchObject({ method: 'PUT', body });
      expect((await bed.ask('http://web.test/?size=3000000')).text).toHaveLength(3_000_000);
      expect(await bed.ask({ url: 'http://web.test/', method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
      expect(await bed.ask('http://web.test/?status=204')).toMatchObject({ status: 204, text: '' });
    },
  },
  {
    name: 'HTTP/2 is offered where the route brings its certificate',
    routes: (material) => [edge(material), { name: 'plain', spec: { tls: { termination: 'edge' } } }],
    steps: [{ ask: { url: 'https://own.test/a?b', http2: true, headers: { cookie: 'a=1' } }, answer: { status: 200, certificate: 'own', app: 'web', path: '/a?b', version: '1.1', saw: { host: 'own.test', 'x-forwarded-proto': 'https', 'x-forwarded-proto-version': 'h2', cookie: 'a=1' } } }],
    async run(bed) {
      await expect(openHttp2(bed.ports, 'plain.test')).rejects.toThrow('HTTP/2 was not agreed upon');
      expect((await bed.ask('https://own.test/')).version).toBe('1.1');
    },
  },
  {
    name: 'HTTP/2 carries bodies, many requests at a time, and the page',
    routes: (material) => [edge(material, { path: '/here' })],
    async run(bed) {
      const body = 'b'.repeat(300_000);
      expect(JSON.parse((await bed.ask({ url: 'https://own.test/here', method: 'POST', body, http2: true })).text)).toMatchObject({ body });
      const session = await openHttp2(bed.ports, 'own.test');
      const url = (path: string) => new URL(`https://own.test${path}`);
      const many = await Promise.all(Array.from({ length: 50 }, (_, at) => askIn(session, { url: '' }, url(`/here/${at}?size=50000`))));
      expect(many.every(({ status, text }) => status === 200 && text.length === 50_000)).toBe(true);
      expect(await askIn(session, { url: '', method: 'HEAD' }, url('/here'))).toMatchObject({ status: 200, text: '' });
      expect(await askIn(session, { url: '' }, url('/here?status=304'))).toMatchObject({ status: 304, text: '' });
      expect(await askIn(session, { url: '' }, url('/elsewhere'))).toMatchObject({ status: 503, text: expect.stringContaining('Application is not available') as string });
      expect((await askIn(session, { url: '' }, url('/here?header=Set-Cookie:a=1&header=Set-Cookie:b=2'))).cookies).toEqual(expect.arrayContaining(['a=1', 'b=2']));
      session.close();
    },
  },
  {
    name: 'a field that may stand once and stands twice reaches clients of HTTP/2',
    routes: (material) => [edge(material)],
    steps: [{ ask: { url: 'https://own.test/?header=X-Content-Type-Options:nosniff&header=X-Content-Type-Options:nosniff', http2: true }, answer: { status: 200, headers: { 'x-content-type-options': /^nosniff/ } } }],
  },
  {
    name: 'HTTP/2 requests that are taken back with the same packet hurt nobody',
    routes: [{ name: 'web' }, { name: 'moved', spec: { tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Redirect' } } }],
    async run(bed) {
      for (const host of ['web.test', 'moved.test', 'nobody.test']) for (const method of ['GET', 'POST']) await takeBack(bed.ports.http, host, method);
      expect((await bed.ask('http://web.test/')).status).toBe(200);
      await eventually(async () => (await bed.router.routeMetrics())?.reduce((sum, { inFlight }) => sum + inFlight, 0)).toBe(0);
    },
  },
  {
    name: 'answers of scripts whose lines have no carriage return',
    routes: [{ name: 'web' }],
    steps: [{ ask: { url: 'http://web.test/?bare' }, answer: { status: 200, text: 'bare\r\n\r\nlines', headers: { 'content-type': 'text/plain' } } }],
  },
  {
    name: 'a host that is passed through is not served in the connection of another',
    apps: { web: {}, inner: { speaks: 'https' } },
    routes: (material) => [edge(material), { name: 'pass', spec: { host: 'pass.own.test', to: { kind: 'Service', name: 'inner' }, tls: { termination: 'passthrough' } } }],
    async run(bed) {
      const session = await openHttp2(bed.ports, 'own.test');
      // Browsers then ask again in a connection of its own (RFC 9110 section 15.5.20).
      expect((await askIn(session, { url: '' }, new URL('https://pass.own.test/'))).status).toBe(421);
      session.close();
    },
  },
  {
    name: 'applications that speak HTTP/2 without TLS are spoken to so',
    apps: { web: { speaks: 'h2c' } },
    routes: (material) => [edge(material), { name: 'plain' }],
    steps: [
      { ask: { url: 'http://plain.test/x?y' }, answer: { status: 200, app: 'web', path: '/x?y', version: '2.0', saw: { host: 'plain.test', 'x-forwarded-for': '127.0.0.1' } } },
      { ask: { url: 'http://plain.test/', method: 'POST', body: 'body' }, answer: { status: 200, method: 'POST', version: '2.0' } },
      { ask: { url: 'https://own.test/', http2: true }, answer: { status: 200, version: '2.0' } },
      { ask: { url: 'http://plain.test/?status=404' }, answer: { status: 404 } },
      { ask: { url: 'http://plain.test/?size=200000' }, answer: { status: 200, text: /^x{200000}$/ } },
    ],
  },
  {
    name: 'reencrypt carries HTTP/2 on to applications that speak it',
    apps: { web: { speaks: 'h2' } },
    routes: (material) => [reencrypt(material)],
    steps: [
      { ask: { url: 'https://own.test/', http2: true }, answer: { status: 200, version: '2.0', saw: { 'x-forwarded-proto-version': 'h2' } } },
      { ask: { url: 'https://own.test/' }, answer: { status: 200 } },
    ],
  },
  {
    name: 'reencrypt speaks HTTP/1.1 to applications that know nothing else',
    apps: { web: { speaks: 'https' } },
    routes: (material) => [reencrypt(material)],
    steps: [
      { ask: { url: 'https://own.test/', http2: true }, answer: { status: 200, version: '1.1' } },
      { ask: { url: 'https://own.test/again', http2: true }, answer: { status: 200, version: '1.1', path: '/again' } },
    ],
  },
  { name: 'gRPC through edge', apps: { web: { speaks: 'grpc' } }, routes: (material) => [edge(material)], run: (bed) => speakGrpc(bed, 'own.test') },
  { name: 'gRPC through reencrypt', apps: { web: { speaks: 'grpcs' } }, routes: (material) => [reencrypt(material)], run: (bed) => speakGrpc(bed, 'own.test') },
  { name: 'gRPC through passthrough', apps: { web: { speaks: 'grpcs' } }, routes: [{ name: 'pass', spec: { tls: { termination: 'passthrough' } } }], run: (bed) => speakGrpc(bed, 'pass.test') },
  { name: 'gRPC without TLS', apps: { web: { speaks: 'grpc' } }, routes: [{ name: 'plain' }], run: (bed) => speakGrpc(bed, 'plain.test', openPlainHttp2(bed.ports, 'plain.test')) },
  {
    name: 'HTTP/2 by prior knowledge on the plain listener',
    routes: [{ name: 'plain' }, { name: 'moved', spec: { tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Redirect' } } }],
    async run(bed) {
      const session = openPlainHttp2(bed.ports, 'plain.test');
      const at = (path: string, host = 'plain.test') => new URL(`http://${host}${path}`);
      const seen = await askIn(session, { url: '', method: 'POST', body: 'b'.repeat(300_000) }, at('/a?b'));
      expect(JSON.parse(seen.text)).toMatchObject({ path: '/a?b', version: '1.1', body: 'b'.repeat(300_000), headers: { host: 'plain.test', 'x-forwarded-proto': 'http' } });
      expect((JSON.parse(seen.text) as { headers: object }).headers).not.toHaveProperty('x-forwarded-proto-version');
      const many = await Promise.all(Array.from({ length: 20 }, (_, n) => askIn(session, { url: '' }, at(`/${n}?size=50000`))));
      expect(many.every(({ status, text }) => status === 200 && text.length === 50_000)).toBe(true);
      expect((await askIn(session, { url: '' }, at('/', 'moved.test')))).toMatchObject({ status: 302, headers: { location: expect.stringMatching(/^https:\/\/moved\.test/) as string } });
      expect((await askIn(session, { url: '' }, at('/', 'nobody.test'))).status).toBe(503);
      session.close();
      expect((await bed.ask('http://plain.test/')).version).toBe('1.1');
    },
  },
  {
    name: 'what begins like HTTP/2 and is not is refused',
    routes: [{ name: 'plain' }],
    async run(bed) {
      const said = await new Promise<string>((resolve) => {
        let text = '';
        const socket = net.connect(bed.ports.http, '127.0.0.1', () => socket.write('PRI * HTTP/2.0\r\n\r\nno\r\n\r\n'));
        socket.on('data', (part) => (text += part.toString('latin1'))).on('error', () => undefined).once('close', () => resolve(text));
      });
      expect(said).toMatch(/^(|HTTP\/1\.[01] 400 [^]*)$/);
    },
  },
  {
    name: 'trailers reach clients of HTTP/1.1 and HTTP/2',
    routes: (material) => [edge(material)],
    async run(bed) {
      for (const http2 of [false, true]) {
        const seen = await bed.ask({ url: 'https://own.test/?trailer=X-Sum:42', headers: { TE: 'trailers' }, ...(http2 && { http2 }) });
        expect(seen).toMatchObject({ status: 200, trailers: { 'x-sum': '42' } });
      }
    },
  },
  {
    name: 'WebSockets through plain and edge routes',
    routes: [{ name: 'web', spec: { tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Allow' } } }],
    async run(bed) {
      expect(await talk(bed, 'web.test', false)).toEqual(['web http', long]);
      expect(await talk(bed, 'web.test', true)).toEqual(['web https', long]);
    },
  },
  {
    name: 'WebSockets through reencrypt and passthrough',
    apps: { web: { speaks: 'https' } },
    routes: (material) => [reencrypt(material), { name: 'pass', spec: { tls: { termination: 'passthrough' } } }],
    async run(bed) {
      expect(await talk(bed, 'own.test', true)).toEqual(['web https', long]);
      expect(await talk(bed, 'pass.test', true)).toEqual(['web -', long]);
    },
  },
  {
    name: 'a silent tunnel ends when its time is over',
    routes: [{ name: 'web', annotations: { 'timeout-tunnel': '200ms' } }],
    async run(bed) {
      const closed = await new Promise<boolean>((resolve) => {
        const socket = new WebSocket(`ws://127.0.0.1:${bed.ports.http}/`, { headers: { Host: 'web.test' } });
        socket.once('close', () => resolve(true));
        socket.once('error', () => resolve(false));
      });
      expect(closed).toBe(true);
    },
  },
];
