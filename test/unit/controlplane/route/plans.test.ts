import { describe, expect, test } from 'vitest';
import type { Endpoints, Service } from '../../../../src/api/kinds/core.ts';
import type { Route, RouteSpec } from '../../../../src/api/kinds/route.ts';
import { admitRoutes, ingressOf } from '../../../../src/controlplane/route/admission-plan.ts';
import { parseTime } from '../../../../src/controlplane/route/annotations.ts';
import { routerRoute } from '../../../../src/controlplane/route/table-plan.ts';
import { pathMatches } from '../../../../src/controlplane/route/router/table.ts';

const route = (name: string, age: number, spec: Partial<RouteSpec> = {}, more: { namespace?: string; annotations?: Record<string, string> } = {}): Route => ({
  apiVersion: 'route.openshift.io/v1', kind: 'Route',
  metadata: { name, namespace: more.namespace ?? 'demo', uid: name, creationTimestamp: new Date(Date.UTC(2026, 0, 1) - age * 1000).toISOString(), ...(more.annotations && { annotations: more.annotations }) },
  spec: { host: 'a.test', to: { kind: 'Service', name: 'web', weight: 100 }, ...spec },
});
const reasons = (...list: Route[]) => Object.fromEntries([...admitRoutes(list, 'apps.localhost')].map(([key, admission]) => [key, admission.admitted ? 'admitted' : admission.reason]));

describe('admission', () => {
  test('the oldest wins whatever the order', () => {
    expect(reasons(route('young', 1), route('old', 2))).toEqual({ 'demo/old': 'admitted', 'demo/young': 'HostAlreadyClaimed' });
  });
  test('among routes of one second the one that has the host keeps it', () => {
    const holder = { ...route('z', 1), status: { ingress: [ingressOf(route('z', 1), { admitted: true, host: 'a.test' }, 's', new Date(0))] } };
    expect(reasons(route('a', 1), holder)).toEqual({ 'demo/z': 'admitted', 'demo/a': 'HostAlreadyClaimed' });
  });
  test('paths share a host within one project', () => {
    expect(reasons(route('a', 2), route('b', 1, { path: '/b' }), route('c', 0, { path: '/c' }, { namespace: 'other' }))).toEqual({ 'demo/a': 'admitted', 'demo/b': 'admitted', 'other/c': 'HostAlreadyClaimed' });
  });
  test('what is passed through shares no host with other TLS', () => {
    const tls = { termination: 'edge' } as const;
    expect(reasons(route('edge', 3, { tls, path: '/x' }), route('pass', 2, { tls: { termination: 'passthrough' } }), route('plain', 1))).toEqual({ 'demo/edge': 'admitted', 'demo/pass': 'HostAlreadyClaimed', 'demo/plain': 'admitted' });
  });
  test('wildcards claim the domain beside single hosts', () => {
    expect(reasons(route('any', 2, { host: 'w.a.test', wildcardPolicy: 'Subdomain' }), route('one', 1, { host: 'x.a.test' }), route('again', 0, { host: 'z.a.test', wildcardPolicy: 'Subdomain' }))).toEqual({
      'demo/any': 'admitted', 'demo/one': 'admitted', 'demo/again': 'HostAlreadyClaimed',
    });
  });
  test('no host, a subdomain, a wrong host', () => {
    expect(reasons(route('none', 3, { host: '' }), route('sub', 2, { host: '', subdomain: 'shop' }), route('wrong', 1, { host: '-a' }))).toEqual({ 'demo/none': 'NoHostValue', 'demo/sub': 'admitted', 'demo/wrong': 'InvalidHost' });
  });
  test('a condition keeps its time until it changes', () => {
    const first = ingressOf(route('a', 0), { admitted: true, host: 'a.test' }, 's', new Date(0));
    const again = { ...route('a', 0), status: { ingress: [first] } };
    expect(ingressOf(again, { admitted: true, host: 'a.test' }, 's', new Date(9_000))).toEqual(first);
    expect(ingressOf(again, { admitted: false, host: 'a.test', reason: 'HostAlreadyClaimed', message: '' }, 's', new Date(9_000)).conditions?.[0]?.lastTransitionTime).toBe('1970-01-01T00:00:09Z');
  });
});

describe('the table', () => {
  const service: Service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'demo' }, spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }, { name: 'admin', port: 81, targetPort: 'admin' }] } };
  const endpoints: Endpoints = {
    apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'web', namespace: 'demo' },
    subsets: [{ addresses: [{ ip: '10.128.0.3' }, { ip: '10.128.0.2' }], notReadyAddresses: [{ ip: '10.128.0.9' }], ports: [{ name: 'http', port: 8080 }, { name: 'admin', port: 9090 }] }],
  };
  const lookup = { service: () => service, endpoints: () => endpoints };
  const addresses = (spec: Partial<RouteSpec>) => routerRoute(route('a', 0, spec), 'a.test', lookup).backends[0]?.endpoints.map(({ address }) => address);

  test('finds the port by name, by target, by number, or takes the first', () => {
    const [http, admin] = [['10.128.0.2:8080', '10.128.0.3:8080'], ['10.128.0.2:9090', '10.128.0.3:9090']];
    expect(addresses({})).toEqual(http);
    expect(addresses({ port: { targetPort: 'admin' } })).toEqual(admin);
    expect(addresses({ port: { targetPort: 8080 } })).toEqual(http);
    expect(addresses({ port: { targetPort: 81 } })).toEqual(admin);
    expect(addresses({ port: { targetPort: 9090 } })).toEqual(admin);
    expect(addresses({ port: { targetPort: 'nothing' } })).toEqual([]);
  });

  test('follows mapped ports of pods that share an address', () => {
    const mapped: Endpoints = { ...endpoints, subsets: [{ addresses: [{ ip: '127.0.0.1' }], ports: [{ name: 'http', port: 40_001 }] }, { addresses: [{ ip: '127.0.0.1' }], ports: [{ name: 'http', port: 40_002 }] }] };
    expect(routerRoute(route('a', 0, { port: { targetPort: 8080 } }), 'a.test', { ...lookup, endpoints: () => mapped }).backends[0]?.endpoints.map(({ address }) => address)).toEqual(['127.0.0.1:40001', '127.0.0.1:40002']);
  });

  test('says what the plain listener does and how TLS ends', () => {
    const of = (tls: RouteSpec['tls']) => routerRoute(route('a', 0, tls && { tls }), 'a.test', lookup);
    expect([undefined, { termination: 'edge' }, { termination: 'edge', insecureEdgeTerminationPolicy: 'Allow' }, { termination: 'passthrough', insecureEdgeTerminationPolicy: 'Redirect' }].map((tls) => of(tls as RouteSpec['tls']).insecure)).toEqual(['serve', 'refuse', 'serve', 'redirect']);
    expect(of({ termination: 'edge', certificate: 'C', key: 'K', caCertificate: 'A' }).tls).toEqual({ termination: 'edge', certificate: 'C\nA', key: 'K', http2: true });
    expect(of({ termination: 'passthrough' }).balance).toBe('source');
    expect(of(undefined).balance).toBe('random');
  });

  test('takes annotations as the field knows them, and ignores what is wrong', () => {
    const prefix = 'haproxy.router.openshift.io/';
    const annotated = (annotations: Record<string, string>) => routerRoute(route('a', 0, { tls: { termination: 'edge' }, path: '/x' }, { annotations }), 'a.test', lookup);
    expect(annotated({ [`${prefix}timeout`]: '5s', [`${prefix}timeout-tunnel`]: '2m', [`${prefix}balance`]: 'leastconn', [`${prefix}rewrite-target`]: '/', [`${prefix}hsts_header`]: 'max-age=1;preload', [`${prefix}set-forwarded-headers`]: 'never' })).toMatchObject({
      timeoutMs: 5_000, tunnelTimeoutMs: 120_000, balance: 'leastconn', rewriteTarget: '/', hsts: 'max-age=1;preload', forwardedHeaders: 'never',
    });
    expect(annotated({ [`${prefix}timeout`]: 'soon', [`${prefix}balance`]: 'luck', [`${prefix}hsts_header`]: 'max-age=1;\r\nX: y', [`${prefix}rewrite-target`]: '/ HTTP/1.1\r\nX: y' })).toEqual(annotated({}));
  });

  test.each([['500ms', 500], ['2h', 7_200_000], ['7', 7], ['10us', 1], ['9999d', 863_913_600_000 > 2_147_483_647 ? 2_147_483_647 : 0], ['x', undefined], [undefined, undefined]])('time %s is %s', (text, ms) => expect(parseTime(text)).toBe(ms));

  test.each([['', '/x', true], ['/', '/x', true], ['/a', '/a', true], ['/a', '/a/b', true], ['/a', '/ab', false], ['/a/', '/a/b', true], ['/a/', '/a', false]])('path %j meets %j: %s', (pattern, path, meets) => expect(pathMatches(pattern, path)).toBe(meets));
});
