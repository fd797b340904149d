/**
 * The embedded store by itself: creates with 1, 16 and 256 writers, gets, lists of one collection beside others, watch fan-out, and opening again.
 *
 *   node test/bench/store.ts [objects, default 20000]
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KubeObject } from '../../src/api/meta.ts';
import { openSqliteStore } from '../../src/controlplane/kernel/store/sqlite/sqlite-store.ts';
import { printTable, type Row } from './table.ts';

/** A pod as the API server stores one: about 1.5 kB. */
const pod = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'bench', uid: '0d1b7e5e-6f5c-4b07-8d5b-2f6d6a4f3c11', labels: { app: 'bench', tier: 'front' }, creationTimestamp: '2026-01-01T00:00:00Z' },
  ...{
    spec: {
      nodeName: 'node-1',
      containers: [{ name: 'main', image: `docker-registry.default.svc:5000/bench/app@sha256:${'a'.repeat(64)}`, env: Array.from({ length: 12 }, (_, n) => ({ name: `VARIABLE_${n}`, value: 'v'.repeat(30) })), ports: [{ containerPort: 8080 }] }],
    },
    status: { phase: 'Running', podIP: '10.128.0.7', conditions: ['Ready', 'PodScheduled', 'Initialized', 'ContainersReady'].map((type) => ({ type, status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' })) },
  },
});

export async function benchStore(objects = 20_000): Promise<Row[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'bench-store-'));
  const file = path.join(folder, 'store.db');
  const rows: Row[] = [];
  const row = (what: string, value: number, unit: Row['unit'], cpu?: number) =>
    rows.push({ what, value, unit, better: unit.endsWith('/s') ? 'more' : 'less', ...(cpu !== undefined && { note: `${cpu.toFixed(2)} µs CPU each` }) });
  const rate = async (what: string, count: number, unit: Row['unit'], run: () => unknown) => {
    const cpu = process.cpuUsage();
    const began = performance.now();
    await run();
    const seconds = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    row(what, count / seconds, unit, (user + system) / count);
  };

  let store = await openSqliteStore({ file });
  let serial = 0;
  const create = async (writers: number, count: number, collection = 'core/pods/bench') => {
    let left = count;
    await Promise.all(Array.from({ length: writers }, async () => {
      while (left-- > 0) {
        const name = `p-${serial++}`;
        await store.put(`${collection}/${name}`, pod(name), 0);
      }
    }));
  };
  await create(16, 500, 'warm/up/x');
  for (const [writers, count] of [[1, 300], [16, Math.round(objects / 5)], [256, objects]] as const) await rate(`create, ${writers} at once`, count, '/s', () => create(writers, count));
  const keys = store.list('core/pods/bench/', { limit: 1000 }).entries.map(({ key }) => key);
  await rate('get', 1_000_000, '/s', () => {
    for (let n = 0; n < 1_000_000; n++) store.get(keys[n % 1000] as string);
  });
  await create(256, 2000, 'core/pods/small');
  const timed = (what: string, times: number, run: () => unknown) => {
    const began = performance.now();
    for (let n = 0; n < times; n++) run();
    row(what, ((performance.now() - began) / times) * 1000, 'µs');
  };
  timed(`list 2,000 beside ${store.count('')}`, 50, () => store.list('core/pods/small/'));
  timed('page of 500', 200, () => store.list('core/pods/bench/', { limit: 500 }));
  const { revision } = store;
  await create(256, 500, 'core/pods/small');
  timed('page of 500, 500 writes ago', 200, () => store.list('core/pods/small/', { limit: 500, at: revision }));

  let told = 0;
  const watches = Array.from({ length: 50 }, () => store.watch('core/pods/bench/', undefined, (events) => (told += events.length)));
  await rate('watch fan-out to 50', 50 * 2000, 'events/s', () => create(16, 2000));
  if (told !== 50 * 2000) throw new Error(`${told} events arrived`);
  for (const watch of watches) void watch.dispose();

  const held = store.count('');
  await store.dispose();
  row('file', statSync(file).size / 1e6, 'MB');
  const began = performance.now();
  store = await openSqliteStore({ file });
  row(`open with ${held}`, performance.now() - began, 'ms');
  await store.dispose();
  rmSync(folder, { recursive: true });
  return rows;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printTable(await benchStore(Number(process.argv[2] ?? 20_000)));
