/** What HAProxy is told of routes, as documents. */
import { describe, expect, test } from 'vitest';
import { backendPlan } from '../../../../../src/controlplane/route/haproxy/backend.ts';
import { changesBetween } from '../../../../../src/controlplane/route/haproxy/changes.ts';
import { configOf, configText, mapText, type ConfigOptions } from '../../../../../src/controlplane/route/haproxy/config.ts';
import { readLogLine } from '../../../../../src/controlplane/route/haproxy/log-line.ts';
import { mapsOf } from '../../../../../src/controlplane/route/haproxy/maps.ts';
import { routeKey, serverName, serverParts } from '../../../../../src/controlplane/route/haproxy/names.ts';
import { quoted } from '../../../../../src/controlplane/route/haproxy/quote.ts';
import { addTotals, Counters, parseStat } from '../../../../../src/controlplane/route/haproxy/statistics.ts';
import type { RouterRoute } from '../../../../../src/protocol/router.ts';
import { endpointsAt, routeTo } from '../../../../support/router.ts';

const options: ConfigOptions = {
  folder: '/run/h', http: { fd: 3 }, https: { fd: 4 }, httpsPort: 8443, defaultCertificate: { certificate: 'CERT', key: 'KEY' },
  limits: { connections: 100, connectionsPerEndpoint: 10, requestsPerEndpoint: 10 }, logAll: false,
};
const config = (...routes: RouterRoute[]) => configOf(routes, options, () => true);
const changes = (before: RouterRoute[], after: RouterRoute[]) => changesBetween(config(...before), config(...after), '/run/h');
const web = (more: Partial<RouterRoute> = {}, ...endpoints: string[]) => routeTo('web.test', endpoints.length > 0 ? endpoints : ['10.0.0.1:8080'], { key: 'demo/web', ...more });
const edge = { tls: { termination: 'edge' as const }, insecure: 'redirect' as const };

describe('maps', () => {
  test.each<[string, Partial<RouterRoute>, string[]]>([
    ['every path', {}, ['web.test/']],
    ['the root', { path: '/' }, ['web.test/']],
    ['a path up to a segment', { path: '/a' }, ['web.test/a/', 'web.test/a\x7f']],
    ['what begins with a path', { path: '/a/' }, ['web.test/a/']],
    ['an exact path', { path: '/a', exactPath: true }, ['web.test/a\x7f']],
    ['a path that no request has', { path: '/a b' }, []],
  ])('%s', (_name, more, keys) => expect([...mapsOf([web(more)]).http.keys()]).toEqual(keys));

  test('an exact path keeps its place beside the paths below it', () => {
    const maps = mapsOf([web({ key: 'demo/exact', path: '/a', exactPath: true }), web({ key: 'demo/below', path: '/a' })]);
    expect([...maps.http]).toEqual([['web.test/a/', 'be_http:demo:below'], ['web.test/a\x7f', 'be_http:demo:exact']]);
  });

  test('which listener serves a route', () => {
    const maps = mapsOf([
      web(edge),
      routeTo('both.test', [], { key: 'demo/both', tls: { termination: 'edge' }, insecure: 'serve' }),
      routeTo('only.test', [], { key: 'demo/only', tls: { termination: 'reencrypt' }, insecure: 'refuse' }),
      routeTo('pass.test', [], { key: 'demo/pass', tls: { termination: 'passthrough' }, insecure: 'redirect' }),
      routeTo('sub.test', [], { key: 'demo/sub', wildcard: true }),
    ]);
    expect(mapText(maps.http)).toBe('both.test/ be_edge_http:demo:both\npass.test/ redirect\nweb.test/ redirect\n');
    expect(mapText(maps.https)).toBe('both.test/ be_edge_http:demo:both\nonly.test/ be_secure:demo:only\nweb.test/ be_edge_http:demo:web\n');
    expect(mapText(maps.sni)).toBe('pass.test be_tcp:demo:pass\n');
    expect(mapText(maps.http_wildcard)).toBe('sub.test/ be_http:demo:sub\n');
  });
});

describe('a backend', () => {
  const lines = (more: Partial<RouterRoute>) => backendPlan(web(more), { authorities: '/run/h/x.ca' }).lines;
  test.each<[string, Partial<RouterRoute>, string[]]>([
    ['balances by source', { balance: 'source' }, ['balance source', 'hash-type consistent']],
    ['waits as long as the route says', { timeoutMs: 500, tunnelTimeoutMs: 7000 }, ['timeout server 500ms', 'timeout tunnel 7000ms']],
    ['rewrites below a path', { path: '/a', rewriteTarget: '/b%' }, ["http-request set-path '/b%%%[path,bytes(2)]'"]],
    ['rewrites to the root', { path: '/a', rewriteTarget: '/' }, ["http-request set-path '/%[path,bytes(2),regsub(^/,)]'"]],
    ['has a sticky cookie', { cookie: { name: 'c', secure: true, sameSite: 'None' } }, ["cookie 'c' insert indirect nocache httponly dynamic secure attr SameSite=None", "dynamic-cookie-key 'demo/web'"]],
    ['lets in whom it names', { allow: ['10.0.0.0/8', '::1'] }, ['acl allowed src 10.0.0.0/8 ::1', 'tcp-request content reject if !allowed']],
    ['lets nobody in', { allow: [] }, ['tcp-request content reject']],
    ['sets and deletes fields', { requestHeaders: [{ name: 'A', value: "it's %[src]" }, { name: 'B' }] }, [String.raw`http-request set-header 'A' 'it'\''s %[src]'`, "http-request del-header 'B'"]],
    ['says strict transport security', { ...edge, hsts: 'max-age=1' }, ["http-response set-header Strict-Transport-Security 'max-age=1' if { ssl_fc }"]],
    ['counts clients', { rateLimits: { requests: 5 } }, ['tcp-request content track-sc2 src', 'tcp-request content reject if { src_http_req_rate ge 5 }']],
  ])('%s', (_name, more, wanted) => {
    for (const line of wanted) expect(lines(more)).toContain(line);
  });

  test('long lists of addresses are lines of one name', () => {
    const allow = Array.from({ length: 120 }, (_, at) => `10.0.0.${at}`);
    expect(lines({ allow }).filter((line) => line.startsWith('acl allowed ')).map((line) => line.split(' ').length - 3)).toEqual([50, 50, 20]);
  });

  test.each<[string, Partial<RouterRoute>, string]>([
    ['plain', {}, ''],
    ['checked', { healthCheckMs: 5000 }, 'check inter 5000ms'],
    ['bounded', { requestsPerEndpoint: 3 }, 'maxconn 3'],
    ['HTTP/2 without TLS', { backends: [{ service: 'demo/web', weight: 1, h2c: true, endpoints: endpointsAt('10.0.0.1:8080') }] }, 'proto h2'],
    ['encrypted again', { tls: { termination: 'reencrypt', destinationCa: 'CA' } }, 'ssl verify required ca-file /run/h/x.ca alpn h2,http/1.1'],
    ['encrypted again for the service', { tls: { termination: 'reencrypt', verifyServiceName: true } }, 'ssl verify required ca-file /run/h/x.ca alpn h2,http/1.1 sni str(web.demo.svc) verifyhost web.demo.svc'],
  ])('its servers are %s', (_name, more, wanted) => expect([...backendPlan(web(more), { authorities: '/run/h/x.ca' }).servers.values()].map((server) => server.options)).toEqual([wanted]));

  test('a service of weight 0 has servers for those who hold a cookie, and for nobody else', () => {
    const backends = [{ service: 'demo/a', weight: 3, endpoints: endpointsAt('10.0.0.1:1') }, { service: 'demo/b', weight: 0, endpoints: endpointsAt('10.0.0.2:1') }];
    const weights = (more: Partial<RouterRoute>) => [...backendPlan(web({ backends, ...more }), { authorities: undefined }).servers].map(([name, { weight }]) => [name, weight]);
    expect(weights({})).toEqual([['pod::a:10.0.0.1:1', 1]]);
    expect(weights({ cookie: { name: 'c', secure: false } })).toEqual([['pod::a:10.0.0.1:1', 1], ['pod::b:10.0.0.2:1', 0]]);
  });
});

describe('the configuration', () => {
  test('tells whose a line is', () => {
    const { text, owners } = configText(config(web(), routeTo('two.test', ['10.0.0.2:1'], { key: 'demo/two' })));
    const lines = text.split('\n');
    expect(owners.get(lines.indexOf('backend be_http:demo:two') + 1)).toBe('demo/two');
    expect(owners.get(lines.indexOf('  server pod::web:10.0.0.1:8080 10.0.0.1:8080 weight 1') + 1)).toBe('demo/web');
    expect(owners.get(1)).toBeUndefined();
  });

  test('ends TLS on the listener itself until a route is passed through', () => {
    expect(config(web()).head.filter((line) => line.startsWith('bind'))).toEqual(['bind fd@3', 'bind fd@4 ssl crt /run/h/default.pem crt-list /run/h/certificates.list alpn http/1.1']);
    const passing = config(web({ tls: { termination: 'passthrough' }, insecure: 'refuse' }));
    expect(passing.head.filter((line) => line.startsWith('bind'))).toEqual(['bind fd@3', 'bind fd@4', 'bind unix@/run/h/tls.sock accept-proxy mode 600 ssl crt /run/h/default.pem crt-list /run/h/certificates.list alpn http/1.1']);
  });

  test('leaves out a certificate that cannot be used', () => {
    const own = web({ ...edge, tls: { termination: 'edge', certificate: 'C', key: 'K', http2: true } });
    expect(configOf([own], options, () => true).pems.get('certificates.list')).toBe('/run/h/be_edge_http.demo.web.pem [alpn h2,http/1.1] web.test\n');
    expect(configOf([own], options, () => false).pems.get('certificates.list')).toBe('');
  });

  test('a quoted word cannot be left', () => expect(quoted("a'b\nc\0")).toBe(String.raw`'a'\''b c'`));
});

describe('changes of a running HAProxy', () => {
  const texts = (result: ReturnType<typeof changes>) => result.commands.map(({ text }) => text);

  test('nothing for nothing', () => expect(changes([web()], [web()])).toEqual({ commands: [], reload: undefined }));

  test('endpoints come before others go', () => {
    const result = changes([web({}, '10.0.0.1:80')], [web({}, '10.0.0.2:80')]);
    const [gone, came] = ['be_http:demo:web/pod::web:10.0.0.1:80', 'be_http:demo:web/pod::web:10.0.0.2:80'];
    expect(result.reload).toBeUndefined();
    expect(texts(result)).toEqual([
      `del server ${came}`, `add server ${came} 10.0.0.2:1 weight 1`, `set server ${came} addr 10.0.0.2 port 80`, `set server ${came} state ready`,
      `set server ${gone} state maint`, `del server ${gone}`,
    ]);
  });

  test('weights', () => {
    const split = (weight: number) => web({ backends: [{ service: 'demo/a', weight: 100, endpoints: endpointsAt('10.0.0.1:1') }, { service: 'demo/b', weight, endpoints: endpointsAt('10.0.0.2:1') }] });
    expect(texts(changes([split(100)], [split(50)]))).toEqual(['set server be_http:demo:web/pod::b:10.0.0.2:1 weight 128']);
  });

  test('a route that goes is taken out of the maps', () => {
    const result = changes([web(), routeTo('two.test', [], { key: 'demo/two' })], [web()]);
    expect(result).toEqual({ reload: undefined, commands: [{ text: 'map /run/h/http.map', payload: ['web.test/ be_http:demo:web'] }] });
  });

  test('a certificate is exchanged', () => {
    const own = (certificate: string) => web({ ...edge, tls: { termination: 'edge', certificate, key: 'K' } });
    expect(texts(changes([own('A')], [own('B')]))).toEqual(['set ssl cert /run/h/be_edge_http.demo.web.pem', 'commit ssl cert /run/h/be_edge_http.demo.web.pem']);
  });

  test.each<[string, RouterRoute[], RouterRoute[], string]>([
    ['a new route', [], [web()], 'be_http:demo:web is new'],
    ['another time-out', [web()], [web({ timeoutMs: 1 })], 'be_http:demo:web changes'],
    ['servers that are spoken to otherwise', [web()], [web({ healthCheckMs: 1 })], 'be_http:demo:web changes'],
    ['the first certificate', [web(edge)], [web({ ...edge, tls: { termination: 'edge', certificate: 'C', key: 'K' } })], 'be_edge_http.demo.web.pem changes'],
    ['other authorities', [web({ tls: { termination: 'reencrypt', destinationCa: 'A' } })], [web({ tls: { termination: 'reencrypt', destinationCa: 'B' } })], 'be_secure.demo.web.ca changes'],
    ['the first wildcard', [web()], [web(), web({ wildcard: true })], 'the listeners change'],
  ])('%s takes a new program', (_name, before, after, why) => expect(changes(before, after).reload).toBe(why));
});

describe('what HAProxy tells', () => {
  test.each([
    ['be_http:demo:web pod:p:web:10.0.0.1:80 200 1767225600.125 7 127.0.0.1 10 20 HTTP/1.1 GET web.test /a', {
      key: 'demo/web', answered: true, status: 200, entry: {
        time: '2026-01-01T00:00:00.125Z', client: '127.0.0.1', protocol: 'HTTP/1.1', method: 'GET', path: '/a', status: 200, host: 'web.test', route: 'demo/web', service: 'demo/web', endpoint: '10.0.0.1:80', pod: 'p',
        bytesIn: 10, bytesOut: 20, milliseconds: 7,
      },
    }],
    ['be_http:demo:web <NOSRV> 503 1767225600.125 -1 127.0.0.1 10 20 HTTP/2.0 GET web.test /', expect.objectContaining({ answered: false, entry: expect.not.objectContaining({ pod: expect.anything() }) })],
    ['none <NOSRV> 503 1767225600.125 0 127.0.0.1 10 20 HTTP/1.1 GET other.test /', expect.objectContaining({ key: undefined, answered: false })],
    ['be_tcp:demo:web pod::web:10.0.0.1:80 0 1767225600.125 9 127.0.0.1 10 20 TLS - web.test -', expect.objectContaining({ answered: false, entry: expect.objectContaining({ protocol: 'TLS', host: 'web.test' }) })],
    ['Server be_http:demo:web/pod is UP', undefined],
  ])('%s', (line, read) => expect(readLogLine(line)).toEqual(read));

  test('names lead back', () => {
    expect(routeKey('be_secure:demo:web')).toBe('demo/web');
    expect(routeKey('none')).toBeUndefined();
    expect(serverParts(serverName('demo/web', { address: '10.0.0.1:80', id: 'x', pod: 'web-1' }))).toEqual({ pod: 'web-1', service: 'web', address: '10.0.0.1:80' });
  });

  test('counters go on over programs', () => {
    const stat = (requests: number) => parseStat(['# pxname,svname,scur,stot,bin,bout,econ,wretr,status,hrsp_2xx,req_tot,', `public,FRONTEND,2,9,0,0,,,OPEN,${requests},${requests},`, `be_http:demo:web,BACKEND,1,${requests},10,20,0,1,UP,${requests},,`, `be_http:demo:web,pod:p:web:10.0.0.1:80,1,${requests},10,20,0,1,UP,${requests},,`].join('\n'));
    const counters = new Counters(stat(3), addTotals(new Map(), stat(4)));
    expect(counters.metrics(1, 1)).toMatchObject({ connections: 2, requests: 7, responses: [0, 0, 7, 0, 0, 0], retries: 2, routes: 1, endpoints: 1 });
    expect(counters.routes()).toEqual([{
      key: 'demo/web', requests: 7, inFlight: 1, responses: [0, 0, 7, 0, 0, 0], bytesIn: 20, bytesOut: 40, retries: 2, connectFailures: 0,
      endpoints: [{ service: 'demo/web', address: '10.0.0.1:80', pod: 'p', up: true, requests: 7, inFlight: 1 }],
    }]);
  });
});
