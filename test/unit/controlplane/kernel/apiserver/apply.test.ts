import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startApi, type RunningApi } from '../../../../support/api-server.ts';
import { sampleKinds } from '../../../../support/sample-kinds.ts';

const path = '/apis/apps/v1/namespaces/demo/deployments';
let api: RunningApi;
let name: string;
let serial = 0;

beforeAll(async () => {
  api = await startApi(sampleKinds);
  await api.ask('POST', '/api/v1/namespaces', { body: { metadata: { name: 'demo' } } });
});
afterAll(() => api.dispose());
beforeEach(() => {
  name = `d-${++serial}`;
});

const deployment = (more: { spec?: object; metadata?: object; container?: object } = {}) => ({
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, ...more.metadata },
  spec: { selector: { matchLabels: { app: 'a' } }, template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'main', image: 'one', ...more.container }] } }, ...more.spec },
});
const apply = (manager: string, body: object, more = '') => api.ask('PATCH', `${path}/${name}?fieldManager=${manager}${more}`, { body, headers: { 'Content-Type': 'application/apply-patch+yaml' } });
const merge = (manager: string, body: object, part = '') => api.ask('PATCH', `${path}/${name}${part}?fieldManager=${manager}`, { body, headers: { 'Content-Type': 'application/merge-patch+json' } });
const managers = (object: { metadata: { managedFields: { manager: string; operation: string }[] } }) => object.metadata.managedFields.map((entry) => `${entry.operation} ${entry.manager}`);

describe('apply', () => {
  it('creates what is not there and owns exactly what was said', async () => {
    const made = await apply('helm', deployment());
    expect(made.status).toBe(201);
    expect(made.json.spec.replicas).toBe(1);
    expect(made.json.metadata.managedFields).toMatchObject([
      {
        manager: 'helm', operation: 'Apply', apiVersion: 'apps/v1', fieldsType: 'FieldsV1',
        fieldsV1: { 'f:spec': { 'f:selector': {}, 'f:template': { 'f:metadata': { 'f:labels': { 'f:app': {} } }, 'f:spec': { 'f:containers': { 'k:{"name":"main"}': { '.': {}, 'f:image': {}, 'f:name': {} } } } } } },
      },
    ]);
    expect(JSON.stringify(made.json.metadata.managedFields)).not.toContain('f:replicas');
  });

  it('writes nothing when nothing changes', async () => {
    const made = (await apply('helm', deployment())).json;
    expect((await apply('helm', deployment())).json.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
  });

  it('refuses what others own, word for word, and takes it by force', async () => {
    await apply('helm', deployment({ spec: { replicas: 2 } }));
    await merge('curl', { spec: { replicas: 5 } });
    const refused = await apply('helm', deployment({ spec: { replicas: 3 } }));
    expect(refused.status).toBe(409);
    expect(refused.json).toMatchObject({
      reason: 'Conflict', message: 'Apply failed with 1 conflict: conflict with "curl" using apps/v1: .spec.replicas',
      details: { causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "curl" using apps/v1', field: '.spec.replicas' }] },
    });
    const before = (await api.ask('GET', `${path}/${name}`)).json;
    const forced = (await apply('helm', deployment({ spec: { replicas: 3 } }), '&force=true')).json;
    expect(forced.spec.replicas).toBe(3);
    expect(forced.metadata.generation).toBe(before.metadata.generation + 1);
    expect(managers(forced)).toEqual(['Apply helm']);
  });

  it('lists several conflicts by manager', async () => {
    await apply('helm', deployment());
    await merge('zoe', { spec: { replicas: 5 } });
    await merge('amy', { spec: { paused: true } });
    const refused = await apply('other', deployment({ spec: { replicas: 3, paused: false }, container: { image: 'two' } }));
    expect(refused.json.message).toBe(
      'Apply failed with 3 conflicts: conflicts with "amy" using apps/v1:\n- .spec.paused\nconflicts with "helm":\n- .spec.template.spec.containers[name="main"].image\nconflicts with "zoe" using apps/v1:\n- .spec.replicas',
    );
  });

  it('shares what two say alike', async () => {
    await apply('a', deployment({ spec: { replicas: 2 } }));
    expect((await apply('b', deployment({ spec: { replicas: 2 } }))).status).toBe(200);
    // One lets go: the other still holds it.
    const left = (await apply('a', deployment())).json;
    expect(left.spec.replicas).toBe(2);
    // The last one lets go: the default comes back.
    expect((await apply('b', deployment())).json.spec.replicas).toBe(1);
  });

  it('takes out what it no longer says: fields, map entries, list items, structures', async () => {
    await apply('helm', deployment({ metadata: { labels: { keep: 'k', drop: 'd' } }, container: { env: [{ name: 'A', value: '1' }, { name: 'B', value: '2' }], readinessProbe: { httpGet: { path: '/', port: 80 }, periodSeconds: 5 } } }));
    await merge('other', { metadata: { labels: { theirs: 't' } } });
    const next = (await apply('helm', deployment({ metadata: { labels: { keep: 'k' } }, container: { env: [{ name: 'B', value: '2' }] } }))).json;
    expect(next.metadata.labels).toEqual({ keep: 'k', theirs: 't' });
    expect(next.spec.template.spec.containers).toEqual([{ name: 'main', image: 'one', env: [{ name: 'B', value: '2' }] }]);
  });

  it('merges list items of several managers', async () => {
    await apply('a', deployment());
    const side = { apiVersion: 'apps/v1', kind: 'Deployment', spec: { template: { spec: { containers: [{ name: 'side', image: 's' }] } } } };
    const both = (await apply('b', side)).json;
    expect(both.spec.template.spec.containers.map((one: { name: string }) => one.name)).toEqual(['main', 'side']);
    const again = (await apply('a', deployment({ container: { image: 'two' } }))).json;
    expect(again.spec.template.spec.containers.map((one: { image: string }) => one.image)).toEqual(['two', 's']);
    const gone = (await apply('b', { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { labels: { b: 'c' } } })).json;
    expect(gone.spec.template.spec.containers).toHaveLength(1);
  });

  it('tells ports of one number apart by their protocol', async () => {
    const ports = [{ containerPort: 53 }, { containerPort: 53, protocol: 'UDP', name: 'udp' }];
    const made = (await apply('a', deployment({ container: { ports } }))).json;
    expect(made.spec.template.spec.containers[0].ports).toEqual([{ containerPort: 53, protocol: 'TCP' }, { containerPort: 53, protocol: 'UDP', name: 'udp' }]);
    const again = (await apply('a', deployment({ container: { ports: [ports[1]] } }))).json;
    expect(again.spec.template.spec.containers[0].ports).toEqual([{ containerPort: 53, protocol: 'UDP', name: 'udp' }]);
  });

  it('keeps status to its own path', async () => {
    await apply('a', { ...deployment(), status: { replicas: 9 } });
    const read = (await api.ask('GET', `${path}/${name}`)).json;
    expect(read.status).toBeUndefined();
    const status = await api.ask('PATCH', `${path}/${name}/status?fieldManager=ctl`, { body: { apiVersion: 'apps/v1', kind: 'Deployment', status: { replicas: 3 } }, headers: { 'Content-Type': 'application/apply-patch+yaml' } });
    expect(status.json.status).toEqual({ replicas: 3 });
    expect(status.json.metadata.managedFields.find((entry: { manager: string }) => entry.manager === 'ctl')).toMatchObject({ operation: 'Apply', subresource: 'status', fieldsV1: { 'f:status': { 'f:replicas': {} } } });
  });

  it('keeps nothing of a dry run, and takes YAML', async () => {
    const dry = await api.ask('PATCH', `${path}/${name}?fieldManager=a&dryRun=All`, { body: `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ${name}}\nspec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}\n`, headers: { 'Content-Type': 'application/apply-patch+yaml' } });
    expect(dry.status).toBe(201);
    expect((await api.ask('GET', `${path}/${name}`)).status).toBe(404);
  });

  it('refuses managedFields in what is applied', async () => {
    const refused = await apply('a', deployment({ metadata: { managedFields: [{ manager: 'x' }] } }));
    expect([refused.status, refused.json.message]).toEqual([400, 'metadata.managedFields must be nil']);
  });
});

describe('managedFields of other writes', () => {
  it('pass on what another manager changes', async () => {
    await api.ask('POST', `${path}?fieldManager=maker`, { body: deployment({ spec: { replicas: 1 } }) });
    const changed = (await merge('scaler', { spec: { replicas: 4 } })).json;
    expect(managers(changed)).toEqual(['Update maker', 'Update scaler']);
    expect(changed.metadata.managedFields[1].fieldsV1).toEqual({ 'f:spec': { 'f:replicas': {} } });
    expect(JSON.stringify(changed.metadata.managedFields[0])).not.toContain('f:replicas');
    const removed = (await merge('cleaner', { spec: { paused: true } })).json;
    expect(managers(removed)).toContain('Update cleaner');
    expect(managers((await merge('other', { spec: { paused: null } })).json)).not.toContain('Update cleaner');
  });

  it('tell subresources apart', async () => {
    await api.ask('POST', `${path}?fieldManager=m`, { body: deployment() });
    const status = (await merge('m', { status: { replicas: 1 } }, '/status')).json;
    expect(status.metadata.managedFields.map((entry: { subresource?: string }) => entry.subresource)).toEqual([undefined, 'status']);
  });

  it('do not grow without bound', async () => {
    await api.ask('POST', `${path}?fieldManager=m0`, { body: deployment() });
    for (let index = 0; index < 20; index++) await merge(`m-${index}`, { metadata: { annotations: { [`k${index}`]: 'v' } } });
    const entries = managers((await api.ask('GET', `${path}/${name}`)).json);
    expect(entries).toHaveLength(10);
    expect(entries[0]).toBe('Update ancient-changes');
  });
});
