import { expect } from 'vitest';
import type { RouteCase } from '../contract.ts';

export const tls: RouteCase[] = [
  {
    name: 'edge ends TLS with the certificate of the route, or the default one',
    routes: ({ own }) => [
      { name: 'own', spec: { tls: { termination: 'edge', certificate: own.certificate, key: own.key } } },
      { name: 'plain', spec: { tls: { termination: 'edge' } } },
    ],
    steps: [
      { ask: { url: 'https://own.test/' }, answer: { status: 200, certificate: 'own', saw: { 'x-forwarded-proto': 'https' } } },
      { ask: { url: 'https://plain.test/' }, answer: { status: 200, certificate: 'default' } },
    ],
  },
  {
    name: 'a key may stand beside its certificate',
    routes: ({ own }) => [{ name: 'own', spec: { tls: { termination: 'edge', certificate: `${own.certificate}\n${own.key}` } } }],
    steps: [{ ask: { url: 'https://own.test/' }, answer: { status: 200, certificate: 'own' } }],
  },
  {
    name: 'a wildcard route shows its certificate to all its hosts',
    routes: ({ own }) => [{ name: 'any', spec: { host: 'any.own.test', wildcardPolicy: 'Subdomain', tls: { termination: 'edge', certificate: own.certificate, key: own.key } } }],
    steps: [{ ask: { url: 'https://other.own.test/' }, answer: { status: 200, certificate: 'own' } }],
  },
  {
    name: 'insecure requests are refused, served or redirected',
    routes: [
      { name: 'none', spec: { tls: { termination: 'edge' } } },
      { name: 'allow', spec: { tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Allow' } } },
      { name: 'redirect', spec: { tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Redirect' } } },
      { name: 'plain' },
    ],
    steps: [
      { ask: { url: 'http://none.test/' }, answer: { status: 503 } },
      { ask: { url: 'http://allow.test/' }, answer: { status: 200, saw: { 'x-forwarded-proto': 'http' } } },
      { ask: { url: 'https://allow.test/' }, answer: { status: 200, saw: { 'x-forwarded-proto': 'https' } } },
      { ask: { url: 'https://plain.test/' }, answer: { status: 503 } },
    ],
    async run(bed) {
      const moved = await bed.ask('http://redirect.test/a/b?c=d');
      expect(moved).toMatchObject({ status: 302, headers: { location: `https://redirect.test:${bed.ports.https}/a/b?c=d` } });
      expect((await bed.ask({ url: 'http://redirect.test/', headers: { Host: `redirect.test:${bed.ports.http}` } })).headers.location).toBe(`https://redirect.test:${bed.ports.https}/`);
    },
  },
  {
    name: 'one path may be redirected and another served',
    routes: [
      { name: 'a', spec: { host: 'web.test', path: '/secret', tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Redirect' } } },
      { name: 'b', spec: { host: 'web.test' } },
    ],
    steps: [
      { ask: { url: 'http://web.test/open' }, answer: { status: 200 } },
      { ask: { url: 'http://web.test/secret/x' }, answer: { status: 302 } },
      { ask: { url: 'https://web.test/secret/x' }, answer: { status: 200 } },
    ],
  },
  {
    name: 'reencrypt trusts the authority that the route names',
    apps: { web: { speaks: 'https', certifiedFor: 'whatever.test' } },
    routes: ({ authority, stranger }) => [
      { name: 'good', spec: { tls: { termination: 'reencrypt', destinationCACertificate: authority } } },
      { name: 'bad', spec: { tls: { termination: 'reencrypt', destinationCACertificate: stranger } } },
      { name: 'unknown', spec: { tls: { termination: 'reencrypt' } } },
    ],
    steps: [
      { ask: { url: 'https://good.test/' }, answer: { status: 200, app: 'web', certificate: 'default', saw: { 'x-forwarded-proto': 'https' } } },
      { ask: { url: 'https://bad.test/' }, answer: { status: 503 } },
      { ask: { url: 'https://unknown.test/' }, answer: { status: 503 } },
    ],
  },
  {
    name: 'reencrypt serves and redirects insecure requests too',
    apps: { web: { speaks: 'https' } },
    routes: ({ authority }) => [
      { name: 'allow', spec: { tls: { termination: 'reencrypt', destinationCACertificate: authority, insecureEdgeTerminationPolicy: 'Allow' } } },
      { name: 'redirect', spec: { tls: { termination: 'reencrypt', destinationCACertificate: authority, insecureEdgeTerminationPolicy: 'Redirect' } } },
    ],
    steps: [
      { ask: { url: 'http://allow.test/' }, answer: { status: 200, app: 'web', saw: { 'x-forwarded-proto': 'http' } } },
      { ask: { url: 'http://redirect.test/' }, answer: { status: 302 } },
    ],
  },
  {
    name: 'passthrough is chosen by SNI, beside routes that end TLS here',
    apps: { web: {}, inner: { speaks: 'https' } },
    routes: ({ own }) => [
      { name: 'pass', spec: { to: { kind: 'Service', name: 'inner' }, tls: { termination: 'passthrough' } } },
      { name: 'redirect', spec: { to: { kind: 'Service', name: 'inner' }, tls: { termination: 'passthrough', insecureEdgeTerminationPolicy: 'Redirect' } } },
      { name: 'own', spec: { tls: { termination: 'edge', certificate: own.certificate, key: own.key } } },
    ],
    steps: [
      { ask: { url: 'https://pass.test/' }, answer: { status: 200, app: 'inner', certificate: 'inner', saw: { 'x-forwarded-proto': undefined, 'x-forwarded-for': undefined } } },
      { ask: { url: 'https://PASS.test/' }, answer: { status: 200, app: 'inner' } },
      { ask: { url: 'https://own.test/' }, answer: { status: 200, app: 'web', certificate: 'own' } },
      { ask: { url: 'https://nobody.test/' }, answer: { status: 503, certificate: 'default' } },
      { ask: { url: 'http://pass.test/' }, answer: { status: 503 } },
      { ask: { url: 'http://redirect.test/' }, answer: { status: 302 } },
    ],
  },
  {
    name: 'passthrough without endpoints ends the connection',
    apps: { web: { endpoints: 0 } },
    routes: [{ name: 'pass', spec: { tls: { termination: 'passthrough' } } }],
    steps: [{ ask: { url: 'https://pass.test/' }, answer: { closed: true } }],
  },
  {
    name: 'a wildcard passes TLS through',
    apps: { inner: { speaks: 'https' } },
    routes: [{ name: 'pass', spec: { host: 'any.deep.test', wildcardPolicy: 'Subdomain', to: { kind: 'Service', name: 'inner' }, tls: { termination: 'passthrough' } } }],
    steps: [{ ask: { url: 'https://x.deep.test/' }, answer: { status: 200, certificate: 'inner' } }],
  },
  {
    name: 'strict transport security is said over TLS where asked for rightly',
    routes: [
      { name: 'a', annotations: { hsts_header: 'max-age=31536000;includeSubDomains;preload' }, spec: { tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Allow' } } },
      { name: 'wrong', annotations: { hsts_header: 'forever' }, spec: { tls: { termination: 'edge' } } },
      { name: 'plain', annotations: { hsts_header: 'max-age=1' } },
    ],
    steps: [
      { ask: { url: 'https://a.test/' }, answer: { status: 200, headers: { 'strict-transport-security': 'max-age=31536000;includeSubDomains;preload' } } },
      { ask: { url: 'https://wrong.test/' }, answer: { status: 200, headers: { 'strict-transport-security': undefined } } },
      { ask: { url: 'http://plain.test/' }, answer: { status: 200, headers: { 'strict-transport-security': undefined } } },
    ],
  },
];
