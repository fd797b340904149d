import { afterAll, beforeAll, expect, it } from 'vitest';
import { events, type Event } from '../../../../../src/api/kinds/core.ts';
import { eventFromCore, eventsV1, eventToCore, type EventV1 } from '../../../../../src/api/kinds/event-v1.ts';
import type { Client } from '../../../../../src/client/client.ts';
import { convertedKind } from '../../../../../src/controlplane/kernel/apiserver/converted-kind.ts';
import { kind } from '../../../../../src/controlplane/kernel/apiserver/kind.ts';
import { startApi, type RunningApi } from '../../../../support/api-server.ts';
import { sampleKinds } from '../../../../support/sample-kinds.ts';

let api: RunningApi;
beforeAll(async () => {
  const given: { client?: Client } = {};
  api = await startApi([
    ...sampleKinds,
    kind<Event>({ type: 'stored', resource: events, nameRule: 'path' }),
    kind<EventV1>(convertedKind<EventV1, Event>({ resource: eventsV1, storedAs: events, toStored: eventToCore, fromStored: eventFromCore, client: () => given.client as Client })),
  ]);
  given.client = api.client;
  await api.ask('POST', '/api/v1/namespaces', { body: { metadata: { name: 'demo' } } });
});
afterAll(() => api.dispose());

const newer = '/apis/events.k8s.io/v1/namespaces/demo/events';
const older = '/api/v1/namespaces/demo/events';

it('shows one event by both names', async () => {
  const watch = await api.follow(`${newer}?watch=true`);
  const made = await api.ask('POST', newer, { body: { metadata: { name: 'e.1' }, note: 'hello', regarding: { kind: 'Pod', name: 'p' }, reportingController: 'me', reason: 'Said', type: 'Normal', eventTime: '2026-01-01T00:00:00.000000Z' } });
  expect(made.status).toBe(201);
  expect((await api.ask('GET', `${older}/e.1`)).json).toMatchObject({ apiVersion: 'v1', message: 'hello', involvedObject: { kind: 'Pod', name: 'p' }, reportingComponent: 'me', reason: 'Said' });
  expect((await api.ask('GET', newer)).json).toMatchObject({ kind: 'EventList', apiVersion: 'events.k8s.io/v1', items: [{ apiVersion: 'events.k8s.io/v1', note: 'hello' }] });
  expect(await watch.next()).toMatchObject({ type: 'ADDED', object: { apiVersion: 'events.k8s.io/v1', note: 'hello' } });
  const patched = await api.ask('PATCH', `${newer}/e.1`, { body: { note: 'again' }, headers: { 'Content-Type': 'application/strategic-merge-patch+json' } });
  expect(patched.json.note).toBe('again');
  expect((await api.ask('GET', `${older}/e.1`)).json.message).toBe('again');
  expect(await watch.next()).toMatchObject({ type: 'MODIFIED', object: { note: 'again' } });
  expect((await api.ask('DELETE', `${newer}/e.1`)).json).toMatchObject({ status: 'Success' });
  expect((await api.ask('GET', `${older}/e.1`)).status).toBe(404);
  expect(await watch.next()).toMatchObject({ type: 'DELETED' });
  watch.close();
});
