import { expect } from 'vitest';
import { eventually } from '../../eventually.ts';
import type { RouteSpec } from '../../../../src/api/kinds/route.ts';
import type { RouteCase } from '../contract.ts';
import type { EchoApplication } from '../echo.ts';

/** `web` and others, each with its weight. */
const split = (first: number, others: Record<string, number>): Partial<RouteSpec> => ({
  to: { kind: 'Service', name: 'web', weight: first },
  alternateBackends: Object.entries(others).map(([name, weight]) => ({ kind: 'Service', name, weight })),
});
const cookieOf = (line: string | undefined) => (line ?? '').split(';')[0] ?? '';

export const balancing: RouteCase[] = [
  {
    name: 'weights spread requests exactly',
    apps: { web: {}, b: {}, c: {} },
    routes: [{ name: 'web', spec: split(75, { b: 25, c: 0 }) }],
    spread: { ask: { url: 'http://web.test/' }, requests: 40, answers: { web: 30, b: 10, c: 0 } },
  },
  {
    name: 'the weight of a service is shared by its endpoints',
    apps: { web: { endpoints: 3 }, b: { endpoints: 1 } },
    routes: [{ name: 'web', spec: split(10, { b: 10 }) }],
    spread: { ask: { url: 'http://web.test/' }, requests: 60, answers: { web: 30, b: 30 } },
  },
  {
    name: 'four services share a route',
    apps: { web: {}, b: {}, c: {}, d: {} },
    routes: [{ name: 'web', spec: split(64, { b: 64, c: 64, d: 64 }) }],
    spread: { ask: { url: 'http://web.test/' }, requests: 40, answers: { web: 10, b: 10, c: 10, d: 10 } },
  },
  {
    name: 'a service without endpoints leaves its share to the others',
    apps: { web: { endpoints: 0 }, b: {} },
    routes: [{ name: 'web', spec: split(99, { b: 1 }) }],
    spread: { ask: { url: 'http://web.test/' }, requests: 10, answers: { web: 0, b: 10 } },
  },
  {
    name: 'nothing but weight 0 gets the page',
    routes: [{ name: 'web', spec: { to: { kind: 'Service', name: 'web', weight: 0 } } }],
    steps: [{ ask: { url: 'http://web.test/' }, answer: { status: 503 } }],
  },
  {
    name: 'round robin takes turns',
    apps: { web: { endpoints: 3 } },
    routes: [{ name: 'web', annotations: { balance: 'roundrobin' } }],
    async run(bed) {
      const turns: string[] = [];
      for (let at = 0; at < 9; at += 1) turns.push(await bed.endpointAt('http://web.test/'));
      expect(new Set(turns.slice(0, 3)).size).toBe(3);
      expect(turns.slice(3, 6)).toEqual(turns.slice(0, 3));
      expect(turns.slice(6, 9)).toEqual(turns.slice(0, 3));
    },
  },
  {
    name: 'source keeps a client at one endpoint',
    apps: { web: { endpoints: 3 } },
    routes: [{ name: 'web', annotations: { balance: 'source' } }],
    async run(bed) {
      const answers = new Set<string>();
      for (let at = 0; at < 9; at += 1) answers.add(await bed.endpointAt('http://web.test/'));
      expect(answers.size).toBe(1);
    },
  },
  {
    name: 'least connections avoids the endpoint that is busy',
    apps: { web: { endpoints: 2 } },
    routes: [{ name: 'web', annotations: { balance: 'leastconn' } }],
    async run(bed) {
      const slow = bed.ask('http://web.test/?hold');
      const all = bed.apps.get('web') ?? [];
      await eventually(() => all.reduce((sum, { requests }) => sum + requests, 0)).toBe(1);
      const busy = all.findIndex(({ requests }) => requests === 1);
      for (let at = 0; at < 5; at += 1) expect(await bed.endpointAt('http://web.test/')).toBe(`web/${1 - busy}`);
      all[busy]?.release();
      expect((await slow).status).toBe(200);
    },
  },
  {
    name: 'random reaches every endpoint',
    apps: { web: { endpoints: 2 } },
    routes: [{ name: 'web', annotations: { balance: 'random' } }],
    async run(bed) {
      const answers = new Set<string>();
      for (let at = 0; at < 200 && answers.size < 2; at += 1) answers.add(await bed.endpointAt('http://web.test/'));
      expect(answers.size).toBe(2);
    },
  },
  {
    name: 'an endpoint that is dead is left for another, without the client noticing',
    apps: { web: { endpoints: 2 } },
    routes: [{ name: 'web', annotations: { balance: 'roundrobin' } }],
    async run(bed) {
      await (bed.apps.get('web') ?? [])[0]?.close();
      for (let at = 0; at < 6; at += 1) expect(await bed.endpointAt('http://web.test/')).toBe('web/1');
    },
  },
  {
    name: 'looking after endpoints finds the one that is dead, and that it lives again',
    apps: { web: { endpoints: 2 } },
    routes: [{ name: 'web', annotations: { balance: 'roundrobin', 'router.openshift.io/haproxy.health.check.interval': '50ms' } }],
    async run(bed) {
      const dead = (bed.apps.get('web') ?? [])[0] as EchoApplication;
      await bed.ask('http://web.test/');
      await dead.close();
      const upAt = async () => (await bed.router.routeMetrics())?.[0]?.endpoints.find(({ address }) => address === dead.address)?.up;
      await eventually(async () => (await bed.ask('http://web.test/'), upAt())).toBe(false);
      await bed.startEndpoint('web', dead.port);
      await eventually(async () => (await bed.ask('http://web.test/'), upAt())).toBe(true);
    },
  },
  {
    name: 'a cookie keeps a client at its endpoint, and is the router\'s own',
    apps: { web: { endpoints: 3 } },
    routes: [
      { name: 'web', annotations: { balance: 'roundrobin' } },
      { name: 'named', annotations: { 'router.openshift.io/cookie_name': 'my_cookie' }, spec: { tls: { termination: 'edge' } } },
      { name: 'lax', annotations: { 'router.openshift.io/cookie-same-site': 'Lax' }, spec: { tls: { termination: 'edge' } } },
      { name: 'allow', spec: { tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Allow' } } },
      { name: 'none', annotations: { disable_cookies: 'true' } },
    ],
    steps: [
      { ask: { url: 'http://web.test/' }, answer: { headers: { 'set-cookie': /^688c95dbcf792dcaa504295cd2609c03=[0-9a-f]+; path=\/; HttpOnly$/ } } },
      { ask: { url: 'https://named.test/' }, answer: { headers: { 'set-cookie': /^my_cookie=[0-9a-f]+; path=\/; HttpOnly; Secure; SameSite=None$/ } } },
      { ask: { url: 'https://lax.test/' }, answer: { headers: { 'set-cookie': /; HttpOnly; Secure; SameSite=Lax$/ } } },
      { ask: { url: 'https://allow.test/' }, answer: { headers: { 'set-cookie': /; path=\/; HttpOnly$/ } } },
      { ask: { url: 'http://none.test/' }, answer: { headers: { 'set-cookie': undefined } } },
    ],
    async run(bed) {
      const { cookies: [line], text } = await bed.ask('http://web.test/');
      const first = JSON.parse(text) as { endpoint: number };
      const Cookie = `theme=dark; ${cookieOf(line)}; lang=en`;
      for (let at = 0; at < 6; at += 1) {
        const again = await bed.ask({ url: 'http://web.test/', headers: { Cookie } });
        expect(again.cookies).toEqual([]);
        expect(JSON.parse(again.text)).toMatchObject({ endpoint: first.endpoint, headers: { cookie: 'theme=dark; lang=en' } });
      }
      const stranger = await bed.ask({ url: 'http://web.test/', headers: { Cookie: `${cookieOf(line).split('=')[0]}=0123456789abcdef` } });
      expect(stranger.cookies).toHaveLength(1);
      expect((JSON.parse(stranger.text) as { headers: Record<string, string> }).headers.cookie).toBeUndefined();
    },
  },
  {
    name: 'a cookie leads to a service of weight 0, and away from an endpoint that is gone',
    apps: { web: {}, b: {} },
    routes: [{ name: 'web', spec: split(1, { b: 0 }) }],
    async run(bed) {
      await bed.serve([{ name: 'web', spec: split(0, { b: 1 }) }]);
      const { cookies: [line] } = await bed.ask('http://web.test/');
      await bed.serve([{ name: 'web', spec: split(1, { b: 0 }) }]);
      const headers = { Cookie: cookieOf(line) };
      expect(await bed.endpointAt('http://web.test/', headers)).toBe('b/1');
      expect(await bed.appAt('http://web.test/')).toBe('web');
      await bed.endEndpoint('b', (bed.apps.get('b') ?? [])[0] as never, 'close');
      await bed.serve();
      const moved = await bed.ask({ url: 'http://web.test/', headers });
      expect(moved.status).toBe(200);
      expect(cookieOf(moved.cookies[0])).not.toBe(headers.Cookie);
    },
  },
  {
    name: 'passed-through TLS is spread by weight',
    apps: { web: { speaks: 'https' }, b: { speaks: 'https' } },
    routes: [{ name: 'web', annotations: { balance: 'roundrobin' }, spec: { ...split(30, { b: 10 }), tls: { termination: 'passthrough' } } }],
    spread: { ask: { url: 'https://web.test/' }, requests: 20, answers: { web: 15, b: 5 } },
  },
];
