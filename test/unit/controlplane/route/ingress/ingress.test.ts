import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { secrets, services } from '../../../../../src/api/kinds/core.ts';
import { ingressClasses, ingresses, type Ingress, type IngressClass } from '../../../../../src/api/kinds/ingress.ts';
import { routes, type Route } from '../../../../../src/api/kinds/route.ts';
import { planIngress, type IngressLookup } from '../../../../../src/controlplane/route/ingress/ingress-plan.ts';
import { authority } from '../../../../support/certificates.ts';
import { eventually } from '../../../../support/eventually.ts';
import { startWorkloads, type WorkloadPlatform } from '../../../../support/workload-platform.ts';

type Rules = NonNullable<Ingress['spec']['rules']>;
const namespace = 'demo';
const backend = (name: string, port: number | string = 80) => ({ service: { name, port: typeof port === 'number' ? { number: port } : { name: port } } });
const rule = (host: string, ...paths: [path: string, service: string, pathType?: string][]): Rules[number] => ({ host, http: { paths: paths.map(([path, name, pathType = 'Prefix']) => ({ path, pathType, backend: backend(name) })) } }) as Rules[number];
const ingress = (spec: Partial<Ingress['spec']>, annotations?: Record<string, string>): Ingress => ({ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'shop', namespace, uid: 'u', labels: { app: 'shop' }, ...(annotations && { annotations }) }, spec: spec as Ingress['spec'] });

describe('the plan of an Ingress', () => {
  const lookup: IngressLookup = {
    class: (name) => ({ ours: { spec: { controller: 'openshift.io/ingress-to-route' } }, nginx: { spec: { controller: 'k8s.io/ingress-nginx' } } } as unknown as Record<string, IngressClass>)[name],
    service: (name) => (name === 'gone' ? undefined : { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports: name === 'plain' ? [{ port: 80 }] : [{ name: 'http', port: 80 }, { name: 'admin', port: 81 }] } }),
    secret: (name) => (name === 'pair' ? { apiVersion: 'v1', kind: 'Secret', metadata: { name }, type: 'kubernetes.io/tls', data: { 'tls.crt': btoa('C'), 'tls.key': btoa('K') } } : undefined),
  };
  const plan = (spec: Partial<Ingress['spec']>, annotations?: Record<string, string>, owned: Route[] = []) => planIngress(ingress(spec, annotations), owned, lookup);
  const specs = (spec: Partial<Ingress['spec']>, annotations?: Record<string, string>) => plan(spec, annotations)?.create.map((route) => route.spec);
  const to = (name: string) => ({ kind: 'Service', name, weight: 100 });

  test('makes a route of each path', () => {
    expect(plan({ rules: [rule('a.test', ['/', 'web'], ['/api/', 'api'], ['/one', 'plain', 'Exact'])] })?.create).toMatchObject([
      { metadata: { namespace, labels: { app: 'shop' }, ownerReferences: [{ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'shop', uid: 'u', controller: true }] }, spec: { host: 'a.test', path: '/', to: to('web'), port: { targetPort: 'http' }, wildcardPolicy: 'None' } },
      { spec: { path: '/api', to: to('api') } },
      { metadata: { annotations: { 'slipway.dev/path-type': 'Exact' } }, spec: { path: '/one', to: to('plain') } },
    ]);
    expect(specs({ rules: [rule('a.test', ['/one', 'plain'])] })?.[0]?.port).toBeUndefined();
  });

  test('names routes by host and path, the same each time', () => {
    const names = () => plan({ rules: [rule('a.test', ['/', 'web'], ['/b', 'web'], ['/b', 'web', 'Exact']), rule('b.test', ['/', 'web'])] })?.create.map(({ metadata }) => metadata.name) ?? [];
    expect(new Set(names()).size).toBe(4);
    expect(names()).toEqual(names());
    for (const name of names()) expect(name).toMatch(/^shop-[a-z0-9]{5}$/);
  });

  test('ends TLS where a secret or an annotation says so', () => {
    const rules = [rule('a.test', ['/', 'web'])];
    expect(specs({ rules, tls: [{ hosts: ['a.test'], secretName: 'pair' }] })?.[0]?.tls).toEqual({ termination: 'edge', insecureEdgeTerminationPolicy: 'Redirect', certificate: 'C', key: 'K' });
    expect(specs({ rules, tls: [{ hosts: ['b.test'], secretName: 'pair' }] })?.[0]?.tls).toBeUndefined();
    expect(specs({ rules, tls: [{}] })?.[0]?.tls).toEqual({ termination: 'edge', insecureEdgeTerminationPolicy: 'Redirect' });
    expect(specs({ rules }, { 'route.openshift.io/termination': 'passthrough' })?.[0]?.tls).toEqual({ termination: 'passthrough', insecureEdgeTerminationPolicy: 'Redirect' });
    expect(specs({ rules }, { 'route.openshift.io/termination': 'reencrypt', 'route.openshift.io/destination-ca-certificate-secret': 'pair' })?.[0]?.tls).toMatchObject({ termination: 'reencrypt', destinationCACertificate: 'C' });
  });

  test('makes wildcards of wildcards', () => {
    expect(specs({ rules: [rule('*.a.test', ['/', 'web'])] })).toMatchObject([{ host: 'wildcard.a.test', wildcardPolicy: 'Subdomain' }]);
  });

  test('tells what a route cannot say', () => {
    const rules = [{ host: 'a.test' }, rule('', ['/', 'web']), rule('a.test', ['/x', 'gone'], ['/y', 'web']), { host: 'b.test', http: { paths: [{ path: '/', pathType: 'Prefix', backend: { resource: { kind: 'x', name: 'y' } } }] } }, rule('tls.test', ['/', 'web'])] as Rules;
    const { incomplete, create } = plan({ rules, tls: [{ hosts: ['tls.test'], secretName: 'missing' }], defaultBackend: { service: { name: 'web', port: { number: 80 } } } }) ?? { incomplete: [], create: [] };
    expect(incomplete).toEqual([
      'Missing http field in rule at index 0', 'Missing host field in rule at index 1', 'Backend service "gone" not found at index 2, path index 0',
      'Missing backend service field in rule at index 3, path index 0', 'Invalid or missing TLS secret for rule host "tls.test" at index 4, path index 0',
      'spec.defaultBackend is not served, since a route needs a host',
    ]);
    expect(create).toHaveLength(1);
  });

  test('belongs to its class', () => {
    const rules = [rule('a.test', ['/', 'web'])];
    expect(plan({ rules, ingressClassName: 'ours' })?.create).toHaveLength(1);
    for (const name of ['nginx', 'unknown']) expect(plan({ rules, ingressClassName: name })).toBeUndefined();
    expect(plan({ rules, ingressClassName: 'ours' }, { 'kubernetes.io/ingress.class': 'nginx' })).toBeUndefined();
  });

  test('leaves what is right, changes what is not, removes the rest; what users set stays', () => {
    const spec = { rules: [rule('a.test', ['/', 'web'], ['/b', 'api'])], tls: [{ hosts: ['a.test'], secretName: 'pair' }] };
    const [first, second] = plan(spec)?.create as [Route, Route];
    const own = { ...first, metadata: { ...first.metadata, labels: { mine: 'yes' } }, spec: { ...first.spec, to: { ...first.spec.to, weight: 7 }, tls: { ...first.spec.tls, insecureEdgeTerminationPolicy: 'Allow', caCertificate: 'A' } } } as Route;
    const old = { ...second, metadata: { ...second.metadata, name: 'shop-old' } };
    expect(plan(spec, undefined, [own, second, old])).toMatchObject({ create: [], update: [], remove: [old] });
    const wrong = { ...second, spec: { ...second.spec, to: { kind: 'Service' as const, name: 'other' } } };
    expect(plan(spec, undefined, [own, wrong])).toMatchObject({ update: [{ metadata: { name: second.metadata.name }, spec: { to: { name: 'api' } } }] });
    const admitted = { ...own, status: { ingress: [{ routerCanonicalHostname: 'router-default.apps.localhost', conditions: [{ type: 'Admitted', status: 'True' }] }] } } as Route;
    expect(plan(spec, undefined, [admitted, second])?.hostnames).toEqual(['router-default.apps.localhost']);
  });
});

describe('ingresses', () => {
  let platform: WorkloadPlatform;
  beforeEach(async () => {
    platform = await startWorkloads();
  });
  afterEach(() => platform.dispose());
  const create = (spec: Partial<Ingress['spec']>, annotations?: Record<string, string>) => platform.client.create(ingresses, { ...ingress(spec, annotations), metadata: { name: 'shop', namespace, ...(annotations && { annotations }) } });
  const service = (name: string) => platform.client.create(services, { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: { ports: [{ name: 'http', port: 80 }] } } as never);
  const made = async () => (await platform.client.list(routes, { namespace })).items.map(({ spec }) => `${spec.host}${spec.path ?? ''} ${spec.to.name} ${spec.tls?.termination ?? '-'}`).sort();
  const address = async () => (await platform.client.get(ingresses, { name: 'shop', namespace })).status?.loadBalancer?.ingress;

  test('become routes, follow services and secrets, and go with them', async () => {
    expect((await create({ rules: [rule('a.test', ['/', 'web'], ['/api', 'api'])], tls: [{ hosts: ['b.test'], secretName: 'pair' }] })).spec.ingressClassName).toBe('openshift-default');
    await service('web');
    await eventually(made).toEqual(['a.test/ web -']);
    await eventually(address).toEqual([{ hostname: 'router-default.apps.localhost' }]);
    await eventually(() => platform.story('shop')).toContain('IncompleteIngressToRouteRules');
    await service('api');
    await eventually(made).toEqual(['a.test/ web -', 'a.test/api api -']);
    const { certificate, key } = await (await authority()).sign('CN=b', ['b.test']);
    await platform.client.patch(ingresses, { name: 'shop', namespace }, 'merge', { spec: { rules: [rule('b.test', ['/', 'web'])] } });
    await eventually(made).toEqual([]);
    await platform.client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'pair', namespace }, type: 'kubernetes.io/tls', stringData: { 'tls.crt': certificate, 'tls.key': key } } as never);
    await eventually(made).toEqual(['b.test/ web edge']);
    const [route] = (await platform.client.list(routes, { namespace })).items;
    await platform.client.delete(routes, { name: route?.metadata.name ?? '', namespace });
    await eventually(made).toEqual(['b.test/ web edge']);
  });

  test('print as kubectl knows them, with their class', async () => {
    await create({ rules: [rule('a.test', ['/', 'web'])], tls: [{ hosts: ['a.test'], secretName: 'x' }] });
    expect(await platform.table('/apis/networking.k8s.io/v1/namespaces/demo/ingresses')).toEqual({ columns: ['Name', 'Class', 'Hosts', 'Address', 'Ports'], rows: [['shop', 'openshift-default', 'a.test', '', '80, 443']] });
    expect(await platform.table('/apis/networking.k8s.io/v1/ingressclasses')).toEqual({ columns: ['Name', 'Controller', 'Parameters'], rows: [['openshift-default', 'openshift.io/ingress-to-route', '<none>']] });
    expect((await platform.client.get(ingressClasses, { name: 'openshift-default' })).metadata.annotations).toEqual({ 'ingressclass.kubernetes.io/is-default-class': 'true' });
  });

  test.each<[string, Partial<Ingress['spec']>, Record<string, string>?]>([
    ['spec: Invalid value: []: either `defaultBackend` or `rules` must be specified', {}],
    ['spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address', { rules: [rule('10.0.0.1', ['/', 'web'])] }],
    ['spec.rules[0].http.paths[0].path: Invalid value: "x": must be an absolute path', { rules: [rule('a.test', ['x', 'web'])] }],
    ["spec.rules[0].http.paths[0].path: Invalid value: \"/a//b\": must not contain '//'", { rules: [rule('a.test', ['/a//b', 'web'])] }],
    ['spec.rules[0].http.paths[0].pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"', { rules: [rule('a.test', ['/', 'web', 'Regex'])] }],
    ['spec.defaultBackend.service.name: Required value', { defaultBackend: backend('') }],
    ['spec.defaultBackend: Required value: port name or number is required', { defaultBackend: { service: { name: 'a', port: {} } } }],
    ['annotations.kubernetes.io/ingress.class: Invalid value: "a": can not be set when the class field is also set', { defaultBackend: backend('a'), ingressClassName: 'b' }, { 'kubernetes.io/ingress.class': 'a' }],
  ])('refuse: %s', async (message, spec, annotations) => expect(await create(spec, annotations).then(() => '', (error: Error) => error.message)).toContain(message));
});
