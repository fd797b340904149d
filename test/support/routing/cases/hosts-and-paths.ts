import type { RouteCase } from '../contract.ts';

const to = (name: string) => ({ to: { kind: 'Service' as const, name } });

export const hostsAndPaths: RouteCase[] = [
  {
    name: 'a host in any case, with a port or a dot at its end',
    routes: [{ name: 'web' }],
    steps: [
      { ask: { url: 'http://web.test/a?b=c' }, answer: { status: 200, app: 'web', path: '/a?b=c', saw: { host: 'web.test' } } },
      { ask: { url: 'http://x.test/', headers: { Host: 'WEB.Test:8080' } }, answer: { status: 200, saw: { host: 'web.test:8080' } } },
      { ask: { url: 'http://x.test/', headers: { Host: 'web.test.' } }, answer: { status: 200 } },
    ],
  },
  {
    name: 'a host that nobody claimed gets the page',
    routes: [{ name: 'web' }],
    steps: [
      { ask: { url: 'http://nobody.test/' }, answer: { status: 503, text: /Application is not available/, headers: { 'content-type': /^text\/html/, 'cache-control': /no-cache/ } } },
      { ask: { url: 'https://nobody.test/' }, answer: { status: 503, text: /Application is not available/, certificate: 'default' } },
    ],
  },
  {
    name: 'a service without endpoints gets the page',
    apps: { web: { endpoints: 0 } },
    routes: [{ name: 'web' }],
    steps: [{ ask: { url: 'http://web.test/' }, answer: { status: 503, text: /Application is not available/ } }],
  },
  {
    name: 'the longest path wins, at the borders of segments',
    apps: { all: {}, shop: {}, cart: {}, slash: {} },
    routes: [
      { name: 'all', spec: { host: 'web.test', ...to('all') } },
      { name: 'cart', spec: { host: 'web.test', path: '/shop/cart', ...to('cart') } },
      { name: 'shop', spec: { host: 'web.test', path: '/shop', ...to('shop') } },
      { name: 'slash', spec: { host: 'web.test', path: '/dir/', ...to('slash') } },
    ],
    steps: [
      { ask: { url: 'http://web.test/' }, answer: { app: 'all' } },
      { ask: { url: 'http://web.test/shop' }, answer: { app: 'shop' } },
      { ask: { url: 'http://web.test/shop?x' }, answer: { app: 'shop' } },
      { ask: { url: 'http://web.test/shop/a' }, answer: { app: 'shop' } },
      { ask: { url: 'http://web.test/shop/cart/1' }, answer: { app: 'cart' } },
      { ask: { url: 'http://web.test/shopping' }, answer: { app: 'all' } },
      { ask: { url: 'http://web.test/dir/x' }, answer: { app: 'slash' } },
      { ask: { url: 'http://web.test/dir' }, answer: { app: 'all' } },
    ],
  },
  {
    name: 'without a route for every path the others get the page',
    routes: [{ name: 'web', spec: { path: '/only' } }],
    steps: [
      { ask: { url: 'http://web.test/only/this' }, answer: { app: 'web', path: '/only/this' } },
      { ask: { url: 'http://web.test/' }, answer: { status: 503 } },
    ],
  },
  {
    name: 'a path of an Ingress may be exact',
    apps: { all: {}, one: {} },
    routes: [
      { name: 'all', spec: { host: 'web.test', ...to('all') } },
      { name: 'one', annotations: { 'slipway.dev/path-type': 'Exact' }, spec: { host: 'web.test', path: '/one', ...to('one') } },
    ],
    steps: [
      { ask: { url: 'http://web.test/one' }, answer: { app: 'one' } },
      { ask: { url: 'http://web.test/one?x=1' }, answer: { app: 'one' } },
      { ask: { url: 'http://web.test/one/' }, answer: { app: 'all' } },
      { ask: { url: 'http://web.test/one/more' }, answer: { app: 'all' } },
    ],
  },
  {
    name: 'a wildcard serves what no route names, one label deep',
    apps: { any: {}, named: {} },
    routes: [
      { name: 'any', spec: { host: 'wildcard.own.test', wildcardPolicy: 'Subdomain', ...to('any') } },
      { name: 'named', spec: { host: 'named.own.test', ...to('named') } },
    ],
    steps: [
      { ask: { url: 'http://x.own.test/' }, answer: { app: 'any', saw: { host: 'x.own.test' } } },
      { ask: { url: 'http://named.own.test/' }, answer: { app: 'named' } },
      { ask: { url: 'http://a.b.own.test/' }, answer: { status: 503 } },
      { ask: { url: 'http://own.test/' }, answer: { status: 503 } },
    ],
  },
  {
    name: 'rewriting replaces the path of the route',
    routes: [
      { name: 'root', annotations: { 'rewrite-target': '/' }, spec: { host: 'web.test', path: '/root' } },
      { name: 'deep', annotations: { 'rewrite-target': '/v2' }, spec: { host: 'web.test', path: '/deep' } },
      { name: 'all', annotations: { 'rewrite-target': '/app' }, spec: { host: 'all.test' } },
    ],
    steps: [
      { ask: { url: 'http://web.test/root' }, answer: { path: '/' } },
      { ask: { url: 'http://web.test/root/a/b?c=/root' }, answer: { path: '/a/b?c=/root' } },
      { ask: { url: 'http://web.test/deep' }, answer: { path: '/v2' } },
      { ask: { url: 'http://web.test/deep/x?y' }, answer: { path: '/v2/x?y' } },
      { ask: { url: 'http://all.test/x' }, answer: { path: '/app/x' } },
    ],
  },
  {
    name: 'an idled service is asked at its own address, which wakes it',
    apps: { web: { idled: true } },
    routes: [{ name: 'web' }],
    steps: [{ ask: { url: 'http://web.test/' }, answer: { status: 200, app: 'web' } }],
  },
];
