import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pods, secrets, services } from '../../../../src/api/kinds/core.ts';
import { routes, type Route, type RouteSpec } from '../../../../src/api/kinds/route.ts';
import type { RouterRoute } from '../../../../src/protocol/router.ts';
import type { DataPlane } from '../../../../src/controlplane/route/data-plane/data-plane.ts';
import { authority } from '../../../support/certificates.ts';
import { eventually } from '../../../support/eventually.ts';
import { startWorkloads, template, type WorkloadPlatform } from '../../../support/workload-platform.ts';

/** Stands in for the worker process: remembers the last table. */
class TableKeeper implements DataPlane {
  table: ReadonlyMap<string, RouterRoute> = new Map();
  readonly ports = { http: 8080, https: 8443 };
  readonly pid = undefined;
  start = async () => this.ports;
  apply = async (table: ReadonlyMap<string, RouterRoute>) => void (this.table = table);
  answer: (key: string, status: number) => void = () => undefined;
  onFirstAnswer = (listener: (key: string, status: number) => void) => void (this.answer = listener);
  logAccess = () => undefined;
  metrics = async () => undefined;
  routeMetrics = async () => undefined;
  dispose = async () => undefined;
}

const namespace = 'demo';
let platform: WorkloadPlatform;
let router: TableKeeper;
beforeEach(async () => {
  router = new TableKeeper();
  platform = await startWorkloads({ router });
});
afterEach(() => platform.dispose());

const to = { kind: 'Service' as const, name: 'web' };
const object = (name: string, spec: Partial<RouteSpec> = {}, where = namespace): Route => ({ apiVersion: 'route.openshift.io/v1', kind: 'Route', metadata: { name, namespace: where }, spec: { to, ...spec } });
const create = (name: string, spec?: Partial<RouteSpec>, where?: string) => platform.client.create(routes, object(name, spec, where));
const admitted = async (name: string, where = namespace) => (await platform.client.get(routes, { name, namespace: where })).status?.ingress?.[0]?.conditions?.[0];

describe('a route', () => {
  test('gets a host of its project and what else it leaves out', async () => {
    const made = await create('my.web');
    expect(made.spec).toEqual({ host: 'my-web-demo.apps.localhost', to: { kind: 'Service', name: 'web', weight: 100 }, wildcardPolicy: 'None' });
    expect(made.metadata.annotations).toEqual({ 'openshift.io/host.generated': 'true' });
    await platform.client.update(routes, object('my.web', { path: '/a' }));
    expect((await platform.client.get(routes, { name: 'my.web', namespace })).spec.host).toBe('my-web-demo.apps.localhost');
  });

  test('is admitted, or told why not; the next in line follows', async () => {
    await create('first', { host: 'a.test' });
    await eventually(() => admitted('first')).toMatchObject({ type: 'Admitted', status: 'True' });
    await create('second', { host: 'a.test' });
    await eventually(() => admitted('second')).toMatchObject({ status: 'False', reason: 'HostAlreadyClaimed', message: 'route first already exposes a.test and is older' });
    await create('third', { host: 'a.test' }, 'default');
    await eventually(() => admitted('third', 'default')).toMatchObject({ status: 'False', reason: 'HostAlreadyClaimed', message: 'a route in another namespace holds a.test and is older than third' });
    // Times are whole seconds: which of two that wait came first is not always told.
    await platform.client.delete(routes, { name: 'third', namespace: 'default' });
    await platform.client.delete(routes, { name: 'first', namespace });
    await eventually(() => admitted('second')).toMatchObject({ status: 'True' });
    const { status } = await platform.client.get(routes, { name: 'second', namespace });
    expect(status?.ingress).toEqual([expect.objectContaining({ host: 'a.test', routerName: 'default', routerCanonicalHostname: 'router-default.apps.localhost', wildcardPolicy: 'None' })]);
    await eventually(() => platform.story('second')).toEqual(['HostAlreadyClaimed', 'RouteAdmitted']);
  });

  test('tells of its first answer', async () => {
    await create('told');
    await eventually(() => platform.story('told')).toEqual(['RouteAdmitted']);
    await eventually(() => router.table.has('demo/told')).toBe(true);
    router.answer('demo/told', 200);
    router.answer('demo/unknown', 200);
    await eventually(() => platform.story('told')).toEqual(['RouteAdmitted', 'FirstResponse']);
  });

  test('leads to the ready pods of its service', async () => {
    await create('web');
    await eventually(() => [...router.table.keys()]).toEqual(['demo/web']);
    await platform.client.create(services, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace }, spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] } } as never);
    for (const name of ['a', 'b']) await platform.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels: { app: 'web' } }, spec: template().spec } as never);
    const leadsTo = () => router.table.get('demo/web')?.backends[0]?.endpoints.map(({ address, pod }) => `${pod} ${address}`);
    await eventually(leadsTo).toEqual(['a 10.128.0.2:8080', 'b 10.128.0.3:8080']);
    await platform.client.delete(pods, { name: 'a', namespace });
    await eventually(leadsTo).toEqual(['b 10.128.0.3:8080']);
    await platform.client.delete(routes, { name: 'web', namespace });
    await eventually(() => router.table.size).toBe(0);
  });

  test('prints as oc shows it', async () => {
    await create('a', { path: '/x', port: { targetPort: 'http' }, tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Redirect' }, alternateBackends: [{ kind: 'Service', name: 'other', weight: 250 }], to: { ...to, weight: 50 } });
    await create('b', { host: 'b.test' });
    await eventually(() => admitted('b')).toBeDefined();
    await create('c', { host: 'b.test' });
    await eventually(() => admitted('c')).toBeDefined();
    expect(await platform.table('/apis/route.openshift.io/v1/namespaces/demo/routes')).toEqual({
      columns: ['Name', 'Host/Port', 'Path', 'Services', 'Port', 'Termination', 'Wildcard'],
      rows: [
        ['a', 'a-demo.apps.localhost', '/x', 'web(17%),other(83%)', 'http', 'edge/Redirect', 'None'],
        ['b', 'b.test', '', 'web', '<all>', '', 'None'],
        ['c', 'HostAlreadyClaimed', '', 'web', '<all>', '', 'None'],
      ],
    });
  });
});

describe('certificates', () => {
  const secret = (name: string, pair: { certificate: string; key: string }, type = 'kubernetes.io/tls') => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type, stringData: { 'tls.crt': pair.certificate, 'tls.key': pair.key } }) as never;
  const shown = (name: string) => router.table.get(`demo/${name}`)?.tls?.certificate;

  test('that cannot be used keep a route out, and give its host to the next', async () => {
    await create('bad', { host: 'a.test', tls: { termination: 'edge', certificate: 'x', key: 'y' } });
    await eventually(() => admitted('bad')).toMatchObject({ status: 'False', reason: 'ExtendedValidationFailed', message: '\n  - spec.tls.certificate: Invalid value: "redacted certificate data": data does not contain any valid RSA or ECDSA certificates' });
    await create('good', { host: 'a.test' });
    await eventually(() => admitted('good')).toMatchObject({ status: 'True' });
    expect([...router.table.keys()]).toEqual(['demo/good']);
  });

  test('come from a secret, follow it, and leave with it', async () => {
    const root = await authority();
    const [first, second] = await Promise.all([root.sign('CN=a', ['a.test']), root.sign('CN=b', ['a.test'])]);
    await platform.client.create(secrets, secret('pair', first));
    await create('web', { host: 'a.test', tls: { termination: 'edge', externalCertificate: { name: 'pair' } } });
    await eventually(() => shown('web')).toBe(first.certificate);
    await platform.client.update(secrets, secret('pair', second));
    await eventually(() => shown('web')).toBe(second.certificate);
    await platform.client.delete(secrets, { name: 'pair', namespace });
    await eventually(() => admitted('web')).toMatchObject({ status: 'False', reason: 'ExternalCertificateSecretDeleted', message: 'secret pair deleted for route demo/web' });
    await eventually(() => router.table.size).toBe(0);
    await platform.client.create(secrets, secret('pair', first));
    await eventually(() => shown('web')).toBe(first.certificate);
  });

  test('of a secret whose key is another\'s keep the route out until they are right', async () => {
    const root = await authority();
    const [first, second] = await Promise.all([root.sign('CN=a', ['a.test']), root.sign('CN=b', ['a.test'])]);
    await platform.client.create(secrets, secret('pair', { certificate: first.certificate, key: second.key }));
    await create('web', { host: 'a.test', tls: { termination: 'edge', externalCertificate: { name: 'pair' } } });
    await eventually(() => admitted('web')).toMatchObject({ status: 'False', reason: 'ExtendedValidationFailed', message: expect.stringContaining('tls: private key does not match public key') as string });
    await platform.client.update(secrets, secret('pair', first));
    await eventually(() => admitted('web')).toMatchObject({ status: 'True' });
    expect(shown('web')).toBe(first.certificate);
  });

  test('of a secret that is not there, or no pair, are refused', async () => {
    await platform.client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'other', namespace }, type: 'Opaque', stringData: { a: 'b' } } as never);
    const refused = (name: string) => create('bad', { tls: { termination: 'reencrypt', externalCertificate: { name } } }).then(() => '', (error: Error) => error.message);
    expect(await refused('nowhere')).toContain('spec.tls.externalCertificate: Not found: "secrets \\"nowhere\\" not found"');
    expect(await refused('other')).toContain('spec.tls.externalCertificate: Invalid value: "other": secret of type "kubernetes.io/tls" required');
  });
});
