import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import type { Clock } from '../../../../../src/base/clock.ts';
import { manualClock, type ManualClock } from '../../../../support/manual-clock.ts';
import { startApi, type RunningApi } from '../../../../support/api-server.ts';
import { sampleKinds } from '../../../../support/sample-kinds.ts';

let api: RunningApi;
let clock: ManualClock;
let maps: string;
let serial = 0;

beforeAll(async () => {
  clock = manualClock('2026-01-01T00:00:00Z');
  const server: Clock = clock;
  api = await startApi(sampleKinds, { clock: server });
});
afterAll(() => api.dispose());
beforeEach(async () => {
  const namespace = `ns-${++serial}`;
  maps = `/api/v1/namespaces/${namespace}/configmaps`;
  await api.ask('POST', '/api/v1/namespaces', { body: { metadata: { name: namespace } } });
});

const make = async (name: string, labels?: Record<string, string>) => (await api.ask('POST', maps, { body: { metadata: { name, ...(labels && { labels }) } } })).json;
const label = (name: string, labels: Record<string, string | null>) => api.ask('PATCH', `${maps}/${name}`, { body: { metadata: { labels } }, headers: { 'Content-Type': 'application/merge-patch+json' } });
const names = (list: { items: { metadata: { name: string } }[] }) => list.items.map((item) => item.metadata.name);
const table = { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };

describe('list', () => {
  it('pages, and shows later pages as of the first', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await make(name);
    const first = (await api.ask('GET', `${maps}?limit=2`)).json;
    expect(names(first)).toEqual(['a', 'b']);
    expect(first.metadata.remainingItemCount).toBe(3);
    await api.ask('DELETE', `${maps}/d`);
    await make('c2');
    const second = (await api.ask('GET', `${maps}?limit=2&continue=${first.metadata.continue}`)).json;
    expect(names(second)).toEqual(['c', 'd']);
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    const third = (await api.ask('GET', `${maps}?limit=2&continue=${second.metadata.continue}`)).json;
    expect(names(third)).toEqual(['e']);
    expect(third.metadata.continue).toBeUndefined();
    expect(names((await api.ask('GET', maps)).json)).toEqual(['a', 'b', 'c', 'c2', 'e']);
    expect(names((await api.ask('GET', `${maps}?resourceVersion=${first.metadata.resourceVersion}&resourceVersionMatch=Exact`)).json)).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('pages through what a selector picks', async () => {
    for (let index = 0; index < 9; index++) await make(`m${index}`, { parity: index % 2 ? 'odd' : 'even' });
    const query = `${maps}?labelSelector=parity%3Deven&limit=2`;
    const found: string[] = [];
    let token = '';
    do {
      const page = (await api.ask('GET', `${query}&continue=${token}`)).json;
      expect(page.metadata.remainingItemCount).toBeUndefined();
      found.push(...names(page));
      token = page.metadata.continue ?? '';
    } while (token);
    expect(found).toEqual(['m0', 'm2', 'm4', 'm6', 'm8']);
  });

  it('selects by field', async () => {
    await make('one');
    await make('two');
    expect(names((await api.ask('GET', `${maps}?fieldSelector=metadata.name%3Dtwo`)).json)).toEqual(['two']);
    expect(names((await api.ask('GET', `${maps}?fieldSelector=metadata.name!%3Dtwo`)).json)).toEqual(['one']);
    expect(names((await api.ask('GET', `/api/v1/configmaps?fieldSelector=metadata.name%3Dtwo,metadata.namespace%3Dns-${serial}`)).json)).toEqual(['two']);
  });

  it('prints tables', async () => {
    await make('row');
    await clock.advance(65_000);
    const got = (await api.ask('GET', maps, { headers: table })).json;
    expect(got).toMatchObject({
      kind: 'Table', apiVersion: 'meta.k8s.io/v1',
      columnDefinitions: [{ name: 'Name', type: 'string', format: 'name', priority: 0 }, { name: 'Data', type: 'integer' }, { name: 'Age' }],
      rows: [{ cells: ['row', 0, '65s'], object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: { name: 'row' } } }],
    });
    expect((await api.ask('GET', `${maps}/row?includeObject=Object`, { headers: table })).json.rows[0].object.kind).toBe('ConfigMap');
    expect((await api.ask('GET', `${maps}/row?includeObject=None`, { headers: table })).json.rows[0].object).toBeUndefined();
    const partial = (await api.ask('GET', maps, { headers: { Accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' } })).json;
    expect(partial).toMatchObject({ kind: 'PartialObjectMetadataList', items: [{ kind: 'PartialObjectMetadata', metadata: { name: 'row' } }] });
  });

  it('packs large answers for those who take it', async () => {
    for (let index = 0; index < 3; index++) await api.ask('POST', maps, { body: { metadata: { name: `big${index}` }, data: { x: 'y'.repeat(100_000) } } });
    const packed = await api.ask('GET', maps, { headers: { 'Accept-Encoding': 'gzip' } });
    expect(packed.headers['content-encoding']).toBe('gzip');
    expect((await api.ask('GET', `${maps}/big0`, { headers: { 'Accept-Encoding': 'gzip' } })).headers['content-encoding']).toBeUndefined();
    expect((await api.ask('GET', maps)).headers['content-encoding']).toBeUndefined();
  });
});

describe('watch', () => {
  it('tells what exists, then what happens', async () => {
    await make('old');
    const watch = await api.follow(`${maps}?watch=true`);
    expect(watch.headers['content-type']).toBe('application/json');
    expect(await watch.next()).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'old' } } });
    const made = await make('new');
    expect(await watch.next()).toEqual({ type: 'ADDED', object: made });
    await label('new', { a: 'b' });
    expect(await watch.next()).toMatchObject({ type: 'MODIFIED', object: { metadata: { labels: { a: 'b' } } } });
    await api.ask('DELETE', `${maps}/new`);
    const gone = await watch.next();
    expect(gone).toMatchObject({ type: 'DELETED', object: { metadata: { name: 'new' } } });
    expect(Number(gone.object.metadata.resourceVersion)).toBeGreaterThan(Number(made.metadata.resourceVersion));
    watch.close();
  });

  it('tells history from a version on', async () => {
    const first = await make('first');
    await make('second');
    await api.ask('DELETE', `${maps}/first`);
    const watch = await api.follow(`${maps}?watch=1&resourceVersion=${first.metadata.resourceVersion}`);
    expect([await watch.next(), await watch.next()].map(({ type, object }) => `${type} ${object.metadata.name}`)).toEqual(['ADDED second', 'DELETED first']);
    watch.close();
  });

  it('shows a selection as its members come and go', async () => {
    await make('in', { app: 'x' });
    await make('out', { app: 'y' });
    const watch = await api.follow(`${maps}?watch=true&labelSelector=app%3Dx`);
    const seen = async () => {
      const { type, object } = await watch.next();
      return `${type} ${object.metadata.name} ${object.metadata.labels.app}`;
    };
    expect(await seen()).toBe('ADDED in x');
    await label('out', { other: 'z' });
    await label('out', { app: 'x' });
    expect(await seen()).toBe('ADDED out x');
    await label('in', { app: 'y' });
    // As it was when it still fitted.
    expect(await seen()).toBe('DELETED in x');
    await api.ask('DELETE', `${maps}/in`);
    await api.ask('DELETE', `${maps}/out`);
    expect(await seen()).toBe('DELETED out x');
    watch.close();
  });

  it('watches one object by its path or name', async () => {
    await make('one');
    for (const path of [`${maps}/one?watch=true`, `${maps}?watch=true&fieldSelector=metadata.name%3Done`]) {
      const watch = await api.follow(path);
      expect(await watch.next()).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'one' } } });
      await make(`other-${path.length}`);
      await label('one', { at: String(path.length) });
      expect(await watch.next()).toMatchObject({ type: 'MODIFIED', object: { metadata: { name: 'one' } } });
      watch.close();
    }
  });

  it('marks the end of initial events', async () => {
    await make('a');
    const watch = await api.follow(`${maps}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=&allowWatchBookmarks=true`);
    expect(await watch.next()).toMatchObject({ type: 'ADDED' });
    expect(await watch.next()).toMatchObject({ type: 'BOOKMARK', object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { annotations: { 'k8s.io/initial-events-end': 'true' }, resourceVersion: String(api.store.revision) } } });
    watch.close();
  });

  it('sends bookmarks each minute to those who ask, and ends in time', async () => {
    const asked = await api.follow(`${maps}?watch=true&allowWatchBookmarks=true&timeoutSeconds=90`);
    const plain = await api.follow(`${maps}?watch=true&timeoutSeconds=90`);
    await make('a');
    expect(await asked.next()).toMatchObject({ type: 'ADDED' });
    expect(await plain.next()).toMatchObject({ type: 'ADDED' });
    await clock.advance(60_000);
    expect(await asked.next()).toMatchObject({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(api.store.revision) } } });
    await clock.advance(30_000);
    expect(await asked.next()).toMatchObject({ type: 'BOOKMARK' });
    expect([await asked.next(), await plain.next()]).toEqual([undefined, undefined]);
  });

  it('answers a version of another past with an ERROR event', async () => {
    const watch = await api.follow(`${maps}?watch=true&resourceVersion=99999999`);
    expect(watch.status).toBe(200);
    expect(await watch.next()).toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } });
    expect(await watch.next()).toBeUndefined();
  });

  it('sends table rows, the columns once', async () => {
    await make('a');
    const watch = await api.follow(`${maps}?watch=true`, table);
    const first = await watch.next();
    expect(first.object.columnDefinitions).toHaveLength(3);
    await make('b');
    const second = await watch.next();
    expect(second).toMatchObject({ type: 'ADDED', object: { kind: 'Table', columnDefinitions: null, rows: [{ cells: ['b', 0, '0s'] }] } });
    watch.close();
  });

  it('keeps many watchers of many forms in step', async () => {
    const watches = await Promise.all(Array.from({ length: 30 }, (_, index) => api.follow(`${maps}?watch=true${index % 3 === 1 ? '&labelSelector=app%3Dx' : ''}`, index % 3 === 2 ? table : {})));
    for (let index = 0; index < 20; index++) await make(`m${index}`, { app: 'x' });
    for (const [index, watch] of watches.entries()) {
      const seen: string[] = [];
      for (let event = 0; event < 20; event++) {
        const { object } = await watch.next();
        seen.push(index % 3 === 2 ? object.rows[0].cells[0] : object.metadata.name);
      }
      expect(seen).toEqual(Array.from({ length: 20 }, (_, n) => `m${n}`));
      watch.close();
    }
  });

  it('lets go of watchers that left', async () => {
    const watch = await api.follow(`${maps}?watch=true`);
    await make('a');
    await watch.next();
    const open = async () => Number(/^apiserver_longrunning_requests (\d+)$/m.exec((await api.ask('GET', '/metrics')).text)?.[1]);
    const before = await open();
    watch.close();
    while ((await open()) >= before) await new Promise((resolve) => setImmediate(resolve));
  });

  it('speaks WebSocket, one text an event', async () => {
    await make('a');
    const socket = new WebSocket(`${api.url.replace('https', 'wss')}${maps}?watch=true`, ['base64.binary.k8s.io'], { ca: api.ca, cert: api.admin.certificate, key: api.admin.key });
    const messages: unknown[] = [];
    let wake: () => void = () => undefined;
    socket.on('message', (data, binary) => {
      messages.push({ binary, ...(JSON.parse(String(data)) as object) });
      wake();
    });
    const next = async () => {
      while (messages.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return messages.shift();
    };
    expect(await next()).toMatchObject({ binary: false, type: 'ADDED', object: { metadata: { name: 'a' } } });
    await make('b');
    expect(await next()).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'b' } } });
    socket.close();
  });

  it('drops a watcher that does not read', async () => {
    const stuck = request(`${api.url}${maps}?watch=true`, { ca: api.ca, cert: api.admin.certificate, key: api.admin.key });
    const response = await new Promise<IncomingMessage>((resolve) => stuck.once('response', resolve).end());
    response.pause();
    await api.ask('POST', maps, { body: { metadata: { name: 'big' } } });
    const open = async () => Number(/^apiserver_longrunning_requests (\d+)$/m.exec((await api.ask('GET', '/metrics')).text)?.[1]);
    const before = await open();
    // More than the socket's and the kernel's buffers hold together.
    for (let round = 0; (await open()) >= before && round < 100; round++) {
      await api.ask('PATCH', `${maps}/big`, { body: { data: { x: `${round}${'y'.repeat(1024 * 1024)}` } }, headers: { 'Content-Type': 'application/merge-patch+json' } });
    }
    expect(await open()).toBeLessThan(before);
    stuck.destroy();
  });
});
