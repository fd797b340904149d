/**
 * One large blob pushed to and pulled from the registry, beside Debian's docker-registry where it is installed. Both run in processes of
 * their own over plain HTTP, driven by the same client; both sync what they acknowledge as they see fit (ours does before it answers).
 *
 *   node test/bench/registry.ts [megabytes, default 500]
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestOfFile } from '../../src/oci/digest.ts';
import { registryClient } from '../../src/oci/registry-client.ts';
import { startRegistry } from '../support/registry.ts';
import { measured, printTable, type Row } from './table.ts';

interface Measured {
  registry: 'slipway' | 'docker-registry';
  /** MB a second. */
  push: number;
  pull: number;
  /** Most memory it had, MB. */
  memory: number;
}

const peer = '/usr/bin/docker-registry';

export async function benchRegistry(megabytes = 500): Promise<Row[]> {
  const [ours, theirs] = await both(megabytes);
  if (!ours) return [];
  const row = (what: string, value: number, peer: number | undefined, unit: Row['unit'], better: Row['better']): Row => ({ what, value, unit, better, peer: measured('docker-registry', peer, 'docker-registry') });
  return [
    row(`registry, push of ${megabytes} MB`, ours.push, theirs?.push, 'MB/s', 'more'),
    row(`registry, pull of ${megabytes} MB`, ours.pull, theirs?.pull, 'MB/s', 'more'),
    row('registry, most memory', ours.memory, theirs?.memory, 'MB', 'less'),
  ];
}

/** Ours, then Debian's if it is installed. */
async function both(megabytes: number): Promise<Measured[]> {
  const directory = mkdtempSync(join(tmpdir(), 'slipway-bench-registry-'));
  try {
    const file = join(directory, 'blob');
    const block = randomFillSync(Buffer.alloc(1 << 20));
    for (let part = 0; part < megabytes; part++) writeFileSync(file, block, { flag: 'a' });
    const digest = await digestOfFile(file);
    const rows = [await measure('slipway', await startOurs(join(directory, 'ours')), file, digest, megabytes)];
    if (existsSync(peer)) rows.push(await measure('docker-registry', await startPeer(directory), file, digest, megabytes));
    return rows;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Running {
  url: string;
  child: ChildProcess;
}

async function measure(registry: Measured['registry'], { url, child }: Running, file: string, digest: string, megabytes: number): Promise<Measured> {
  const client = registryClient({ baseUrl: url, auth: { username: 'x', password: 'admin' } });
  try {
    const blob = { mediaType: 'application/octet-stream', digest, size: megabytes << 20 };
    const push = await rate(megabytes, () => client.pushBlob('demo/bench', { ...blob, content: file }));
    const pull = await rate(megabytes, async () => {
      for await (const chunk of client.readBlob('demo/bench', blob)) void chunk;
    });
    const [, memory = '0'] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
    return { registry, push, pull, memory: Math.round(Number(memory) / 1024) };
  } finally {
    client.close();
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
}

async function rate(megabytes: number, run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return Math.round(megabytes / ((performance.now() - start) / 1000));
}

async function startOurs(directory: string): Promise<Running> {
  const child = fork(fileURLToPath(import.meta.url), ['serve', directory], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const [url] = (await once(child, 'message')) as [string];
  return { url, child };
}

async function startPeer(directory: string): Promise<Running> {
  const free = createServer();
  await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
  const { port } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  const config = join(directory, 'peer.yml');
  writeFileSync(config, `version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: ${directory}/peer}}\nhttp: {addr: 127.0.0.1:${port}}\n`);
  const child = spawn(peer, ['serve', config], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  while (!(await fetch(`${url}/v2/`).then((response) => response.ok, () => false))) await new Promise((resolve) => setTimeout(resolve, 20));
  return { url, child };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === 'serve') {
    const { url } = await startRegistry({ directory: process.argv[3] ?? '' });
    process.send?.(url);
  } else printTable(await benchRegistry(Number(process.argv[2] ?? 500)));
}
