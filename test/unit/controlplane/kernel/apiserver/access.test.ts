import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import type { RequestAttributes } from '../../../../../src/controlplane/kernel/apiserver/ports.ts';
import { startApi, type RunningApi } from '../../../../support/api-server.ts';
import { sampleKinds } from '../../../../support/sample-kinds.ts';

let api: RunningApi;
let reviews = 0;
const asked: { user: string; groups: readonly string[]; attributes: RequestAttributes }[] = [];

beforeAll(async () => {
  api = await startApi(sampleKinds, {
    tokens: {
      review(token) {
        reviews++;
        return Promise.resolve(token === 'good' ? { username: 'alice', groups: ['team'] } : undefined);
      },
    },
    authorize(user, attributes) {
      asked.push({ user: user.username, groups: user.groups, attributes });
      return { allowed: attributes.verb !== 'delete', reason: 'rules say no' };
    },
  });
  await api.ask('POST', '/api/v1/namespaces', { body: { metadata: { name: 'demo' } } });
});
afterAll(() => api.dispose());

const alice = { token: 'good' };

describe('who', () => {
  it('believes a client certificate and never asks about masters', async () => {
    asked.length = 0;
    expect((await api.ask('GET', '/api/v1/namespaces')).status).toBe(200);
    expect(asked).toEqual([]);
  });

  it('reviews a token, and trusts it for a while', async () => {
    reviews = 0;
    for (let round = 0; round < 5; round++) expect((await api.ask('GET', '/api/v1/namespaces', { as: alice })).status).toBe(200);
    expect(reviews).toBe(1);
    expect(asked.at(-1)).toMatchObject({ user: 'alice', groups: ['team', 'system:authenticated'], attributes: { verb: 'list', group: '', version: 'v1', resource: 'namespaces' } });
  });

  it('refuses other schemes and broken tokens', async () => {
    for (const Authorization of ['Basic YTpi', 'Bearer', 'Bearer wrong']) expect((await api.ask('GET', '/api/v1/namespaces', { as: 'nobody', headers: { Authorization } })).status).toBe(401);
  });

  it('lets those who may act as another', async () => {
    asked.length = 0;
    const as = (headers: Record<string, string>) => api.ask('GET', '/api/v1/namespaces', { as: alice, headers });
    expect((await as({ 'Impersonate-User': 'bob', 'Impersonate-Group': 'night-shift', 'Impersonate-Extra-Reason': 'test' })).status).toBe(200);
    expect(asked.map(({ user, attributes }) => [user, attributes.verb, attributes.resource, attributes.name])).toEqual([
      ['alice', 'impersonate', 'users', 'bob'], ['alice', 'impersonate', 'groups', 'night-shift'], ['alice', 'impersonate', 'userextras', 'test'], ['bob', 'list', 'namespaces', undefined],
    ]);
    expect(asked.at(-1)?.groups).toEqual(['night-shift', 'system:authenticated']);
    await as({ 'Impersonate-User': 'system:serviceaccount:demo:robot' });
    expect(asked.at(-2)?.attributes).toMatchObject({ resource: 'serviceaccounts', namespace: 'demo', name: 'robot' });
    expect(asked.at(-1)?.groups).toEqual(['system:serviceaccounts', 'system:serviceaccounts:demo', 'system:authenticated']);
    expect((await as({ 'Impersonate-Group': 'alone' })).status).toBe(500);
    // Masters may become anyone, and are then asked about like everyone.
    asked.length = 0;
    expect((await api.ask('DELETE', '/api/v1/namespaces/demo', { headers: { 'Impersonate-User': 'bob' } })).status).toBe(403);
    expect(asked.map(({ user }) => user)).toEqual(['bob']);
  });

  it('takes a token from a WebSocket subprotocol', async () => {
    const open = (token: string) =>
      new Promise<number>((resolve) => {
        const socket = new WebSocket(`${api.url.replace('https', 'wss')}/api/v1/namespaces?watch=true`, [`base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString('base64url')}`, 'base64.binary.k8s.io'], { ca: api.ca });
        socket.once('open', () => {
          resolve(101);
          socket.close();
        });
        socket.once('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
        socket.once('error', () => undefined);
      });
    expect([await open('good'), await open('bad')]).toEqual([101, 401]);
  });

  it('lets anyone see that it lives and what it serves, and nothing else', async () => {
    for (const path of ['/healthz', '/livez', '/readyz?verbose', '/version', '/api', '/apis', '/api/v1', '/apis/apps/v1', '/openapi/v3']) expect((await api.ask('GET', path, { as: 'nobody' })).status).toBe(200);
    for (const path of ['/metrics', '/', '/api/v1/namespaces', '/api/v1/namespaces/demo/configmaps']) expect((await api.ask('GET', path, { as: 'nobody' })).status).toBe(401);
  });
});

describe('what', () => {
  it.each<[string, string, Partial<RequestAttributes>]>([
    ['GET', '/api/v1/namespaces/demo', { verb: 'get', resource: 'namespaces', name: 'demo', namespace: 'demo' }],
    ['GET', '/api/v1/namespaces/demo/pods/p', { verb: 'get', resource: 'pods', name: 'p', namespace: 'demo' }],
    ['GET', '/api/v1/namespaces/demo/pods?watch=1', { verb: 'watch', resource: 'pods', namespace: 'demo', name: undefined }],
    ['GET', '/api/v1/pods', { verb: 'list', resource: 'pods', namespace: undefined }],
    ['GET', '/apis/apps/v1/namespaces/demo/deployments/d/scale', { verb: 'get', group: 'apps', resource: 'deployments', subresource: 'scale', name: 'd' }],
    ['PUT', '/api/v1/namespaces/demo/finalize', { verb: 'update', resource: 'namespaces', subresource: 'finalize', name: 'demo' }],
    ['PATCH', '/api/v1/namespaces/demo/pods/p', { verb: 'patch', resource: 'pods', name: 'p' }],
    ['GET', '/metrics', { verb: 'get', path: '/metrics', resource: '' }],
  ])('%s %s', async (method, path, attributes) => {
    asked.length = 0;
    const streaming = path.includes('watch');
    const ask = streaming ? undefined : await api.ask(method, path, { as: alice, ...(method !== 'GET' && { body: {} }) });
    if (streaming) await api.ask(method, `${path}&timeoutSeconds=1`, { as: alice });
    expect(asked[0]?.attributes).toMatchObject(attributes);
    expect(ask?.status).not.toBe(403);
  });

  it('gives the reason of a refusal', async () => {
    const refused = await api.ask('DELETE', '/api/v1/namespaces/demo/pods/p', { as: alice });
    expect(refused.json.message).toBe('pods "p" is forbidden: User "alice" cannot delete resource "pods" in API group "" in the namespace "demo": rules say no');
  });

  it('asks for in-process callers too', async () => {
    const { pods } = await import('../../../../../src/api/kinds/core.ts');
    const client = api.server.client({ username: 'system:serviceaccount:kube-system:x', groups: ['system:serviceaccounts'] });
    await expect(client.delete(pods, { namespace: 'demo', name: 'p' })).rejects.toMatchObject({ code: 403 });
    expect(asked.at(-1)).toMatchObject({ user: 'system:serviceaccount:kube-system:x', attributes: { verb: 'delete', resource: 'pods' } });
  });
});

it('logs who asked what, after the answer', async () => {
  api.requests.length = 0;
  await api.ask('GET', '/api/v1/namespaces/demo/configmaps?limit=1', { as: alice, headers: { 'User-Agent': 'kubectl/v1.32' } });
  while (api.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(api.requests).toEqual([{ time: expect.any(String), method: 'GET', path: '/api/v1/namespaces/demo/configmaps?limit=1', userAgent: 'kubectl/v1.32', user: 'alice', status: 200, milliseconds: expect.any(Number) }]);
});
