import net from 'node:net';
import { expect } from 'vitest';
import type { Answer, RouteCase } from '../contract.ts';

const clients = { 'X-Forwarded-For': '10.0.0.1', 'X-Forwarded-Host': 'client.test', 'X-Forwarded-Proto': 'ftp', Forwarded: 'for=10.0.0.1' };
const mode = (annotation: string) => ({ annotations: { 'set-forwarded-headers': annotation } });
const set = (name: string, value: string) => ({ name, action: { type: 'Set' as const, set: { value } } });
const remove = (name: string) => ({ name, action: { type: 'Delete' as const } });

export const headers: RouteCase[] = [
  {
    name: 'tell the application who asked',
    routes: [{ name: 'web', spec: { tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Allow' } } }],
    async run(bed) {
      for (const [scheme, port] of [['http', bed.ports.http], ['https', bed.ports.https]] as const) {
        const { headers: saw } = JSON.parse((await bed.ask(`${scheme}://web.test/`)).text) as { headers: Record<string, string> };
        expect(saw).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'web.test', 'x-forwarded-port': String(port), 'x-forwarded-proto': scheme, forwarded: `for=127.0.0.1;host=web.test;proto=${scheme}` });
        expect(saw['x-forwarded-proto-version']).toBeUndefined();
      }
    },
  },
  {
    name: 'of earlier proxies are kept, replaced, trusted or left alone',
    routes: [{ name: 'append' }, { name: 'replace', ...mode('replace') }, { name: 'if-none', ...mode('if-none') }, { name: 'never', ...mode('never') }, { name: 'wrong', ...mode('sometimes') }],
    steps: ([
      ['append', { 'x-forwarded-for': '10.0.0.1, 127.0.0.1', 'x-forwarded-host': 'client.test, append.test', 'x-forwarded-proto': 'ftp, http', forwarded: /^for=10\.0\.0\.1, for=127\.0\.0\.1;host=append\.test;proto=/ }],
      ['replace', { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'replace.test', 'x-forwarded-proto': 'http', forwarded: 'for=127.0.0.1;host=replace.test;proto=http' }],
      ['if-none', { 'x-forwarded-for': '10.0.0.1', 'x-forwarded-host': 'client.test', 'x-forwarded-proto': 'ftp', forwarded: 'for=10.0.0.1', 'x-forwarded-port': /^\d+$/ }],
      ['never', { 'x-forwarded-for': '10.0.0.1', 'x-forwarded-host': 'client.test', 'x-forwarded-proto': 'ftp', forwarded: 'for=10.0.0.1', 'x-forwarded-port': undefined }],
      ['wrong', { 'x-forwarded-for': '10.0.0.1, 127.0.0.1' }],
    ] as [string, NonNullable<Answer['saw']>][]).map(([name, saw]) => ({ ask: { url: `http://${name}.test/`, headers: clients }, answer: { status: 200, saw } })),
  },
  {
    name: 'that applications take for the router\'s do not come from clients',
    routes: [{ name: 'web' }],
    steps: [{ ask: { url: 'http://web.test/', headers: { Proxy: 'http://evil.test', 'X-Own': 'kept', 'Proxy-Connection': 'keep-alive' } }, answer: { status: 200, saw: { proxy: undefined, 'proxy-connection': undefined, 'x-own': 'kept' } } }],
  },
  {
    name: 'of one hop stay there',
    routes: [{ name: 'web' }],
    steps: [{ ask: { url: 'http://web.test/', headers: { Connection: 'close, X-Hop', 'X-Hop': 'a', 'X-End': 'b' } }, answer: { status: 200, saw: { 'x-end': 'b' } } }],
  },
  {
    name: 'are set and deleted as the route says',
    routes: [{
      name: 'web',
      spec: {
        httpHeaders: {
          actions: {
            request: [set('X-Color', 'blue'), set('X-Host', '%[req.hdr(Host),lower]'), set('X-Encoded', '%[req.hdr(X-Plain),base64]'), set('X-Percent', '100%%'), set('X-Forwarded-Proto', 'spoken'), remove('X-Secret')],
            response: [set('X-Frame-Options', 'DENY'), set('X-Kind', '%[res.hdr(Content-Type),lower]'), set('X-Served-By', 'slipway'), remove('X-Internal')],
          },
        },
      },
    }],
    steps: [{
      ask: { url: 'http://web.test/?header=X-Internal:secret&header=X-Frame-Options:ALLOW&header=X-Kept:1', headers: { 'X-Color': 'red', 'X-Plain': 'text', 'X-Secret': 'hidden', Host: 'WEB.test' } },
      answer: {
        status: 200,
        saw: { 'x-color': 'blue', 'x-host': 'web.test', 'x-encoded': 'dGV4dA==', 'x-percent': '100%', 'x-forwarded-proto': 'spoken', 'x-secret': undefined },
        headers: { 'x-frame-options': 'DENY', 'x-kind': 'application/json', 'x-served-by': 'slipway', 'x-internal': undefined, 'x-kept': '1' },
      },
    }],
  },
  {
    name: 'that are rubbish are refused before an application sees them',
    routes: [{ name: 'web' }],
    async run(bed) {
      const status = (text: string) => new Promise<string>((resolve) => {
        const socket = net.connect(bed.ports.http, '127.0.0.1', () => socket.write(text));
        let answer = '';
        socket.on('data', (chunk) => (answer += chunk.toString()));
        socket.on('error', () => undefined);
        socket.once('close', () => resolve(answer.split(' ')[1] ?? ''));
      });
      for (const head of ['NONSENSE', 'GET nopath HTTP/1.1\r\nHost: web.test', 'GET / HTTP/1.1\r\nHost: web.test\r\nContent-Length:', 'POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 3\r\nTransfer-Encoding: chunked, identity', 'GET / HTTP/1.1\r\nHost: web.test\r\nHost: other.test', 'POST / HTTP/1.1\r\nHost: web.test\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0']) {
        // HAProxy has a status of its own for codings that it does not know.
        expect(await status(`${head}\r\nConnection: close\r\n\r\n`), head).toMatch(head.includes('gzip') ? /^4(00|22)$/ : /^400$/);
      }
      expect(bed.apps.get('web')?.[0]?.requests).toBe(0);
    },
  },
  {
    name: 'of responses come back as they are, several of one name',
    routes: [{ name: 'web', annotations: { disable_cookies: 'true' } }],
    async run(bed) {
      const seen = await bed.ask('http://web.test/?status=418&header=Set-Cookie:a=1&header=Set-Cookie:b=2&header=X-One:1');
      expect(seen).toMatchObject({ status: 418, cookies: ['a=1', 'b=2'], headers: { 'x-one': '1' } });
    },
  },
];
