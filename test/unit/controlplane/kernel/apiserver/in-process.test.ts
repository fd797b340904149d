import { request } from 'node:https';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { deployments, type Deployment } from '../../../../../src/api/kinds/apps.ts';
import { configMaps, pods, type ConfigMap } from '../../../../../src/api/kinds/core.ts';
import { projects } from '../../../../../src/api/kinds/project.ts';
import type { KubeObject, WatchEvent } from '../../../../../src/api/meta.ts';
import type { Client } from '../../../../../src/client/client.ts';
import { startApi, type RunningApi } from '../../../../support/api-server.ts';
import { sampleKinds } from '../../../../support/sample-kinds.ts';

let api: RunningApi;
let client: Client;
beforeAll(async () => {
  api = await startApi(sampleKinds);
  client = api.server.client({ username: 'system:serviceaccount:kube-system:build-controller', groups: ['system:masters'] });
  await api.ask('POST', '/api/v1/namespaces', { body: { metadata: { name: 'demo' } } });
});
afterAll(() => api.dispose());

const map = (name: string, data?: Record<string, string>): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'demo' }, ...(data && { data }) });

describe('the client in this process', () => {
  it("hands out the store's own objects, frozen, and leaves the caller's alone", async () => {
    const mine = map('a', { k: 'v' });
    const made = await client.create(configMaps, mine);
    expect(mine.metadata).toEqual({ name: 'a', namespace: 'demo' });
    expect(Object.isFrozen(made) && Object.isFrozen(made.data)).toBe(true);
    expect(await client.get(configMaps, { namespace: 'demo', name: 'a' })).toBe(made);
    expect(made.metadata.managedFields?.[0]?.manager).toBe('build-controller');
    // Unknown fields are dropped here too.
    const odd = await client.create(configMaps, { ...map('odd'), extra: 1 } as KubeObject);
    expect('extra' in (odd as object)).toBe(false);
  });

  it('changes, patches, scales and deletes by the same rules', async () => {
    const made = await client.create(configMaps, map('b', { a: '1' }));
    const changed = await client.update(configMaps, { ...structuredClone(made), data: { a: '2' } } as KubeObject);
    await expect(client.update(configMaps, structuredClone(made))).rejects.toMatchObject({ reason: 'Conflict' });
    expect(changed.data).toEqual({ a: '2' });
    expect((await client.patch(configMaps, { namespace: 'demo', name: 'b' }, 'merge', { data: { c: '3' } })).data).toEqual({ a: '2', c: '3' });
    expect((await client.patch(configMaps, { namespace: 'demo', name: 'b' }, 'json', [{ op: 'remove', path: '/data/a' }])).data).toEqual({ c: '3' });
    await client.delete(configMaps, { namespace: 'demo', name: 'b' }, { preconditions: { uid: made.metadata.uid ?? '' } });
    await expect(client.get(configMaps, { namespace: 'demo', name: 'b' })).rejects.toMatchObject({ code: 404 });

    const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd', namespace: 'demo' }, spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } } } as Deployment;
    await client.create(deployments, deployment);
    await client.patch(deployments, { namespace: 'demo', name: 'd', subresource: 'scale' }, 'merge', { spec: { replicas: 4 } });
    const now = await client.get(deployments, { namespace: 'demo', name: 'd' });
    expect(now.spec.replicas).toBe(4);
    const status = await client.update(deployments, { ...structuredClone(now), status: { replicas: 2 } } as KubeObject, { subresource: 'status' });
    expect(status.status).toEqual({ replicas: 2 });
    expect(await client.get(deployments, { namespace: 'demo', name: 'd', subresource: 'scale' })).toMatchObject({ kind: 'Scale', spec: { replicas: 4 }, status: { replicas: 2 } });
  });

  it('lists with selectors and pages', async () => {
    for (const name of ['l1', 'l2', 'l3']) await client.create(configMaps, { ...map(name), metadata: { name, namespace: 'demo', labels: { set: 'l' } } });
    const all = await client.list(configMaps, { namespace: 'demo', labelSelector: 'set=l' });
    expect(all).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1' });
    const first = await client.list(configMaps, { namespace: 'demo', labelSelector: 'set=l', limit: 2 });
    const rest = await client.list(configMaps, { namespace: 'demo', labelSelector: 'set=l', limit: 2, continue: first.metadata.continue ?? '' });
    expect([...first.items, ...rest.items].map((item) => item.metadata.name)).toEqual(['l1', 'l2', 'l3']);
    await expect(client.list(configMaps, { labelSelector: 'a b' })).rejects.toMatchObject({ code: 400 });
  });

  it('watches until it is ended, by either side', async () => {
    const { metadata } = await client.list(configMaps, { namespace: 'demo' });
    const watch = client.watch(configMaps, { namespace: 'demo', resourceVersion: metadata.resourceVersion ?? '' });
    const events = watch[Symbol.asyncIterator]();
    await client.create(configMaps, map('w1'));
    const { value } = (await events.next()) as { value: WatchEvent<ConfigMap> };
    expect(value).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'w1' } } });
    expect(value.object).toBe(await client.get(configMaps, { namespace: 'demo', name: 'w1' }));
    const waiting = events.next();
    watch.dispose();
    expect(await waiting).toEqual({ done: true, value: undefined });

    const stop = new AbortController();
    const aborted = client.watch(configMaps, { signal: stop.signal, resourceVersion: String(api.store.revision) })[Symbol.asyncIterator]().next();
    stop.abort();
    expect(await aborted).toEqual({ done: true, value: undefined });
  });

  it('tells a lost past as an ERROR event', async () => {
    const seen: WatchEvent[] = [];
    for await (const event of client.watch(configMaps, { resourceVersion: '99999999' })) seen.push(event as WatchEvent);
    expect(seen).toMatchObject([{ type: 'ERROR', object: { code: 410, reason: 'Expired' } }]);
  });

  it('tells a refusal as an ERROR event', async () => {
    const nobody = api.server.client({ username: 'bob', groups: [] });
    const seen: WatchEvent[] = [];
    for await (const event of nobody.watch(configMaps)) seen.push(event as WatchEvent);
    expect(seen).toMatchObject([{ type: 'ERROR', object: { code: 403 } }]);
  });

  it('reaches actions, computed kinds and plain paths', async () => {
    await client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'demo' }, spec: { containers: [{ name: 'c', image: 'i' }] } } as KubeObject);
    const bound = await client.create(pods, { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'p' }, target: { name: 'node-1' } } as KubeObject, { namespace: 'demo', name: 'p', subresource: 'binding' });
    expect(bound).toMatchObject({ status: 'Success', details: { kind: 'node-1' } });
    expect(await client.get(projects, { name: 'demo' })).toMatchObject({ kind: 'Project' });
    await expect(client.create(projects, { apiVersion: 'project.openshift.io/v1', kind: 'Project', metadata: { name: 'x' } })).rejects.toMatchObject({ code: 405 });
    expect(await client.raw('GET', '/version')).toMatchObject({ minor: '32' });
    expect(await client.raw('GET', '/api/v1/namespaces/demo/pods/p/log?follow=true')).toBe('log of p\nand more\n');
    expect(await client.raw('GET', '/healthz')).toBe('ok');
    await expect(client.raw('GET', '/nonsense')).rejects.toMatchObject({ code: 404 });
    expect(await client.raw('POST', '/api/v1/namespaces/demo/configmaps', map('raw'))).toMatchObject({ metadata: { name: 'raw' } });
    expect(await client.raw('GET', '/api/v1/namespaces/demo/configmaps/raw', undefined, 'application/json;as=Table;v=v1;g=meta.k8s.io')).toMatchObject({ kind: 'Table', rows: [{ cells: ['raw', 0, expect.any(String)] }] });
    for (const body of [Buffer.alloc(10), Readable.from([Buffer.alloc(4), Buffer.alloc(6)])]) {
      expect(await client.raw('POST', '/api/v1/namespaces/demo/pods/p/upload', body)).toMatchObject({ metadata: { annotations: { size: '10' } } });
    }
  });
});

describe('over HTTP', () => {
  it('takes uploads of any size as they come', async () => {
    const answer = await api.ask('POST', '/api/v1/namespaces/demo/pods/p/upload', { body: Buffer.alloc(5_000_000), headers: { 'Content-Type': 'application/octet-stream' } });
    expect([answer.status, answer.json.metadata.annotations.size]).toEqual([201, '5000000']);
  });

  it('follows logs in a browser, plain or in base64', async () => {
    const read = (protocol: string) =>
      new Promise<string>((resolve, reject) => {
        const socket = new WebSocket(`${api.url.replace('https', 'wss')}/api/v1/namespaces/demo/pods/p/log?follow=true`, [protocol, 'v4.channel.k8s.io'], { ca: api.ca, cert: api.admin.certificate, key: api.admin.key });
        let text = '';
        socket.on('message', (data: Buffer) => (text += protocol.startsWith('base64') ? Buffer.from(data.toString(), 'base64').toString() : data.toString()));
        socket.once('close', () => resolve(text));
        socket.once('error', reject);
      });
    for (const protocol of ['base64.binary.k8s.io', 'binary.k8s.io']) expect(await read(protocol)).toBe('log of p\nand more\n');
  });

  it('refuses streams that do not upgrade, and upgrades of what is no stream', async () => {
    expect((await api.ask('POST', '/api/v1/namespaces/demo/pods/p/exec?command=x')).json).toMatchObject({ code: 400, message: 'Upgrade request required' });
    const status = await new Promise((resolve) => {
      request(`${api.url}/api/v1/namespaces/demo/pods/p`, { ca: api.ca, cert: api.admin.certificate, key: api.admin.key, headers: { Connection: 'Upgrade', Upgrade: 'websocket' } }).once('response', (response) => {
        response.resume();
        resolve(response.statusCode);
      }).end();
    });
    expect(status).toBe(400);
  });
});
