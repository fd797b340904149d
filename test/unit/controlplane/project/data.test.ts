import { afterAll, beforeAll, expect, test } from 'vitest';
import { leases } from '../../../../src/api/kinds/cluster.ts';
import { configMaps, secrets, type ConfigMap, type Secret } from '../../../../src/api/kinds/core.ts';
import type { KubeObject } from '../../../../src/api/meta.ts';
import { startProjectPlatform, type ProjectPlatform } from '../../../support/project-platform.ts';

let platform: ProjectPlatform;
beforeAll(async () => {
  platform = await startProjectPlatform();
});
afterAll(() => platform.close());

const base64 = (text: string) => Buffer.from(text).toString('base64');
const secret = (name: string, more: object): KubeObject => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'default' }, ...more }) as KubeObject;
const map = (name: string, more: object): KubeObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, ...more }) as KubeObject;

test('secrets: text becomes data, the type stays, what is immutable stays', async () => {
  const { client } = platform;
  const made = await client.create<Secret>(secrets, secret('text', { data: { a: base64('1') }, stringData: { b: 'ü', a: '2' } }));
  expect(made).toMatchObject({ type: 'Opaque', data: { a: base64('2'), b: base64('ü') } });
  expect(made).not.toHaveProperty('stringData');
  expect((await client.patch(secrets, { namespace: 'default', name: 'text' }, 'merge', { stringData: { b: 'x' } })).data).toEqual({ a: base64('2'), b: base64('x') });
  await expect(client.patch(secrets, { namespace: 'default', name: 'text' }, 'merge', { type: 'other' })).rejects.toMatchObject({ code: 422, message: expect.stringContaining('type: Invalid value: "other": field is immutable') });
  await client.patch(secrets, { namespace: 'default', name: 'text' }, 'merge', { immutable: true });
  await expect(client.patch(secrets, { namespace: 'default', name: 'text' }, 'merge', { stringData: { b: 'y' } })).rejects.toMatchObject({ message: expect.stringContaining('data: Forbidden: field is immutable when `immutable` is set') });
});

test.each([
  ['kubernetes.io/tls', { 'tls.crt': 'x' }, 'data[tls.key]: Required value'],
  ['kubernetes.io/dockerconfigjson', {}, 'data[.dockerconfigjson]: Required value'],
  ['kubernetes.io/dockerconfigjson', { '.dockerconfigjson': 'password: no JSON' }, '"<secret contents redacted>"'],
  ['kubernetes.io/dockercfg', { '.dockercfg': '[]' }, 'must be a JSON object'],
  ['kubernetes.io/basic-auth', { other: 'x' }, 'data[username]: Required value'],
  ['kubernetes.io/ssh-auth', {}, 'data[ssh-privatekey]: Required value'],
  ['kubernetes.io/service-account-token', {}, 'metadata.annotations[kubernetes.io/service-account.name]: Required value'],
  ['Opaque', { 'bad/key': 'x' }, "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"],
  ['Opaque', { big: 'x'.repeat(1024 * 1024 + 1) }, 'Too long: may not be more than 1048576 bytes'],
])('a secret of type %s with %o is refused', async (type, stringData, message) => {
  await expect(platform.client.create(secrets, secret('refused', { type, stringData }))).rejects.toMatchObject({ code: 422, message: expect.stringContaining(message) });
});

test('config maps: keys, sizes, immutability', async () => {
  const { client, api } = platform;
  await client.create<ConfigMap>(configMaps, map('settings', { data: { 'a.b': '1' }, binaryData: { c: base64('2') }, immutable: true }));
  const refused = (change: object) => client.patch(configMaps, { namespace: 'default', name: 'settings' }, 'merge', change).catch((error: Error) => error.message);
  expect(await refused({ data: { 'a.b': '2' } })).toContain('data: Forbidden: field is immutable when `immutable` is set');
  expect(await refused({ immutable: false })).toContain('immutable: Forbidden: field is immutable when `immutable` is set');
  await client.patch(configMaps, { namespace: 'default', name: 'settings' }, 'merge', { metadata: { labels: { a: 'b' } } });
  await expect(client.create(configMaps, map('twice', { data: { a: '1' }, binaryData: { a: base64('1') } }))).rejects.toMatchObject({ message: expect.stringContaining('duplicate of key present in binaryData') });
  const table = await api.ask('GET', '/api/v1/namespaces/default/configmaps/settings', { headers: { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } });
  expect(table.json.columnDefinitions.map((column: { name: string }) => column.name)).toEqual(['Name', 'Data', 'Age']);
  expect(table.json.rows[0].cells.slice(0, 2)).toEqual(['settings', '2']);
});

test('columns are those of the real server', async () => {
  const columns = async (path: string) => {
    const { json } = await platform.api.ask('GET', path, { headers: { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } });
    return json.columnDefinitions.map(({ name, type, priority }: { name: string; type: string; priority: number }) => `${name}:${type}${priority ? '+' : ''}`).join(' ');
  };
  const bindings = 'Name:string Role:string Age:string Users:string+ Groups:string+ ServiceAccounts:string+';
  const event = 'Last Seen:string Type:string Reason:string Object:string Subobject:string+ Source:string+ Message:string First Seen:string+ Count:string+ Name:string+';
  for (const [path, wanted] of [
    ['/api/v1/namespaces', 'Name:string Status:string Age:string'], ['/api/v1/secrets', 'Name:string Type:string Data:string Age:string'], ['/api/v1/serviceaccounts', 'Name:string Age:string'],
    ['/api/v1/events', event], ['/apis/events.k8s.io/v1/events', event], ['/apis/coordination.k8s.io/v1/leases', 'Name:string Holder:string Age:string'],
    ['/apis/rbac.authorization.k8s.io/v1/roles', 'Name:string Created At:date'], ['/apis/rbac.authorization.k8s.io/v1/clusterroles', 'Name:string Created At:date'],
    ['/apis/rbac.authorization.k8s.io/v1/rolebindings', bindings], ['/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', bindings],
  ] as const) expect([path, await columns(path)]).toEqual([path, wanted]);
});

test('leases keep their times to the microsecond', async () => {
  const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l', namespace: 'kube-node-lease' }, spec: { holderIdentity: 'me', renewTime: '2026-01-01T00:00:00.000001Z', leaseDurationSeconds: 15 } } as KubeObject;
  expect(await platform.client.create(leases, lease)).toMatchObject({ spec: { renewTime: '2026-01-01T00:00:00.000001Z' } });
  await expect(platform.client.patch(leases, { namespace: 'kube-node-lease', name: 'l' }, 'merge', { spec: { leaseDurationSeconds: 0 } })).rejects.toMatchObject({ code: 422 });
});
