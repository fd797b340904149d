import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type RunningApi } from '../../../../support/api-server.ts';
import { sampleKinds } from '../../../../support/sample-kinds.ts';

let api: RunningApi;
let well = true;
beforeAll(async () => {
  api = await startApi(sampleKinds, { checks: { store: () => (well ? undefined : 'not well') } });
});
afterAll(() => api.dispose());

const v2 = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const beta = 'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList';

describe('discovery', () => {
  it('lists groups and resources, sorted by name', async () => {
    expect((await api.ask('GET', '/api')).json).toMatchObject({ kind: 'APIVersions', versions: ['v1'] });
    const groups = (await api.ask('GET', '/apis')).json;
    expect(groups).toMatchObject({ kind: 'APIGroupList', apiVersion: 'v1' });
    expect(groups.groups.map((group: { name: string }) => group.name)).toEqual(['coordination.k8s.io', 'apps', 'example.com', 'project.openshift.io']);
    expect((await api.ask('GET', '/apis/apps')).json).toMatchObject({ kind: 'APIGroup', name: 'apps', preferredVersion: { groupVersion: 'apps/v1', version: 'v1' } });
    const core = (await api.ask('GET', '/api/v1')).json;
    expect(core).toMatchObject({ kind: 'APIResourceList', groupVersion: 'v1' });
    expect(core.resources.map((one: { name: string }) => one.name)).toEqual(['configmaps', 'namespaces', 'namespaces/finalize', 'namespaces/status', 'pods', 'pods/binding', 'pods/exec', 'pods/log', 'pods/portforward', 'pods/status', 'pods/upload', 'secrets']);
    expect(core.resources[4]).toEqual({ name: 'pods', singularName: 'pod', namespaced: true, kind: 'Pod', verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'], shortNames: ['po'], categories: ['all'] });
    const apps = (await api.ask('GET', '/apis/apps/v1')).json;
    expect(apps.resources[1]).toEqual({ name: 'deployments/scale', singularName: '', namespaced: true, group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: ['get', 'patch', 'update'] });
    expect((await api.ask('GET', '/apis/nope')).status).toBe(404);
  });

  it('aggregates only for those who ask for exactly that', async () => {
    const both = await api.ask('GET', '/apis', { headers: { Accept: `${v2},${beta},application/json` } });
    expect(both.headers['content-type']).toBe(v2);
    expect(both.headers.vary).toBe('Accept');
    const apps = both.json.items.find((item: { metadata: { name: string } }) => item.metadata.name === 'apps');
    expect(apps.versions).toEqual([
      {
        version: 'v1', freshness: 'Current',
        resources: [
          {
            resource: 'deployments', responseKind: { group: 'apps', version: 'v1', kind: 'Deployment' }, scope: 'Namespaced', singularResource: 'deployment', shortNames: ['deploy'], categories: ['all'],
            verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
            subresources: [
              { subresource: 'scale', responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' }, verbs: ['get', 'patch', 'update'] },
              { subresource: 'status', responseKind: { group: 'apps', version: 'v1', kind: 'Deployment' }, verbs: ['get', 'patch', 'update'] },
            ],
          },
        ],
      },
    ]);
    const old = await api.ask('GET', '/apis', { headers: { Accept: `${beta},application/json` } });
    expect(old.json.kind).toBe('APIGroupList');
    const again = await api.ask('GET', '/apis', { headers: { Accept: v2, 'If-None-Match': both.headers.etag ?? '' } });
    expect([again.status, again.text]).toEqual([304, '']);
  });
});

describe('OpenAPI', () => {
  it('points to documents that never change', async () => {
    const index = (await api.ask('GET', '/openapi/v3')).json;
    expect(Object.keys(index.paths)).toEqual(['apis/apps/v1', 'apis/coordination.k8s.io/v1', 'apis/example.com/v1', 'apis/project.openshift.io/v1', 'api/v1']);
    const document = await api.ask('GET', index.paths['apis/apps/v1'].serverRelativeURL);
    expect(document.headers['cache-control']).toBe('public, immutable');
    const { paths, components } = document.json;
    const { patch } = paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}'];
    expect(patch['x-kubernetes-group-version-kind']).toEqual({ group: 'apps', version: 'v1', kind: 'Deployment' });
    expect(patch.parameters.map((one: { name: string }) => one.name)).toContain('fieldValidation');
    expect(Object.keys(patch.requestBody.content)).toContain('application/strategic-merge-patch+json');
    expect(components.schemas['io.k8s.api.apps.v1.Deployment']['x-kubernetes-group-version-kind']).toEqual([{ group: 'apps', version: 'v1', kind: 'Deployment' }]);
    expect(components.schemas['io.k8s.api.core.v1.PodSpec'].properties.containers).toMatchObject({ type: 'array', 'x-kubernetes-patch-merge-key': 'name', items: { $ref: '#/components/schemas/io.k8s.api.core.v1.Container' } });
  });

  it('refers to nothing that is missing', async () => {
    const index = (await api.ask('GET', '/openapi/v3')).json;
    for (const { serverRelativeURL } of Object.values<{ serverRelativeURL: string }>(index.paths)) {
      const { text, json } = await api.ask('GET', serverRelativeURL);
      for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) expect(json.components.schemas).toHaveProperty([name ?? '']);
    }
  });

  it('offers no strategic merge where there is no schema', async () => {
    const { paths } = (await api.ask('GET', '/openapi/v3/apis/example.com/v1')).json;
    expect(Object.keys(paths['/apis/example.com/v1/namespaces/{namespace}/widgets/{name}'].patch.requestBody.content)).toEqual(['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json']);
  });

  it('answers version 2 with nothing, in protobuf', async () => {
    const answer = await api.ask('GET', '/openapi/v2', { headers: { Accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' } });
    expect([answer.status, answer.text, answer.headers['content-length']]).toEqual([200, '', '0']);
  });
});

describe('health', () => {
  it('says ok, or each check', async () => {
    for (const path of ['/healthz', '/livez', '/readyz', '/readyz/store']) expect((await api.ask('GET', path)).text).toBe('ok');
    expect((await api.ask('GET', '/readyz?verbose')).text).toBe('[+]ping ok\n[+]store ok\nreadyz check passed\n');
    expect((await api.ask('GET', '/readyz/nope')).status).toBe(404);
  });

  it('says what is not well', async () => {
    well = false;
    const answer = await api.ask('GET', '/readyz');
    expect([answer.status, answer.text]).toEqual([500, '[+]ping ok\n[-]store failed: not well\nreadyz check failed\n']);
    expect((await api.ask('GET', '/readyz?exclude=store')).text).toBe('ok');
    well = true;
  });

  it('tells its version and counts', async () => {
    expect((await api.ask('GET', '/version')).json).toMatchObject({ major: '1', minor: '32', gitVersion: expect.stringMatching(/^v1\.32\.\d+\+slipway$/) });
    expect((await api.ask('GET', '/metrics')).text).toMatch(/^apiserver_request_total\{method="GET",code="200"\} \d+$/m);
    expect((await api.ask('GET', '/')).json.paths).toContain('/apis/apps/v1');
    expect((await api.ask('HEAD', '/version')).text).toBe('');
  });
});
