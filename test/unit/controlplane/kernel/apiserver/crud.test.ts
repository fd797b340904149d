import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type RunningApi } from '../../../../support/api-server.ts';
import { sampleKinds } from '../../../../support/sample-kinds.ts';

const maps = '/api/v1/namespaces/demo/configmaps';
let api: RunningApi;

beforeAll(async () => {
  api = await startApi(sampleKinds);
  await api.ask('POST', '/api/v1/namespaces', { body: { metadata: { name: 'demo' } } });
});
afterAll(() => api.dispose());

describe('create and read', () => {
  it('answers 201 with what the server decides', async () => {
    const made = await api.ask('POST', maps, { body: { metadata: { name: 'a' }, data: { x: '1' } }, headers: { 'User-Agent': 'curl/8.1' } });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'demo', uid: expect.any(String), resourceVersion: expect.stringMatching(/^\d+$/) } });
    expect(made.json.metadata.managedFields).toMatchObject([{ manager: 'curl', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { 'f:data': { '.': {}, 'f:x': {} } } }]);
    expect(made.json.metadata.generation).toBeUndefined();
    const read = await api.ask('GET', `${maps}/a`);
    expect(read.json).toEqual(made.json);
    expect(read.headers['audit-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(read.headers['cache-control']).toBe('no-cache, private');
  });

  it('reads YAML and writes it', async () => {
    const made = await api.ask('POST', maps, { body: 'metadata: {name: y}\ndata: {k: v}\n', headers: { 'Content-Type': 'application/yaml', Accept: 'application/yaml' } });
    expect(made.status).toBe(201);
    expect(made.headers['content-type']).toBe('application/yaml');
    expect(made.text).toContain('kind: ConfigMap\n');
  });

  it('makes names', async () => {
    const made = await api.ask('POST', maps, { body: { metadata: { generateName: 'gen-' } } });
    expect(made.json.metadata.name).toMatch(/^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  it('keeps nothing of a dry run', async () => {
    const made = await api.ask('POST', `${maps}?dryRun=All`, { body: { metadata: { name: 'dry' } } });
    expect(made.status).toBe(201);
    expect(made.json.metadata).toMatchObject({ uid: expect.any(String), creationTimestamp: expect.any(String) });
    expect(made.json.metadata.resourceVersion).toBeUndefined();
    expect((await api.ask('GET', `${maps}/dry`)).status).toBe(404);
  });
});

describe('update', () => {
  it('refuses a stale version and skips writes that change nothing', async () => {
    const made = (await api.ask('POST', maps, { body: { metadata: { name: 'u' }, data: { a: '1' } } })).json;
    const changed = await api.ask('PUT', `${maps}/u`, { body: { ...made, data: { a: '2' } } });
    expect(changed.status).toBe(200);
    expect(changed.json.metadata).toMatchObject({ uid: made.metadata.uid, creationTimestamp: made.metadata.creationTimestamp });
    expect(Number(changed.json.metadata.resourceVersion)).toBeGreaterThan(Number(made.metadata.resourceVersion));
    expect((await api.ask('PUT', `${maps}/u`, { body: { ...made, data: { a: '3' } } })).status).toBe(409);
    const same = await api.ask('PUT', `${maps}/u`, { body: { metadata: { name: 'u' }, data: { a: '2' } } });
    expect(same.json.metadata.resourceVersion).toBe(changed.json.metadata.resourceVersion);
  });

  it('keeps status and spec apart and counts generations', async () => {
    const path = '/apis/apps/v1/namespaces/demo/deployments';
    const spec = { selector: { matchLabels: { app: 'd' } }, template: { metadata: { labels: { app: 'd' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } };
    const made = (await api.ask('POST', path, { body: { metadata: { name: 'd' }, spec, status: { replicas: 7 } } })).json;
    expect(made.status).toBeUndefined();
    expect(made.spec.replicas).toBe(1);
    expect(made.metadata.generation).toBe(1);
    const status = (await api.ask('PATCH', `${path}/d/status`, { body: { spec: { replicas: 9 }, status: { replicas: 2 } }, headers: { 'Content-Type': 'application/merge-patch+json' } })).json;
    expect(status).toMatchObject({ spec: { replicas: 1 }, status: { replicas: 2 }, metadata: { generation: 1 } });
    const scaled = (await api.ask('PATCH', `${path}/d/scale`, { body: { spec: { replicas: 3 } }, headers: { 'Content-Type': 'application/merge-patch+json' } })).json;
    expect(scaled).toMatchObject({ apiVersion: 'autoscaling/v1', kind: 'Scale', spec: { replicas: 3 }, status: { replicas: 2, selector: 'app=d' } });
    expect((await api.ask('GET', `${path}/d`)).json).toMatchObject({ spec: { replicas: 3 }, status: { replicas: 2 }, metadata: { generation: 2 } });
    const put = (await api.ask('PUT', `${path}/d/scale`, { body: { metadata: { name: 'd' }, spec: { replicas: 4 } } })).json;
    expect(put.spec.replicas).toBe(4);
  });

  it('lets a hundred writers at one object lose nothing', async () => {
    await api.ask('POST', maps, { body: { metadata: { name: 'many' } } });
    await Promise.all(Array.from({ length: 100 }, (_, index) => api.ask('PATCH', `${maps}/many`, { body: { data: { [`k${index}`]: 'v' } }, headers: { 'Content-Type': 'application/merge-patch+json' } })));
    expect(Object.keys((await api.ask('GET', `${maps}/many`)).json.data)).toHaveLength(100);
  });
});

describe('delete', () => {
  it('answers a Status that names what is gone', async () => {
    const made = (await api.ask('POST', maps, { body: { metadata: { name: 'gone' } } })).json;
    const answer = await api.ask('DELETE', `${maps}/gone`, { body: { propagationPolicy: 'Background' } });
    expect(answer.json).toEqual({ apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Success', details: { name: 'gone', kind: 'configmaps', uid: made.metadata.uid } });
    expect((await api.ask('GET', `${maps}/gone`)).status).toBe(404);
  });

  it('waits for finalizers', async () => {
    await api.ask('POST', maps, { body: { metadata: { name: 'held', finalizers: ['example.com/hold'] } } });
    const marked = (await api.ask('DELETE', `${maps}/held`)).json;
    expect(marked).toMatchObject({ kind: 'ConfigMap', metadata: { deletionTimestamp: expect.any(String), deletionGracePeriodSeconds: 0 } });
    const added = await api.ask('PATCH', `${maps}/held`, { body: { metadata: { finalizers: ['example.com/hold', 'example.com/more'] } }, headers: { 'Content-Type': 'application/merge-patch+json' } });
    expect(added.status).toBe(422);
    await api.ask('PATCH', `${maps}/held`, { body: { metadata: { finalizers: null } }, headers: { 'Content-Type': 'application/merge-patch+json' } });
    expect((await api.ask('GET', `${maps}/held`)).status).toBe(404);
  });

  it('marks for the collector', async () => {
    await api.ask('POST', maps, { body: { metadata: { name: 'fore' } } });
    const marked = (await api.ask('DELETE', `${maps}/fore?propagationPolicy=Foreground`)).json;
    expect(marked.metadata).toMatchObject({ finalizers: ['foregroundDeletion'], deletionGracePeriodSeconds: 0 });
    await api.ask('POST', maps, { body: { metadata: { name: 'orph' } } });
    expect((await api.ask('DELETE', `${maps}/orph`, { body: { propagationPolicy: 'Orphan' } })).json.metadata.finalizers).toEqual(['orphan']);
  });

  it('is graceful where the kind says so, and can only be hurried', async () => {
    const pods = '/api/v1/namespaces/demo/pods';
    const body = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    await api.ask('POST', pods, { body });
    const marked = (await api.ask('DELETE', `${pods}/p`)).json;
    expect(marked.metadata.deletionGracePeriodSeconds).toBe(30);
    expect(Date.parse(marked.metadata.deletionTimestamp)).toBeGreaterThan(Date.now() + 20_000);
    const slower = (await api.ask('DELETE', `${pods}/p?gracePeriodSeconds=60`)).json;
    expect(slower.metadata.deletionGracePeriodSeconds).toBe(30);
    const sooner = (await api.ask('DELETE', `${pods}/p?gracePeriodSeconds=5`)).json;
    expect(sooner.metadata.deletionGracePeriodSeconds).toBe(5);
    expect((await api.ask('GET', `${pods}/p`)).status).toBe(200);
    const last = (await api.ask('DELETE', `${pods}/p?gracePeriodSeconds=0`)).json;
    expect(last.kind).toBe('Pod');
    expect((await api.ask('GET', `${pods}/p`)).status).toBe(404);
  });

  it('checks preconditions', async () => {
    const made = (await api.ask('POST', maps, { body: { metadata: { name: 'pre' } } })).json;
    const wrong = await api.ask('DELETE', `${maps}/pre`, { body: { preconditions: { uid: 'other' } } });
    expect(wrong.status).toBe(409);
    expect(wrong.json.message).toContain('Precondition failed: UID in precondition: other');
    expect((await api.ask('DELETE', `${maps}/pre`, { body: { preconditions: { uid: made.metadata.uid } } })).status).toBe(200);
  });

  it('deletes what a selector picks and answers the list', async () => {
    for (const name of ['c1', 'c2']) await api.ask('POST', maps, { body: { metadata: { name, labels: { batch: 'x' } } } });
    const answer = await api.ask('DELETE', `${maps}?labelSelector=batch%3Dx`);
    expect(answer.json.kind).toBe('ConfigMapList');
    expect(answer.json.items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual(['c1', 'c2']);
    expect((await api.ask('GET', `${maps}?labelSelector=batch%3Dx`)).json.items).toEqual([]);
  });

  it('ends a namespace in two steps', async () => {
    await api.ask('POST', '/api/v1/namespaces', { body: { metadata: { name: 'ending' } } });
    const ending = (await api.ask('DELETE', '/api/v1/namespaces/ending')).json;
    expect(ending).toMatchObject({ kind: 'Namespace', status: { phase: 'Terminating' }, spec: { finalizers: ['kubernetes'] } });
    const late = await api.ask('POST', '/api/v1/namespaces/ending/configmaps', { body: { metadata: { name: 'late' } } });
    expect(late.status).toBe(403);
    expect(late.json.message).toBe('configmaps "late" is forbidden: unable to create new content in namespace ending because it is being terminated');
    await api.ask('PUT', '/api/v1/namespaces/ending/finalize', { body: { ...ending, spec: { finalizers: [] } } });
    expect((await api.ask('GET', '/api/v1/namespaces/ending')).status).toBe(404);
  });
});
