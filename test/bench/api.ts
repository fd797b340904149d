/**
 * Requests a second of the API server with 16 connections, and what they cost it: create, get, update, patch, create pod, list, watch.
 *
 *   node test/bench/api.ts [seconds a row, default 3]
 *
 * The server runs in a process of its own (SQLite on disk, TLS, client certificate), as it does in the product.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Pool } from 'undici';
import { sampleKinds } from '../support/sample-kinds.ts';
import { startApi } from '../support/api-server.ts';

const connections = 16;

interface Ready {
  url: string;
  ca: string;
  cert: string;
  key: string;
}

if (process.argv[2] === 'serve') await serve();
else await drive(Number(process.argv[2] ?? 3));

async function serve(): Promise<void> {
  const api = await startApi(sampleKinds, { requests: () => undefined });
  process.send?.({ url: api.url, ca: api.ca, cert: api.admin.certificate, key: api.admin.key } satisfies Ready);
  process.on('message', (message) => {
    if (message === 'cpu') process.send?.(process.cpuUsage());
    if (message === 'memory') process.send?.(process.memoryUsage().rss);
  });
  process.once('disconnect', () => void api.dispose().then(() => process.exit(0)));
}

async function drive(seconds: number): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), ['serve'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const [ready] = (await once(child, 'message')) as [Ready];
  const pool = new Pool(ready.url, { connections, pipelining: 1, connect: { ca: ready.ca, cert: ready.cert, key: ready.key } });
  const call = async (method: 'GET' | 'POST' | 'PUT' | 'PATCH', path: string, body?: unknown, type = 'application/json') => {
    const reply = await pool.request({ method, path, headers: { 'user-agent': 'bench/1', ...(body !== undefined && { 'content-type': type }) }, ...(body !== undefined && { body: JSON.stringify(body) }) });
    const text = await reply.body.text();
    if (reply.statusCode >= 300) throw new Error(`${method} ${path}: ${reply.statusCode} ${text}`);
    return text;
  };

  await call('POST', '/api/v1/namespaces', { metadata: { name: 'bench' } });
  const maps = '/api/v1/namespaces/bench/configmaps';
  const pods = '/api/v1/namespaces/bench/pods';
  const data = { key: 'x'.repeat(200) };
  const pod = (name: string) => ({
    metadata: { name, labels: { app: 'bench', tier: 'front' } },
    spec: { containers: [{ name: 'main', image: 'nginx:1', env: [{ name: 'A', value: 'b' }], ports: [{ containerPort: 80 }], resources: { requests: { cpu: '100m', memory: '64Mi' } } }], volumes: [{ name: 'tmp', emptyDir: {} }] },
  });
  let serial = 0;
  const rows: [string, () => Promise<unknown>][] = [
    ['create', () => call('POST', maps, { metadata: { name: `m-${serial++}` }, data })],
    ['get', () => call('GET', `${maps}/m-${Math.floor(Math.random() * 100)}`)],
    ['update', () => call('PUT', `${maps}/m-${serial++ % 100}`, { metadata: { name: `m-${(serial - 1) % 100}` }, data: { ...data, at: String(serial) } })],
    ['patch', () => call('PATCH', `${maps}/m-${serial++ % 100}`, { data: { patched: String(serial) } }, 'application/merge-patch+json')],
    ['create pod', () => call('POST', pods, pod(`p-${serial++}`))],
  ];
  for (const [name, run] of rows) {
    serial = 0;
    await report(child, name, seconds, run);
  }
  await lists(call, pods);
  await watchers(child, ready, call, maps);
  child.send('memory');
  const [rss] = (await once(child, 'message')) as [number];
  console.log(`server memory (RSS)  ${(rss / 1e6).toFixed(0)} MB`);
  await pool.close();
  child.disconnect();
}

async function report(child: ChildProcess, name: string, seconds: number, run: () => Promise<unknown>): Promise<void> {
  const before = await cpu(child);
  const end = performance.now() + seconds * 1000;
  const began = performance.now();
  let done = 0;
  const took: number[] = [];
  await Promise.all(Array.from({ length: connections }, async () => {
    while (performance.now() < end) {
      const at = performance.now();
      await run();
      took.push(performance.now() - at);
      done++;
    }
  }));
  const elapsed = (performance.now() - began) / 1000;
  const spent = (await cpu(child)) - before;
  took.sort((a, b) => a - b);
  console.log(`${name.padEnd(12)} ${(done / elapsed).toFixed(0).padStart(6)}/s   ${(spent / done / 1000).toFixed(3)} ms CPU each   p50 ${took[done >> 1]?.toFixed(1)} ms   p99 ${took[Math.floor(done * 0.99)]?.toFixed(1)} ms`);
}

async function cpu(child: ChildProcess): Promise<number> {
  child.send('cpu');
  const [usage] = (await once(child, 'message')) as [NodeJS.CpuUsage];
  return usage.user + usage.system;
}

async function lists(call: (method: 'GET' | 'POST', path: string, body?: unknown) => Promise<string>, pods: string): Promise<void> {
  const took: number[] = [];
  let items = 0;
  for (let round = 0; round < 10; round++) {
    const at = performance.now();
    const text = await call('GET', `${pods}?limit=2000`);
    took.push(performance.now() - at);
    items = (JSON.parse(text) as { items: unknown[] }).items.length;
  }
  took.sort((a, b) => a - b);
  console.log(`list ${items} pods   median ${took[5]?.toFixed(1)} ms`);
}

async function watchers(child: ChildProcess, ready: Ready, call: (method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown) => Promise<string>, maps: string): Promise<void> {
  const count = 50;
  const writes = 1000;
  const pool = new Pool(ready.url, { connections: count, pipelining: 1, bodyTimeout: 0, connect: { ca: ready.ca, cert: ready.cert, key: ready.key } });
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
  const before = await cpu(child);
  const began = performance.now();
  let next = 0;
  await Promise.all(Array.from({ length: connections }, async () => {
    while (next < writes) {
      const mine = next++;
      await call('POST', maps, { metadata: { name: `w-${mine}` }, data: { key: 'x'.repeat(200) } });
    }
  }));
  await all;
  const elapsed = (performance.now() - began) / 1000;
  console.log(`watch, ${count} watchers   ${((count * writes) / elapsed).toFixed(0)} events/s   ${(((await cpu(child)) - before) / count / writes).toFixed(1)} µs CPU each`);
  await pool.destroy();
}
