import { describe, expect, test } from 'vitest';
import type { Route, RouteSpec } from '../../../../src/api/kinds/route.ts';
import { tlsErrors } from '../../../../src/controlplane/route/extended-validation.ts';
import { HostPermission } from '../../../../src/controlplane/route/host-permission.ts';
import { routeWarnings, validateRoute } from '../../../../src/controlplane/route/route-rules.ts';
import type { RequestContext } from '../../../../src/controlplane/kernel/apiserver/kind.ts';
import { authority } from '../../../support/certificates.ts';

const to = { kind: 'Service' as const, name: 'web' };
const object = (spec: Partial<RouteSpec>, annotations?: Record<string, string>): Route => ({ apiVersion: 'route.openshift.io/v1', kind: 'Route', metadata: { name: 'web', namespace: 'demo', ...(annotations && { annotations }) }, spec: { to, ...spec } });
const errors = (spec: Partial<RouteSpec>, old?: Partial<RouteSpec>, annotations?: Record<string, string>) => validateRoute(object(spec, annotations), old && object(old)).map(({ field, message }) => `${field}: ${message}`);
const header = (name: string, value?: string) => ({ name, action: value === undefined ? { type: 'Delete' as const } : { type: 'Set' as const, set: { value } } });
const request = (...actions: ReturnType<typeof header>[]) => ({ httpHeaders: { actions: { request: actions } } });
const label = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

describe('rules of routes', () => {
  test.each<[string, Partial<RouteSpec>, string[]]>([
    ['a host that is none', { host: 'a_b.test' }, ['spec.host: Invalid value: "a_b.test": host must conform to DNS 952 subdomain conventions', `spec.host: Invalid value: "a_b.test": ${label}`]],
    ['a label that is too long', { host: `${'a'.repeat(64)}.test` }, [`spec.host: Invalid value: "${'a'.repeat(64)}.test": must be no more than 63 characters`]],
    ['a subdomain', { subdomain: 'a.B' }, [`spec.subdomain: Invalid value: "B": ${label}`]],
    ['a wildcard without a host', { wildcardPolicy: 'Subdomain' }, ['spec.wildcardPolicy: Invalid value: "Subdomain": host name not specified for wildcard policy']],
    ['a wildcard policy', { wildcardPolicy: 'All' as never }, ['spec.wildcardPolicy: Unsupported value: "All": supported values: "None", "Subdomain"']],
    ['a path', { path: 'x' }, ['spec.path: Invalid value: "x": path must begin with /']],
    ['no service', { to: { kind: 'Service', name: '' } }, ['spec.to.name: Required value']],
    ['another kind', { to: { kind: 'Pod' as never, name: 'a' } }, ['spec.to.kind: Invalid value: "Pod": must reference a Service']],
    ['a weight', { to: { ...to, weight: 300 } }, ['spec.to.weight: Invalid value: 300: weight must be an integer between 0 and 256']],
    ['too many services', { alternateBackends: [to, to, to, to] }, ['spec.alternateBackends: Required value: cannot specify more than 3 alternate backends']],
    ['a service among others', { alternateBackends: [{ kind: 'Service', name: '', weight: -1 }] }, ['spec.alternateBackends[0].name: Required value', 'spec.alternateBackends[0].weight: Invalid value: -1: weight must be an integer between 0 and 256']],
    ['no port', { port: { targetPort: '' } }, ['spec.port.targetPort: Required value']],
    ['a termination', { tls: { termination: 'middle' as never } }, ['spec.tls.termination: Unsupported value: "middle": supported values: "edge", "passthrough", "reencrypt"']],
    ['a path without a view into TLS', { path: '/x', tls: { termination: 'passthrough' } }, ['spec.path: Invalid value: "/x": passthrough termination does not support paths']],
    ['certificates without a view into TLS', { tls: { termination: 'passthrough', certificate: 'a', key: 'b', caCertificate: 'c', destinationCACertificate: 'd', externalCertificate: { name: 'e' } } }, [
      'spec.tls.certificate: Invalid value: "redacted certificate data": passthrough termination does not support certificates',
      'spec.tls.key: Invalid value: "redacted key data": passthrough termination does not support certificates',
      'spec.tls.caCertificate: Invalid value: "redacted ca certificate data": passthrough termination does not support certificates',
      'spec.tls.destinationCACertificate: Invalid value: "redacted destination ca certificate data": passthrough termination does not support certificates',
      'spec.tls.externalCertificate: Invalid value: "e": passthrough termination does not support certificates',
    ]],
    ['insecure requests that cannot be read', { tls: { termination: 'passthrough', insecureEdgeTerminationPolicy: 'Allow' } }, ['spec.tls.insecureEdgeTerminationPolicy: Invalid value: "Allow": invalid value for InsecureEdgeTerminationPolicy option, acceptable values are None, Redirect, or empty']],
    ['a policy', { tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Perhaps' as never } }, ['spec.tls.insecureEdgeTerminationPolicy: Invalid value: "Perhaps": invalid value for InsecureEdgeTerminationPolicy option, acceptable values are None, Allow, Redirect, or empty']],
    ['two certificates', { tls: { termination: 'edge', certificate: 'a', key: 'b', externalCertificate: { name: 'c' } } }, ['spec.tls.externalCertificate: Invalid value: "c": cannot specify both tls.certificate and tls.externalCertificate']],
    ['a destination at the edge', { tls: { termination: 'edge', destinationCACertificate: 'a' } }, ['spec.tls.destinationCACertificate: Invalid value: "redacted destination ca certificate data": edge termination does not support destination certificates']],
    ['headers without a view into TLS', { ...request(header('X-A')), tls: { termination: 'passthrough' } }, ['spec.tls.termination: Invalid value: "passthrough": only edge and re-encrypt routes are supported for providing customized headers.']],
    ['headers of others', request(header('Cookie', 'a'), header('Proxy'), header('strict-transport-security', 'a')), [0, 1, 2].map((at) => `spec.httpHeaders.actions.request[${at}].name: Forbidden: the following headers may not be modified using this API: strict-transport-security, proxy, cookie, set-cookie`)],
    ['a header twice, without a name, of wrong letters', request(header('X-A', 'a'), header('X-A', 'b'), header(''), header('X A')), [
      'spec.httpHeaders.actions.request[1].name: Duplicate value: "X-A"', 'spec.httpHeaders.actions.request[2].name: Required value',
      'spec.httpHeaders.actions.request[3].name: Invalid value: "X A": name must be a valid HTTP header name as defined in RFC 2616 section 4.2',
    ]],
    ['actions that are none', { httpHeaders: { actions: { response: [{ name: 'X-A', action: { type: 'Add' as never } }, { name: 'X-B', action: { type: 'Set' } }, { name: 'X-C', action: { type: 'Delete', set: { value: 'x' } } }, header('X-D', '')] } } }, [
      'spec.httpHeaders.actions.response[0].action.type: Invalid value: "Add": type must be "Set" or "Delete"',
      'spec.httpHeaders.actions.response[1].action.set: Required value: set is required when type is Set, and forbidden otherwise',
      'spec.httpHeaders.actions.response[2].action.set: Required value: set is required when type is Set, and forbidden otherwise',
      'spec.httpHeaders.actions.response[3].action.set.value: Required value',
    ]],
    ['too many headers', request(...Array.from({ length: 21 }, (_, at) => header(`X-${at}`, 'a'))), ["spec.httpHeaders.actions.request: Invalid value: 21: request headers list can't exceed 20 items"]],
    ['what is right', { host: 'a.test', path: '/x', port: { targetPort: 'http' }, tls: { termination: 'reencrypt', insecureEdgeTerminationPolicy: 'Redirect', externalCertificate: { name: 'c' } }, ...request(header('X-A', '%[req.hdr(Host),lower]'), header('X-B', '100%%')) }, []],
  ])('%s', (_, spec, expected) => expect(errors(spec)).toEqual(expected));

  test.each(['%', '%[res.hdr(Host)]', '%[req.hdr(Host),upper]', 'a\r\nb', '%[src]'])('header value %j', (value) => expect(errors(request(header('X-A', value)))[0]).toContain('Sample fetchers allowed are req.hdr, ssl_c_der. Converters allowed are lower, base64.'));

  test('what a route was made with', () => {
    expect(errors({ host: 'a.test', wildcardPolicy: 'Subdomain' }, { host: 'a.test' })).toEqual(['spec.wildcardPolicy: Invalid value: "Subdomain": field is immutable']);
    expect(errors({ host: `${'a'.repeat(64)}.test`, path: '/new' }, { host: `${'a'.repeat(64)}.test` })).toEqual([]);
    expect(errors({ host: `${'a'.repeat(64)}.test` }, undefined, { 'route.openshift.io/allow-non-dns-compliant-host': 'true' })).toEqual([]);
    expect(routeWarnings(object({ host: 'a.test', subdomain: 'a' }))).toEqual(['spec.host is set; spec.subdomain may be ignored']);
  });
});

describe('certificates the router can use', () => {
  const edge = { termination: 'edge' as const };
  test('have their key, and an authority that signed them', async () => {
    const [root, other] = await Promise.all([authority(), authority()]);
    const [a, b] = await Promise.all([root.sign('CN=a', ['a.test']), root.sign('CN=b', ['b.test'])]);
    const texts = (tls: Parameters<typeof tlsErrors>[0]) => tlsErrors(tls).map(({ field, message }) => `${field}: ${message}`);
    expect(texts({ ...edge, certificate: a.certificate, key: a.key })).toEqual([]);
    expect(texts({ ...edge, certificate: `${a.certificate}\n${a.key}` })).toEqual([]);
    expect(texts({ ...edge, certificate: a.certificate, key: a.key, caCertificate: root.certificate })).toEqual([]);
    expect(texts({ ...edge, certificate: a.certificate, key: b.key })).toEqual(['spec.tls.key: Invalid value: "redacted key data": tls: private key does not match public key']);
    expect(texts({ ...edge, certificate: a.certificate })).toEqual(['spec.tls.key: Invalid value: "": no key specified']);
    expect(texts({ ...edge, certificate: a.certificate, key: 'rubbish' })).toEqual(['spec.tls.key: Invalid value: "redacted key data": tls: failed to find any PEM data in key input']);
    expect(texts({ ...edge, certificate: a.certificate, key: a.key, caCertificate: other.certificate })).toEqual(['spec.tls.certificate: Invalid value: "redacted certificate data": error verifying certificate: x509: certificate signed by unknown authority']);
    expect(texts({ termination: 'reencrypt', destinationCACertificate: 'x', caCertificate: 'y' })).toEqual([
      'spec.tls.caCertificate: Invalid value: "redacted ca certificate data": failed to parse CA certificate: data does not contain any valid RSA or ECDSA certificates',
      'spec.tls.destinationCACertificate: Invalid value: "redacted destination ca certificate data": failed to parse destination CA certificate: data does not contain any valid RSA or ECDSA certificates',
    ]);
  });
});

describe('hosts of one\'s own', () => {
  /** Verbs of `routes/custom-host` that somebody may use. */
  const asked = async (verbs: string[], run: (permission: HostPermission, context: RequestContext) => Promise<void>) => {
    const permission = new HostPermission((_, { verb, subresource }) => ({ allowed: subresource === 'custom-host' && verbs.includes(verb) }));
    return run(permission, { user: { username: 'ann', groups: [] } } as unknown as RequestContext).then(() => '', (error: Error) => error.message);
  };
  const bad = 'Route.route.openshift.io "web" is invalid: ';
  test('need a permission, as certificates do', async () => {
    const create = (verbs: string[], spec: Partial<RouteSpec>) => asked(verbs, (permission, context) => permission.checkCreate(object(spec), context));
    expect(await create([], {})).toBe('');
    expect(await create([], { subdomain: 'a' })).toBe('');
    expect(await create([], { host: 'a.test' })).toBe(`${bad}spec.host: Forbidden: you do not have permission to set the host field of the route`);
    expect(await create([], { tls: { termination: 'edge', key: 'x' } })).toBe(`${bad}spec.tls: Forbidden: you do not have permission to set certificate fields on the route`);
    expect(await create(['create'], { host: 'a.test' })).toBe('');
    const update = (verbs: string[], spec: Partial<RouteSpec>, old: Partial<RouteSpec>) => asked(verbs, (permission, context) => permission.checkUpdate(object(spec), object(old), context));
    expect(await update([], { host: 'a.test', path: '/b' }, { host: 'a.test' })).toBe('');
    expect(await update(['create'], { host: 'b.test' }, { host: 'a.test' })).toBe(`${bad}spec.host: Invalid value: "b.test": you do not have permission to set the host field of the route`);
    expect(await update(['update'], { host: 'b.test' }, { host: 'a.test' })).toBe('');
    expect(await update([], { subdomain: 'b' }, {})).toBe(`${bad}spec.subdomain: Invalid value: "b": you do not have permission to set the subdomain field of the route`);
    expect(await update([], { tls: { termination: 'edge', certificate: 'x' } }, { tls: { termination: 'edge' } })).toBe(`${bad}spec.tls: Forbidden: you do not have permission to set certificate fields on the route`);
    expect(await update(['create'], { tls: { termination: 'edge', certificate: 'x' } }, { tls: { termination: 'edge' } })).toBe('');
    expect(await update([], { tls: { termination: 'edge' } }, { tls: { termination: 'edge', certificate: 'x' } })).toBe('');
  });
});
