import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configMaps, type ConfigMap } from '../../../src/api/kinds/core.ts';
import { systemClock, type Clock } from '../../../src/base/clock.ts';
import { silentLog } from '../../../src/base/log.ts';
import { httpClient } from '../../../src/client/http-client.ts';
import { informer } from '../../../src/client/informers.ts';
import { informerFactory } from '../../../src/controlplane/kernel/reconcile/informer-factory.ts';
import { tinyCluster, type TinyCluster } from '../../support/tiny-cluster.ts';

/** Waits asked for are noted and cut short, so that reconnects come at once. */
function hasty(): Clock & { waits: number[] } {
  const waits: number[] = [];
  return { waits, now: systemClock.now, after: (ms, run) => (waits.push(ms), systemClock.after(1, run)) };
}

let cluster: TinyCluster;
let client: ReturnType<typeof httpClient>;
let clock: ReturnType<typeof hasty>;
const running: { dispose(): unknown }[] = [];
beforeEach(async () => {
  cluster = await tinyCluster();
  client = httpClient({ server: cluster.server, ca: cluster.ca });
  clock = hasty();
});
afterEach(async () => {
  for (const one of running.splice(0)) await one.dispose();
  await client.dispose();
  await cluster.dispose();
});

function start() {
  const one = informer(client, configMaps, { namespace: 'demo', indexes: { value: (object) => [object.data?.value ?? ''] } }, { clock, log: silentLog, random: () => 1 });
  running.push(one);
  const told: string[] = [];
  one.onChange(({ type, object, previous }) => told.push(`${type} ${object.metadata.name} ${previous?.data?.value ?? '-'}→${object.data?.value}`));
  return { one, told };
}
const names = (objects: ConfigMap[]) => objects.map(({ metadata }) => metadata.name).sort();
const requests = () => cluster.seen.map(({ url }) => (url.includes('watch=true') ? `watch ${new URL(url, 'https://x').searchParams.get('resourceVersion')}` : 'list'));

describe('informer', () => {
  it('lists, then follows', async () => {
    cluster.put('a', '1');
    const { one, told } = start();
    await one.synced;
    expect(one.get('demo/a')).toMatchObject({ kind: 'ConfigMap', data: { value: '1' } });
    await cluster.watched(1);
    cluster.put('b', '1');
    cluster.put('a', '2');
    cluster.remove('b');
    await expect.poll(() => told.length).toBe(4);
    expect(told).toEqual(['added a -→1', 'added b -→1', 'modified a 1→2', 'deleted b 1→1']);
    expect(names(one.list())).toEqual(['a']);
    expect(requests()).toEqual(['list', 'watch 11']);
  });

  it('files objects under its indexes, also under those added later', async () => {
    cluster.put('a', 'x');
    cluster.put('b', 'x');
    cluster.put('c', 'y');
    const { one } = start();
    await one.synced;
    one.addIndexes({ initial: ({ metadata }) => [metadata.name.slice(0, 1)] });
    await cluster.watched(1);
    cluster.put('b', 'y');
    await expect.poll(() => names(one.byIndex('value', 'y'))).toEqual(['b', 'c']);
    expect([names(one.byIndex('value', 'x')), names(one.byIndex('initial', 'b')), names(one.list('demo')), names(one.list('other'))]).toEqual([['a'], ['b'], ['a', 'b', 'c'], []]);
    expect(() => one.byIndex('nope', '')).toThrow('there is no index "nope"');
  });

  it('tells a late listener what is there', async () => {
    cluster.put('a', '1');
    const { one } = start();
    await one.synced;
    const late: string[] = [];
    void one.onChange(({ type, object }) => late.push(`${type} ${object.metadata.name}`)).dispose();
    expect(late).toEqual(['added a']);
  });

  it('resumes from the last revision it saw, bookmarks included, and misses nothing', async () => {
    cluster.put('a', '1');
    const { one, told } = start();
    await one.synced;
    await cluster.watched(1);
    cluster.put('a', '2');
    cluster.bookmark();
    await expect.poll(() => told.length).toBe(2);
    cluster.cut('end');
    cluster.put('b', '1');
    await expect.poll(() => told.at(-1)).toBe('added b -→1');
    expect(requests().slice(0, 3)).toEqual(['list', 'watch 11', 'watch 12']);
  });

  it('tells of a broken connection, waits longer each time, and of its return', async () => {
    const { one } = start();
    await one.synced;
    await cluster.watched(1);
    const failures: (string | undefined)[] = [];
    one.onFailure((failure) => failures.push(failure?.name));
    let refusals = 3;
    cluster.intercept = (_seen, response) => {
      if (refusals-- <= 0) return false;
      response.writeHead(503).end('not now');
      return true;
    };
    cluster.cut('destroy');
    await cluster.watched(1);
    await expect.poll(() => one.failure).toBe(undefined);
    expect(failures).toEqual(['ConnectionError', 'StatusError', 'StatusError', 'StatusError', undefined]);
    expect(clock.waits).toEqual([500, 1000, 2000, 4000]);
    expect(requests().filter((one) => one === 'list')).toHaveLength(1);
  });

  it('lists again when the server has forgotten its revision, and reports the difference', async () => {
    cluster.put('gone', '1');
    cluster.put('kept', '1');
    cluster.put('changed', '1');
    cluster.put('remade', '1');
    const { one, told } = start();
    await one.synced;
    await cluster.watched(1);
    cluster.intercept = (_seen, response) => {
      response.destroy();
      return true;
    };
    cluster.cut('destroy');
    cluster.remove('gone');
    cluster.put('changed', '2');
    cluster.put('new', '1');
    cluster.remove('remade');
    cluster.put('remade', '2');
    cluster.forget();
    told.length = 0;
    cluster.intercept = undefined;
    await cluster.watched(1);
    expect(told.sort()).toEqual(['added new -→1', 'added remade -→2', 'deleted gone 1→1', 'deleted remade 1→1', 'modified changed 1→2']);
    expect(requests().filter((one) => one === 'list')).toHaveLength(2);
    expect(one.failure).toBeUndefined();
  });

  it('reads long lists page by page', async () => {
    for (let n = 0; n < 1100; n++) cluster.put(`n${n}`, '');
    const { one } = start();
    await one.synced;
    expect(one.list()).toHaveLength(1100);
    expect(requests().filter((request) => request === 'list')).toHaveLength(3);
  });

  it('closes its watch when disposed', async () => {
    const { one } = start();
    await one.synced;
    await cluster.watched(1);
    await one.dispose();
    await expect.poll(() => cluster.watchers).toBe(0);
  });
});

describe('informer factory', () => {
  it('shares one informer a resource and grows its indexes', async () => {
    // The tiny cluster serves one namespace only; the factory asks for all of them.
    const across = { ...client, list: ((of, options) => client.list(of, { ...options, namespace: 'demo' })) as typeof client.list, watch: ((of, options) => client.watch(of, { ...options, namespace: 'demo' })) as typeof client.watch };
    const factory = informerFactory(across, systemClock, silentLog);
    running.push(factory);
    cluster.put('a', 'x');
    const one = factory.for(configMaps);
    await one.synced;
    expect(factory.for(configMaps, { value: (object) => [object.data?.value ?? ''] })).toBe(one);
    expect(names(one.byIndex('value', 'x'))).toEqual(['a']);
    await factory.dispose();
    expect(() => factory.for(configMaps)).toThrow('stopping');
  });
});
