import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configMaps, events, namespaces, pods, secrets, serviceAccounts, type Namespace } from '../../../../src/api/kinds/core.ts';
import { projectRequests, projects, type Project } from '../../../../src/api/kinds/project.ts';
import { clusterRoles, roleBindings, type RoleBinding } from '../../../../src/api/kinds/rbac.ts';
import type { KubeObject } from '../../../../src/api/meta.ts';
import type { Resource } from '../../../../src/api/resource.ts';
import { expireEvents } from '../../../../src/controlplane/project/event-expiry.ts';
import { builtInProjects } from '../../../../src/controlplane/project/namespace.ts';
import { caCertificate, startProjectPlatform, type ProjectPlatform } from '../../../support/project-platform.ts';

let platform: ProjectPlatform;
beforeAll(async () => {
  platform = await startProjectPlatform();
});
afterAll(() => platform.close());

const namespace = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
const request = (name: string, more: object = {}): KubeObject => ({ apiVersion: 'project.openshift.io/v1', kind: 'ProjectRequest', metadata: { name }, ...more }) as KubeObject;
const bind = (project: string, role: string, user: string): RoleBinding => ({
  apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata: { name: `${role}-${user}`, namespace: project },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role }, subjects: [{ kind: 'User', name: user }],
});

test('the projects, roles and contents a cluster begins with', async () => {
  const { client, until } = platform;
  expect((await client.list(namespaces)).items.map(({ metadata }) => metadata.name).sort()).toEqual([...builtInProjects].sort());
  const admin = await client.get(clusterRoles, { name: 'admin' });
  expect(admin.rules).toContainEqual({ verbs: ['create'], apiGroups: ['build.openshift.io'], resources: ['buildconfigs/instantiate', 'buildconfigs/instantiatebinary', 'builds/clone'] });
  await until(async () => (await client.list(secrets, { namespace: 'openshift' })).items.length === 3);
});

describe('namespaces', () => {
  test('are labelled with their name, hold a finalizer, and cannot be made to lose it by hand', async () => {
    const { client } = platform;
    const made = await client.create<Namespace>(namespaces, namespace('plain'));
    expect(made).toMatchObject({ metadata: { labels: { 'kubernetes.io/metadata.name': 'plain' } }, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } });
    const updated = await client.update<Namespace>(namespaces, { ...structuredClone(made), metadata: { ...made.metadata, labels: { a: 'b' } }, spec: { finalizers: [] } } as Namespace);
    expect(updated).toMatchObject({ metadata: { labels: { a: 'b', 'kubernetes.io/metadata.name': 'plain' } }, spec: { finalizers: ['kubernetes'] } });
    await expect(client.delete(namespaces, { name: 'kube-system' })).rejects.toMatchObject({ code: 403, message: 'namespaces "kube-system" is forbidden: this namespace may not be deleted' });
    await expect(client.create(namespaces, namespace('Bad_Name'))).rejects.toMatchObject({ code: 422 });
  });

  test('get accounts with registry credentials, bindings and the certificate authority, and get them back', async () => {
    const { client, until, tokens } = platform;
    await client.create(namespaces, namespace('furnished'));
    const at = { namespace: 'furnished' };
    const linked = async () => {
      const { items } = await client.list(serviceAccounts, at);
      return items.length === 3 && items.every((one) => one.imagePullSecrets?.length === 1 && one.secrets?.length === 1) && items;
    };
    const accounts = await until(linked);
    expect(accounts.map(({ metadata }) => metadata.name).sort()).toEqual(['builder', 'default', 'deployer']);
    expect((await client.get(configMaps, { ...at, name: 'kube-root-ca.crt' })).data).toEqual({ 'ca.crt': caCertificate });
    expect((await client.list(roleBindings, at)).items.map(({ metadata }) => metadata.name).sort()).toEqual(['system:deployers', 'system:image-builders', 'system:image-pullers']);

    const builder = accounts.find(({ metadata }) => metadata.name === 'builder');
    const name = builder?.imagePullSecrets?.[0]?.name ?? '';
    expect(name).toMatch(/^builder-dockercfg-[a-z0-9]{5}$/);
    const document = Buffer.from((await client.get(secrets, { ...at, name })).data?.['.dockercfg'] ?? '', 'base64').toString();
    const login = (JSON.parse(document) as Record<string, { password: string }>)['docker-registry.default.svc:5000'];
    expect(await tokens.review(login?.password ?? '')).toMatchObject({ username: 'system:serviceaccount:furnished:builder' });

    // Taking the secret away takes the token back; the account gets another.
    await client.delete(secrets, { ...at, name });
    expect(await tokens.review(login?.password ?? '')).toBeUndefined();
    await until(async () => (await client.list(secrets, at)).items.some((one) => one.metadata.name.startsWith('builder-dockercfg-') && one.metadata.name !== name));
    await client.delete(serviceAccounts, { ...at, name: 'default' });
    await client.delete(configMaps, { ...at, name: 'kube-root-ca.crt' });
    await until(linked);
    await until(async () => (await client.list(configMaps, at)).items.length === 1);
    await until(async () => (await client.list(secrets, at)).items.length === 3);
  });

  test('end when everything in them has ended', async () => {
    const { client, until } = platform;
    await client.create(namespaces, namespace('ending'));
    const at = { namespace: 'ending' };
    const held = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'held', namespace: 'ending', finalizers: ['example.com/hold'] } };
    await client.create(configMaps, held);
    await client.create(configMaps, { ...held, metadata: { name: 'free', namespace: 'ending' } });
    await client.delete(namespaces, { name: 'ending' });
    const waiting = await until(async () => {
      const found = await client.get<Namespace>(namespaces, { name: 'ending' });
      return found.status?.conditions?.length ? found : undefined;
    });
    expect(waiting.status?.phase).toBe('Terminating');
    await until(async () => (await client.list(configMaps, at)).items.length === 1);
    await expect(client.create(configMaps, { ...held, metadata: { name: 'late', namespace: 'ending' } })).rejects.toMatchObject({ code: 403, message: expect.stringContaining('because it is being terminated') });
    const told = await until(async () => (await client.get<Namespace>(namespaces, { name: 'ending' })).status?.conditions?.find(({ type, message }) => type === 'NamespaceContentRemaining' && message === 'Some resources are remaining: configmaps. has 1 resource instances'));
    expect(told.status).toBe('True');
    expect((await client.get<Namespace>(namespaces, { name: 'ending' })).status?.conditions).toContainEqual(expect.objectContaining({ type: 'NamespaceFinalizersRemaining', status: 'True', message: 'Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances' }));
    await client.patch(configMaps, { ...at, name: 'held' }, 'merge', { metadata: { finalizers: null } });
    await until(async () => !(await client.list(namespaces)).items.some(({ metadata }) => metadata.name === 'ending'));
    for (const of of [configMaps, secrets, serviceAccounts, pods] as Resource[]) expect((await client.list(of, at)).items).toEqual([]);
  });
});

describe('projects', () => {
  test('a user without any right requests one, is its administrator at once, and sees no other', async () => {
    const { api, as } = platform;
    const alice = as('alice', 'system:authenticated:oauth');
    await expect(alice.create(namespaces, namespace('mine'))).rejects.toMatchObject({ code: 403 });
    expect((await api.ask('GET', '/apis/project.openshift.io/v1/projectrequests', { as: { token: 'alice' } })).json).toMatchObject({ kind: 'Status', status: 'Success' });
    await expect(as('robot').list(projectRequests)).rejects.toMatchObject({ code: 403, message: expect.stringContaining('You may not request a new project via this API.') });
    await platform.client.create(roleBindings, { ...bind('default', 'view', 'bob') });
    const made = await alice.create<Project>(projectRequests, request('mine', { displayName: 'My App', description: 'text' }));
    expect(made).toMatchObject({ kind: 'Project', metadata: { annotations: { 'openshift.io/display-name': 'My App', 'openshift.io/requester': 'alice' } }, status: { phase: 'Active' } });
    await alice.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'mine' } });
    expect((await alice.list(serviceAccounts, { namespace: 'mine' })).items).toHaveLength(3);
    expect((await alice.list(secrets, { namespace: 'mine' })).items).toHaveLength(3);
    expect((await alice.list(projects)).items.map(({ metadata }) => metadata.name)).toEqual(['mine']);
    expect((await as('bob').list(projects)).items.map(({ metadata }) => metadata.name)).toEqual(['default']);
    await expect(as('bob').get(projects, { name: 'mine' })).rejects.toMatchObject({ code: 403 });
    await expect(alice.create(projectRequests, request('mine'))).rejects.toMatchObject({ code: 409, message: 'projects.project.openshift.io "mine" already exists' });
    await expect(alice.create(projectRequests, request('kube-mine'))).rejects.toMatchObject({ code: 403 });
    await expect(as('robot').create(projectRequests, request('other'))).rejects.toMatchObject({ code: 403 });
    const table = await api.ask('GET', '/apis/project.openshift.io/v1/projects', { as: { token: 'alice' }, headers: { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } });
    expect(table.json).toMatchObject({ rows: [{ cells: ['mine', 'My App', 'Active', expect.anything()] }] });
  });

  test('a watch shows a project when its user gets a role in it, and takes it away with the role', async () => {
    const { client, as, until } = platform;
    await client.create(namespaces, namespace('shared'));
    const bob = as('bob');
    const watch = bob.watch(projects, { resourceVersion: (await bob.list(projects)).metadata.resourceVersion ?? '' });
    const seen: string[] = [];
    void (async () => {
      for await (const { type, object } of watch) seen.push(`${type} ${object.metadata.name}`);
    })();
    await client.create(roleBindings, bind('shared', 'edit', 'bob'));
    await until(() => Promise.resolve(seen.includes('ADDED shared')));
    await client.patch(namespaces, { name: 'shared' }, 'merge', { metadata: { annotations: { a: 'b' } } });
    await until(() => Promise.resolve(seen.includes('MODIFIED shared')));
    await client.delete(roleBindings, { namespace: 'shared', name: 'edit-bob' });
    await until(() => Promise.resolve(seen.includes('DELETED shared')));
    expect(seen.filter((one) => !one.endsWith(' shared'))).toEqual([]);
    watch.dispose();
  });

  test('deleting one deletes its namespace', async () => {
    const { as, client, until } = platform;
    const alice = as('alice', 'system:authenticated:oauth');
    await alice.create(projectRequests, request('short-lived'));
    await alice.patch(projects, { name: 'short-lived' }, 'merge', { metadata: { annotations: { 'openshift.io/description': 'changed' } } });
    expect((await client.get(namespaces, { name: 'short-lived' })).metadata.annotations?.['openshift.io/description']).toBe('changed');
    await alice.delete(projects, { name: 'short-lived' });
    await until(async () => !(await client.list(namespaces)).items.some(({ metadata }) => metadata.name === 'short-lived'));
  });
});

test('events are shown in both groups, found by what they are about, and expire', async () => {
  const { client, api } = platform;
  const event = (name: string, lastTimestamp: string): KubeObject => ({
    apiVersion: 'v1', kind: 'Event', metadata: { name, namespace: 'default' }, involvedObject: { kind: 'Pod', name: 'web', namespace: 'default', fieldPath: 'spec.containers{c}' }, reason: 'Started', message: 'text\n', type: 'Normal', count: 2,
    source: { component: 'kubelet', host: 'n' }, firstTimestamp: lastTimestamp, lastTimestamp,
  }) as unknown as KubeObject;
  const now = new Date();
  await client.create(events, event('old', new Date(now.getTime() - 3_700_000).toISOString().replace(/\.\d+/, '')));
  await client.create(events, event('new', new Date(now.getTime() - 60_000).toISOString().replace(/\.\d+/, '')));
  await expect(client.create(events, { ...event('wrong', '2026-01-01T00:00:00Z'), metadata: { name: 'wrong', namespace: 'openshift' } })).rejects.toMatchObject({ code: 422 });
  const found = await client.list(events, { namespace: 'default', fieldSelector: 'involvedObject.name=web,reason=Started' });
  expect(found.items).toHaveLength(2);
  const viewed = await api.ask('GET', '/apis/events.k8s.io/v1/namespaces/default/events?fieldSelector=regarding.name%3Dweb');
  expect(viewed.json.items[0]).toMatchObject({ note: 'text\n', regarding: { name: 'web' }, deprecatedCount: 2 });
  const table = await api.ask('GET', '/api/v1/namespaces/default/events', { headers: { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } });
  expect(table.json.rows.find((row: { cells: unknown[] }) => row.cells.at(-1) === 'old').cells).toEqual(['61m', 'Normal', 'Started', 'pod/web', 'spec.containers{c}', 'kubelet, n', 'text', '61m', '2', 'old']);
  expect(await expireEvents(client, now)).toBe(1);
  expect((await client.list(events, { namespace: 'default' })).items.map(({ metadata }) => metadata.name)).toEqual(['new']);
});
