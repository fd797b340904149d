/**
 * Requests a second with 16 connections to the API of a whole platform, over HTTPS with a client certificate, and what they cost the control plane:
 * create, get, update, patch, create pod, list, watch. Controllers watch as always. `node test/bench/api.ts [seconds a row, default 3]`
 */
import { fileURLToPath } from 'node:url';
import { eventually } from '../support/platform/platform.ts';
import { benchEtcd } from './etcd.ts';
import { caller, withPlatform, type Call, type MeasuredPlatform } from './platform.ts';
import { measured, median, printTable, recorded, type Row } from './table.ts';

const connections = 16;
const peer = 'kube-apiserver + etcd';
const namespace = 'bench';
const maps = `/api/v1/namespaces/${namespace}/configmaps`;
const pods = `/api/v1/namespaces/${namespace}/pods`;
const data = { key: 'x'.repeat(200) };

/** No scheduler takes it: it is the API that is measured here. */
const pod = (name: string) => ({
  metadata: { name, labels: { app: 'bench', tier: 'front' } },
  spec: {
    schedulerName: 'none',
    containers: [{ name: 'main', image: 'nginx:1', env: [{ name: 'A', value: 'b' }], ports: [{ containerPort: 80 }], resources: { requests: { cpu: '100m', memory: '64Mi' } } }],
    volumes: [{ name: 'tmp', emptyDir: {} }],
  },
});

export async function benchApi(platform: MeasuredPlatform, seconds = 3): Promise<Row[]> {
  const pool = platform.pool(connections);
  const call = caller(pool);
  await call('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
  await eventually('service account', async () => call('GET', `/api/v1/namespaces/${namespace}/serviceaccounts/default`));
  const rows: Row[] = [];
  const etcd = await benchEtcd(connections, seconds);
  let serial = 0;
  const cases: { name: string; perSecond: number; cpu?: number; beside?: number | undefined; run(): Promise<unknown> }[] = [
    { name: 'create', perSecond: 1009, cpu: 0.91, beside: etcd?.put, run: () => call('POST', maps, { metadata: { name: `m-${serial++}` }, data }) },
    { name: 'get', perSecond: 2898, cpu: 0.33, beside: etcd?.get, run: () => call('GET', `${maps}/m-${serial++ % 100}`) },
    { name: 'update', perSecond: 1360, run: () => call('PUT', `${maps}/m-${serial % 100}`, { metadata: { name: `m-${serial % 100}` }, data: { ...data, at: String(serial++) } }) },
    { name: 'patch', perSecond: 894, run: () => call('PATCH', `${maps}/m-${serial % 100}`, { data: { patched: String(serial++) } }, 'application/merge-patch+json') },
    { name: 'create pod', perSecond: 591, run: () => call('POST', pods, pod(`p-${serial++}`)) },
  ];
  for (const { name, perSecond, cpu, beside, run } of cases) {
    serial = 0;
    const found = await drive(platform, seconds, run);
    rows.push({ what: `${name}, ${connections} connections`, value: found.perSecond, unit: '/s', better: 'more', peer: recorded(peer, perSecond), least: { times: 2.5 }, aim: { times: 4 }, note: `p50 ${found.p50.toFixed(1)} ms, p99 ${found.p99.toFixed(1)} ms` });
    if (cpu !== undefined) {
      rows.push({ what: `  beside etcd alone, over its HTTP gateway`, value: found.perSecond, unit: '/s', better: 'more', peer: measured(`etcd ${name === 'get' ? 'range' : 'put'}`, beside, 'etcd-server') });
      rows.push({ what: `  CPU of the control plane for each`, value: found.cpu, unit: 'ms CPU', better: 'less', peer: recorded(peer, cpu), least: { times: 3 }, aim: { times: 5 } });
    }
  }
  rows.push(await lists(call), await watchers(platform, call));
  await call('DELETE', `/api/v1/namespaces/${namespace}`);
  await pool.close();
  return rows;
}

async function drive(platform: MeasuredPlatform, seconds: number, run: () => Promise<unknown>): Promise<{ perSecond: number; cpu: number; p50: number; p99: number }> {
  const before = platform.cpu();
  const began = performance.now();
  const end = began + seconds * 1000;
  const took: number[] = [];
  await Promise.all(Array.from({ length: connections }, async () => {
    while (performance.now() < end) {
      const at = performance.now();
      await run();
      took.push(performance.now() - at);
    }
  }));
  const elapsed = (performance.now() - began) / 1000;
  const sorted = took.toSorted((a, b) => a - b);
  return { perSecond: took.length / elapsed, cpu: (platform.cpu() - before) / took.length, p50: median(sorted), p99: sorted[Math.floor(sorted.length * 0.99)] ?? 0 };
}

async function lists(call: Call): Promise<Row> {
  const count = 2000;
  const few = '/api/v1/namespaces/bench-list';
  await call('POST', '/api/v1/namespaces', { metadata: { name: 'bench-list' } });
  await eventually('service account', async () => call('GET', `${few}/serviceaccounts/default`));
  for (let made = 0; made < count; made += 100) await Promise.all(Array.from({ length: 100 }, (_, index) => call('POST', `${few}/pods`, pod(`p-${made + index}`))));
  const took: number[] = [];
  for (let round = 0; round < 11; round += 1) {
    const at = performance.now();
    const text = await call('GET', `${few}/pods`);
    took.push(performance.now() - at);
    if (round === 0 && (JSON.parse(text) as { items: unknown[] }).items.length !== count) throw new Error('the list is not whole');
  }
  await call('DELETE', few);
  return { what: `list ${count} pods`, value: median(took), unit: 'ms', better: 'less', peer: recorded(peer, 254), least: { times: 5 }, aim: { times: 10 } };
}

async function watchers(platform: MeasuredPlatform, call: Call): Promise<Row> {
  const count = 50;
  const writes = 1000;
  const pool = platform.pool(count);
  const { metadata } = JSON.parse(await call('GET', `${maps}?limit=1`)) as { metadata: { resourceVersion: string } };
  let seen = 0;
  let finished: () => void = () => undefined;
  const all = new Promise<void>((resolve) => (finished = resolve));
  const streams = await Promise.all(Array.from({ length: count }, () => pool.request({ method: 'GET', path: `${maps}?watch=true&resourceVersion=${metadata.resourceVersion}` })));
  for (const { body } of streams) {
    body.on('data', (chunk: Buffer) => {
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) if (++seen === count * writes) finished();
    });
    body.on('error', () => undefined);
  }
  const before = platform.cpu();
  const began = performance.now();
  let next = 0;
  await Promise.all(Array.from({ length: connections }, async () => {
    while (next < writes) await call('POST', maps, { metadata: { name: `w-${next++}` }, data });
  }));
  await all;
  const elapsed = (performance.now() - began) / 1000;
  const cpu = ((platform.cpu() - before) * 1000) / count / writes;
  await pool.destroy();
  return { what: `watch fan-out, ${count} watchers`, value: (count * writes) / elapsed, unit: 'events/s', better: 'more', peer: recorded(peer, 6007), least: { times: 3 }, aim: { times: 5 }, note: `${cpu.toFixed(0)} µs CPU each` };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printTable(await withPlatform((platform) => benchApi(platform, Number(process.argv[2] ?? 3))));
